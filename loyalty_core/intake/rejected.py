"""Quoting from an import's original file: rejected rows as they stand, and the row behind a line."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import groupby
from pathlib import Path
from typing import Any

from loyalty_core.intake import repair_store
from loyalty_core.intake.commands import stored_path
from loyalty_core.intake.dataset import registered_datasets
from loyalty_core.intake.mapping import ColumnKind, header_key
from loyalty_core.intake.reading import RowNotFoundError, original_rows, preview_file
from loyalty_core.intake.repair_store import Address, RowPutAside
from loyalty_core.intake.store import FileImport
from loyalty_core.kernel import Cell, Database, Scope, Settings, _, write_csv, write_xlsx

ROW_HEADER = "Row in the file"
SHEET_HEADER = "Sheet in the file"


def rejected_file_name(found: FileImport) -> str:
    """Return what the file of rejected rows is called: as the original, and of its kind."""
    stem = found.file_name.removesuffix(".gz")
    name, dot, extension = stem.rpartition(".")
    return f"{name if dot else stem}-rejected.{'xlsx' if extension.lower() == 'xlsx' else 'csv'}"


def row_headers() -> list[str]:
    """Return what the column that names the row may be called: in the reader's language, and as it was before."""
    return list(dict.fromkeys([_("Row in the file"), ROW_HEADER]))


def sheet_headers() -> list[str]:
    """Return what the column that names the sheet may be called."""
    return list(dict.fromkeys([_("Sheet in the file"), SHEET_HEADER]))


def unused_header(header: str, own: Sequence[str]) -> str:
    """Return the header, with a number behind it where the file itself has a column of that name."""
    keys = {header_key(one) for one in own}
    names = (header, *(f"{header} ({number})" for number in range(2, len(own) + 3)))
    return next(name for name in names if header_key(name) not in keys)


@dataclass(frozen=True, slots=True)
class StandingRow:
    """A row of an import's file: as it stands there, and as it reads with what people corrected of it.

    Both have a cell for each of the file's columns at least, and one more for what stands to the right of them.
    """

    sheet: str
    row_no: int
    original: tuple[str, ...]
    cells: tuple[str, ...]


class OriginalFile:
    """An import's file, read again as it was read then. Raises a FileRefusal when it can't be."""

    def __init__(self, settings: Settings, found: FileImport) -> None:
        self._found = found
        self._path = stored_path(settings, found.sha256)
        self.reading: dict[str, Any] = found.reading or self._looked_at()
        self._header: list[str] | None = None

    @property
    def header(self) -> list[str]:
        """The file's own headers, with the nameless columns to the right of the last one, which belong to it."""
        if self._header is None:
            own = next((cells for _number, cells in self._rows(None, [self.reading["header_row"]])), [])
            named: list[str] = list(self.reading["header"])
            self._header = [*named, *[""] * (len(own) - len(named))]
        return self._header

    @property
    def is_workbook(self) -> bool:
        """Whether cells have kinds of their own there: numbers are numbers, and written with a point."""
        return self.reading["sheet"] is not None

    def column_names(self, width: int = 0) -> tuple[str, ...]:
        """Return a name for each column, `width` of them at least: its header, or its letter without one of its own.

        No two are the same: a header that comes a second time has its letter behind it.
        """
        names: list[str] = []
        for place in range(max(width, len(self.header))):
            header = self.header[place].strip() if place < len(self.header) else ""
            letter = f"[{_letters(place)}]"
            if not header:
                names.append(letter)
            else:
                names.append(f"{header} {letter}" if header in names else header)
        return tuple(names)

    def rows(self, addresses: Sequence[Address]) -> Iterator[tuple[str, int, tuple[str, ...]]]:
        """Yield (sheet, row number, cells) of the rows, which are sorted by sheet and number; all of them.

        A row that the reader leaves out keeps its place: its cells are blank.
        """
        for sheet, group in groupby(addresses, key=lambda one: one[0]):
            numbers = [row_no for _sheet, row_no in group]
            told = self._rows(sheet or None, numbers)
            number, cells = next(told, (0, []))
            for row_no in numbers:
                while 0 < number < row_no:
                    number, cells = next(told, (0, []))
                yield sheet, row_no, self._padded(cells if number == row_no else [])

    def standing(
        self, rows: Iterable[RowPutAside], addresses: Sequence[Address]
    ) -> Iterator[tuple[RowPutAside, StandingRow]]:
        """Yield rows that were put aside, sorted by sheet and number, as they stand; `addresses` are theirs."""
        for one, (sheet, row_no, original) in zip(rows, self.rows(addresses), strict=True):
            yield one, StandingRow(sheet, row_no, original, self.corrected(original, one.cells or {}))

    def corrected(self, original: Sequence[str], changes: Mapping[str, str]) -> tuple[str, ...]:
        """Return the cells with those replaced that the changes name."""
        names = self.column_names(len(original))
        return tuple(changes.get(name, cell) for name, cell in zip(names, original, strict=True))

    def _padded(self, cells: Sequence[str]) -> tuple[str, ...]:
        return (*cells, *[""] * (len(self.header) - len(cells)))

    def _rows(self, sheet: str | None, numbers: Sequence[int]) -> Iterator[tuple[int, list[str]]]:
        return original_rows(
            self._path,
            self._found.file_name,
            numbers,
            sheet=sheet or self.reading["sheet"],
            encoding=self.reading["encoding"],
            delimiter=self.reading["delimiter"],
        )

    def _looked_at(self) -> dict[str, Any]:
        """Say how a file would be read that was refused before it was."""
        preview = preview_file(
            self._path, self._found.file_name, encoding=self._found.mapping.get("encoding"), first_rows=1
        )
        return {
            "sheet": preview.sheet,
            "header": list(preview.header),
            "header_row": preview.header_row,
            "encoding": preview.encoding,
            "delimiter": preview.delimiter,
        }


def _letters(place: int) -> str:
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


class CellsOfItsKind:
    """Gives the cells of a workbook's row their kind back, so that a workbook made of them reads the same.

    What stands as a number in the original comes as text with a point. Were it written as text again, a mapping
    with a decimal comma would take 1.234 for more than a thousand.
    """

    def __init__(self, file: OriginalFile, found: FileImport) -> None:
        kinds = {one.name: one.kind for one in registered_datasets()[found.dataset].columns.columns}
        columns: Mapping[str, str] = found.mapping["columns"]
        keys = [header_key(header) for header in file.header]
        places = {
            keys.index(header_key(header)): name
            for name, header in columns.items()
            if header_key(header) in keys
        }
        self._numbers = {at: name for at, name in places.items() if kinds.get(name) is ColumnKind.NUMBER}
        self._times = {at: name for at, name in places.items() if kinds.get(name) is ColumnKind.TIMESTAMP}

    def typed(
        self, original: Sequence[str], cells: Sequence[str], understood: Mapping[str, Any]
    ) -> list[Cell]:
        """Return a row's cells, numbers where the original has numbers or nothing else was understood of it."""
        made: list[Cell] = list(cells)
        for place, name in self._numbers.items():
            was, now = _plain_number(original[place]), _plain_number(cells[place])
            if was is not None and now is not None and was == _plain_number(str(understood.get(name, ""))):
                made[place] = now
        for place in self._times:
            if _DAY.fullmatch(cells[place]):
                # Date cells come as ISO texts with their time, and are read so again.
                made[place] = f"{cells[place]} 00:00:00"
        return made


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _plain_number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


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

    The columns are the file's own, the last one says what is wrong and the one before it names the row (before
    that the sheet, where rows of several were rejected), so that the file can be put right and brought back. What
    a row holds to the right of the file's last header stands to the right of the last header here too: a file
    brought again as it is, is rejected again. A row that somebody has corrected comes as corrected. Raises a
    FileRefusal when the original can't be read.
    """
    file = OriginalFile(settings, found)
    with database.snapshot(scope) as connection:
        sheets = repair_store.sheets_with_rows_put_aside(connection, found.id)
        addresses = repair_store.addresses_put_aside(connection, found.id)
        put_aside = file.standing(repair_store.all_rows_put_aside(connection, found.id), addresses)
        header: list[str] = [*file.header]
        if len(sheets) > 1:
            header.append(unused_header(_("Sheet in the file"), file.header))
        header += [unused_header(_("Row in the file"), file.header), _("What is wrong")]
        rows = _rejected(file, found, put_aside, names_sheet=len(sheets) > 1, reason_text=reason_text)
        if rejected_file_name(found).endswith(".csv"):
            return write_csv(path, header, rows)
        return write_xlsx(path, header, rows, sheet=(file.reading["sheet"] or _("Rejected"))[:31])


def _rejected(
    file: OriginalFile,
    found: FileImport,
    put_aside: Iterator[tuple[RowPutAside, StandingRow]],
    *,
    names_sheet: bool,
    reason_text: Callable[[str], str],
) -> Iterator[list[Cell]]:
    kinds = CellsOfItsKind(file, found) if file.is_workbook else None
    width = len(file.header)
    for one, row in put_aside:
        cells: list[Cell] = (
            kinds.typed(row.original, row.cells, one.body) if kinds is not None else list(row.cells)
        )
        yield [
            *cells[:width],
            *([one.sheet] if names_sheet else []),
            one.row_no,
            " ".join(reason_text(reason) for reason in one.reasons),
            *cells[width:],
        ]


def original_rows_around(
    settings: Settings, found: FileImport, sheet: str | None, row_no: int, *, context: int
) -> dict[int, dict[str, str]]:
    """Return rows of an import's file as they stand, by number: the asked one and so many before and after it.

    Cells are by column name (see `OriginalFile.column_names`). Neighbours above the first line of data, and those
    that are blank, are left out. Raises RowNotFoundError where the asked row is not there, and a FileRefusal when
    the original can't be read any more.
    """
    file = OriginalFile(settings, found)
    header_row = (file.reading.get("header_rows") or {}).get(sheet, file.reading["header_row"])
    first = max(row_no - context, min(row_no, int(header_row) + 1))
    addresses = [(sheet or "", number) for number in range(first, row_no + context + 1)]
    told = {
        number: dict(zip(file.column_names(len(cells)), cells, strict=True))
        for _sheet, number, cells in file.rows(addresses)
        if any(cells)
    }
    if row_no not in told:
        raise RowNotFoundError(found.file_name, {"row": row_no})
    return told
