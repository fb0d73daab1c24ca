"""The row of a file behind a sales line or a claim, as it stands there, for whoever sees that line or claim."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core import access, audit, intake
from loyalty_core.intake import FileImport, RowCorrection
from loyalty_core.kernel import (
    Database,
    NotAllowedError,
    NotFoundError,
    Refusal,
    Scope,
    Settings,
    _,
)

ROWS_AROUND = 2


class NoSourceRowError(NotFoundError):
    """No such line or claim lies in the asker's scope."""

    def __init__(self) -> None:
        super().__init__(_("There is no such line among those you see."))


class NotFromAFileError(Refusal):
    """The claim was not entered by a file."""

    def __init__(self) -> None:
        super().__init__(_("This claim was entered by hand, so there is no row of a file behind it."))


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A row of an import's file: its cells by column name, and those of its neighbours by their number.

    Whoever does not see the import itself gets the columns that were understood, without neighbours, the file's name
    and who corrected it: a file holds rows of many companies, and more of each than was ever taken in.
    """

    import_id: UUID
    import_number: int | None
    file_name: str | None
    sheet: str | None
    row_no: int
    cells: dict[str, str]
    around: dict[int, dict[str, str]]
    corrections: list[RowCorrection]


def row_behind_line(database: Database, settings: Settings, scope: Scope, sales_line_id: int) -> SourceRow:
    """Return the row that a sales line came from. Reading it is put on record.

    Raises NoSourceRowError where the scope does not hold the line, and a FileRefusal when the file can't be read.
    """
    with database.snapshot(scope) as connection:
        found = connection.execute(
            text("select import_id, sheet, row_no from sales_line where id = :id"), {"id": sales_line_id}
        ).one_or_none()
    if found is None:
        raise NoSourceRowError
    return _row_at(database, settings, scope, *found, fact={"sales_line": sales_line_id})


def row_behind_claim(
    database: Database, settings: Settings, scope: Scope, number: int, *, participant_id: UUID | None = None
) -> SourceRow:
    """Return the row that a claim came from; with `participant_id` only of a claim of that participant.

    Reading it is put on record. Raises NoSourceRowError where the scope does not hold the claim, NotFromAFileError
    where no file brought it, and a FileRefusal when the file can't be read.
    """
    with database.snapshot(scope) as connection:
        found = connection.execute(
            text(
                "select import_id, sheet, row_no from claim where number = :number"
                " and (cast(:participant as uuid) is null or participant_id = :participant)"
            ),
            {"number": number, "participant": participant_id},
        ).one_or_none()
    if found is None:
        raise NoSourceRowError
    if found.import_id is None:
        raise NotFromAFileError
    return _row_at(database, settings, scope, *found, fact={"claim": number})


def _row_at(
    database: Database,
    settings: Settings,
    scope: Scope,
    import_id: UUID,
    sheet: str | None,
    row_no: int,
    *,
    fact: Mapping[str, Any],
) -> SourceRow:
    with database.snapshot(scope) as connection:
        sees_import = _sees_import(connection, scope, import_id)
    # The line is the asker's to see; its row is looked up for it, whoever brought the file.
    with database.snapshot(Scope.of_system("the row behind a line")) as connection:
        found = intake.import_by_id(connection, import_id)
        corrections = intake.corrections_of_row(connection, import_id, sheet or "", row_no)
    rows = intake.original_rows_around(
        settings, found, sheet, row_no, context=ROWS_AROUND if sees_import else 0
    )
    with database.transaction(scope) as connection:
        audit.record(
            connection,
            scope,
            "intake.original_row_read",
            "import",
            import_id,
            {"sheet": sheet, "row": row_no, "with_neighbours": sees_import, **fact},
        )
    if not sees_import:
        return _only_what_was_understood(found, sheet, row_no, rows[row_no], corrections)
    return SourceRow(
        import_id=import_id,
        import_number=found.number,
        file_name=found.file_name,
        sheet=sheet,
        row_no=row_no,
        cells=rows[row_no],
        around={number: cells for number, cells in rows.items() if number != row_no},
        corrections=corrections,
    )


def _sees_import(connection: Connection, scope: Scope, import_id: UUID) -> bool:
    try:
        access.check_permission(connection, scope, access.Permission.SEE_IMPORTS)
        intake.import_by_id(connection, import_id)
    except (NotAllowedError, intake.UnknownImportError):
        return False
    return True


def _only_what_was_understood(
    found: FileImport,
    sheet: str | None,
    row_no: int,
    cells: Mapping[str, str],
    corrections: list[RowCorrection],
) -> SourceRow:
    mapped = {" ".join(header.split()).casefold() for header in found.mapping["columns"].values()}

    def understood(one: Mapping[str, str]) -> dict[str, str]:
        return {name: cell for name, cell in one.items() if " ".join(name.split()).casefold() in mapped}

    return SourceRow(
        import_id=found.id,
        import_number=None,
        file_name=None,
        sheet=sheet,
        row_no=row_no,
        cells=understood(cells),
        around={},
        corrections=[
            RowCorrection(one.sheet, one.row_no, before, after, "", one.corrected_at)
            for one in corrections
            if (before := understood(one.before)) | (after := understood(one.after))
        ],
    )
