"""Quoting from an import's original file: rejected rows as they stood, and the row behind a line."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from loyalty_core.intake import store
from loyalty_core.intake.commands import stored_path
from loyalty_core.intake.reading import RowNotFoundError, original_rows, preview_file
from loyalty_core.intake.store import FileImport
from loyalty_core.kernel import Cell, Database, Scope, Settings, _, write_csv, write_xlsx


def rejected_file_name(found: FileImport) -> str:
    """Return what the file of rejected rows is called: as the original, and of its kind."""
    stem = found.file_name.removesuffix(".gz")
    name, dot, extension = stem.rpartition(".")
    is_workbook = extension.lower() == "xlsx"
    return f"{name if dot else stem}-rejected.{'xlsx' if is_workbook else 'csv'}"


def write_rejected_rows(
    database: Database,
    settings: Settings,
    scope: Scope,
    found: FileImport,
    path: Path,
    *,
    reason_text: Callable[[str], str],
) -> int:
    """Write an import's rejected rows to `path`, a workbook or a CSV as the original was; return how many.

    The columns are the file's own, the last one says what is wrong and the one before it names the row, so
    that the file can be put right and brought again. What a row holds to the right of the file's last header
    stands to the right of the last header here too: a file brought again as it is, is rejected again. Raises
    a FileRefusal when the original can't be read.
    """
    original = stored_path(settings, found.sha256)
    reading = found.reading or _looked_at(original, found)
    with database.snapshot(scope) as connection:
        numbers = [number for number, _reasons in store.quarantine_reasons(connection, found.id)]
        cells_of = original_rows(
            original,
            found.file_name,
            [reading["header_row"], *numbers],
            sheet=reading["sheet"],
            encoding=reading["encoding"],
            delimiter=reading["delimiter"],
        )
        own = next((cells for number, cells in cells_of if number == reading["header_row"]), [])
        # Nameless columns to the right of the last header belong to the table as well.
        own_header = [*reading["header"], *[""] * (len(own) - len(reading["header"]))]
        header = [*own_header, _("Row in the file"), _("What is wrong")]
        reasons = store.quarantine_reasons(connection, found.id)
        rows = _rows(len(own_header), cells_of, reasons, reason_text)
        if rejected_file_name(found).endswith(".csv"):
            return write_csv(path, header, rows)
        return write_xlsx(path, header, rows, sheet=(reading["sheet"] or _("Rejected"))[:31])


def _looked_at(original: Path, found: FileImport) -> dict[str, Any]:
    """Say how a file would be read that was refused before it was."""
    preview = preview_file(original, found.file_name, encoding=found.mapping.get("encoding"), first_rows=1)
    return {
        "sheet": preview.sheet,
        "header": list(preview.header),
        "header_row": preview.header_row,
        "encoding": preview.encoding,
        "delimiter": preview.delimiter,
    }


def original_row(settings: Settings, found: FileImport, row_no: int) -> dict[str, str]:
    """Return the cells of one row of an accepted import's file as they stand, by the file's own headers.

    Raises RowNotFoundError, and a FileRefusal when the original can't be read any more.
    """
    reading = found.reading or {}
    for _number, cells in original_rows(
        stored_path(settings, found.sha256),
        found.file_name,
        [row_no],
        sheet=reading.get("sheet"),
        encoding=reading.get("encoding"),
        delimiter=reading.get("delimiter"),
    ):
        header = reading.get("header", [])
        padded = [*cells, *[""] * (len(header) - len(cells))]
        return dict(zip(header, padded, strict=False))
    raise RowNotFoundError(found.file_name, {"row": row_no})


def _rows(
    width: int,
    cells_of: Iterator[tuple[int, list[str]]],
    reasons: Iterator[tuple[int, Sequence[str]]],
    reason_text: Callable[[str], str],
) -> Iterator[list[Cell]]:
    number, cells = next(cells_of, (0, []))
    for row_no, row_reasons in reasons:
        while 0 < number < row_no:
            number, cells = next(cells_of, (0, []))
        # A row that the reader leaves out keeps its place: what is wrong with it is told all the same.
        as_it_stands = cells if number == row_no else []
        padded = [*as_it_stands[:width], *[""] * (width - len(as_it_stands))]
        yield [
            *padded,
            row_no,
            " ".join(reason_text(reason) for reason in row_reasons),
            *as_it_stands[width:],
        ]
