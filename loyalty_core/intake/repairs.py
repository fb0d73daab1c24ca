"""Rows that were put aside, corrected by people, on their way back into their own import.

A repair is read and judged like a file: by the same reader, mapping and rules, as rows of the import's own file. It
ends in one transaction, staging included: what was corrected becomes facts of the import, with the quarantine, the
counters and the audit record, or nothing of it does.
"""

import csv
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection

from loyalty_core import access, audit
from loyalty_core.intake import repair_store, store
from loyalty_core.intake.commands import NarrowScopeCreatesError, RequestKeyReusedError, stored_path
from loyalty_core.intake.dataset import Dataset, ImportContext, Staging
from loyalty_core.intake.mapping import (
    ColumnKind,
    ColumnMapping,
    DatasetColumn,
    DatasetColumns,
    header_key,
)
from loyalty_core.intake.reading import preview_file, read_file
from loyalty_core.intake.rejected import (
    CellsOfItsKind,
    OriginalFile,
    row_headers,
    sheet_headers,
    unused_header,
)
from loyalty_core.intake.repair_store import ROW_COLUMN, SHEET_COLUMN, Address, Repair, RowPutAside
from loyalty_core.intake.staging import drop_staging, make_staging
from loyalty_core.intake.states import ImportMode, ImportState, RepairState
from loyalty_core.intake.store import FileImport
from loyalty_core.intake.taking_turns import (
    MOST_RUNS,
    SECONDS_BETWEEN_LOOKS,
    again_on_collision,
    queue_unclaimed,
)
from loyalty_core.kernel import (
    DATABASE_WENT_AWAY,
    Database,
    Refusal,
    Scope,
    Settings,
    _,
    get_logger,
    new_id,
    ngettext,
    now,
    write_xlsx,
)
from loyalty_core.kernel.jobs import defer_repair

MOST_ROWS = 100_000
"""So many rows one repair takes: they are held in memory, and its transaction must not last for minutes."""
MOST_ROWS_IN_TABLE = 1_000
LONGEST_CELL = 10_000

_UNFINISHED = frozenset({RepairState.QUEUED, RepairState.RUNNING})
_MOST_QUOTED = 5
# A cell of an uploaded file is bounded by the reader; the csv module's own bound is lower.
_LONGEST_FIELD = 1 << 21

_log = get_logger(__name__)


class NothingToRepairError(Refusal):
    """Nothing was corrected."""

    def __init__(self) -> None:
        super().__init__(_("No row was sent. Choose or correct one row at least, and send again."))


class RepairNotPossibleError(Refusal):
    """The import can take no rows back: it was not accepted, or is undone."""

    def __init__(self, found: FileImport) -> None:
        if found.state is ImportState.UNDONE:
            sentence = _(
                "Import {number} was undone, so no row can go back into it. Upload the corrected rows as a file of "
                "their own."
            )
        else:
            sentence = _(
                "Import {number} is not accepted, so no row can go back into it. Decide about it first, or bring "
                "the corrected rows as a file of their own."
            )
        super().__init__(sentence.format(number=found.number))


class RepairOfChangesError(Refusal):
    """The import changes what is there, and every change is shown before it is made."""

    def __init__(self, found: FileImport) -> None:
        super().__init__(
            _(
                "Import {number} changes what is there, and changes are shown before they are made. Bring the file "
                "of rejected rows, corrected, as a new file with the same choice."
            ).format(number=found.number)
        )


class RowsNotPutAsideError(Refusal):
    """Rows were sent that the import never put aside."""

    def __init__(self, found: FileImport, rows: Sequence[Address]) -> None:
        quoted = ", ".join(_address_in_words(one) for one in rows[:_MOST_QUOTED])
        super().__init__(
            _(
                "Import {number} did not quarantine {rows}{more}. Take out what is not from its file of rejected rows, "
                "and leave the numbers in the column “{column}” as they were."
            ).format(
                number=found.number,
                rows=quoted,
                more=_(" and {count} more").format(count=len(rows) - _MOST_QUOTED)
                if len(rows) > _MOST_QUOTED
                else "",
                column=row_headers()[0],
            )
        )


class CorrectedFileError(Refusal):
    """The uploaded file is not the corrected file of rejected rows."""


class TooManyRowsToRepairError(Refusal):
    """More rows were sent than one repair takes."""

    def __init__(self, most: int) -> None:
        super().__init__(
            ngettext(
                "At most {most} row can be sent at once. Send the others after it.",
                "At most {most} rows can be sent at once. Send the others after them.",
                most,
            ).format(most=most)
        )


class TooLongCellError(Refusal):
    """A corrected cell is longer than any cell can be."""

    def __init__(self, address: Address, column: str) -> None:
        super().__init__(
            _("In {row}, “{column}” has more than {most} characters. Shorten it.").format(
                row=_address_in_words(address), column=column, most=LONGEST_CELL
            )
        )


class RepairKeepsFailingError(Refusal):
    """The repair was begun several times and never came to an end."""

    def __init__(self, repair: Repair) -> None:
        super().__init__(
            _(
                "These corrected rows were begun {runs} times and never came to an end. Send them again in smaller "
                "parts; if that fails too, ask whoever runs Laurel to look into its log."
            ).format(runs=repair.runs)
        )


class RepairFailedError(Refusal):
    """Something went wrong that should not; it is on record under `failure_id`."""

    def __init__(self, failure_id: str) -> None:
        super().__init__(
            _(
                "The corrected rows met an error that should not be, and none of them went in. Send them again; if "
                "it fails again, tell whoever runs Laurel the number {id}."
            ).format(id=failure_id)
        )
        self.failure_id = failure_id


class _SupersededError(Exception):
    """Another process has ended the repair: this run writes nothing more."""


def _address_in_words(address: Address) -> str:
    sheet, row_no = address
    row = _("row {row}").format(row=row_no)
    return f"{sheet} › {row}" if sheet else row


def start_repair(
    database: Database,
    scope: Scope,
    *,
    import_id: UUID,
    cells: Mapping[Address, Mapping[str, str]] | None,
    file_id: UUID | None = None,
    request_key: UUID,
    defers: bool = True,
) -> UUID:
    """Queue corrected rows of an import and return the repair's id; the same `request_key` again the same one.

    `cells` are rows corrected in a table: sheet ('' in text files) and row number to the cells that were changed, by
    column name (see `OriginalFile.column_names`); a row without any change is judged again as it stands. Or `file_id`
    is the file of rejected rows, corrected, as it was received. `defers` puts the job for the worker into the same
    transaction; without, the caller runs the repair. Raises NothingToRepairError, TooManyRowsToRepairError,
    TooLongCellError, UnknownImportError, RepairNotPossibleError, RepairOfChangesError, RowsNotPutAsideError,
    UnknownFileError, RequestKeyReusedError.
    """
    if not cells and file_id is None:
        raise NothingToRepairError
    assert not cells or file_id is None, "either rows or a file"
    _check_cells(cells or {})
    with database.transaction(scope) as connection:
        access.check_permission(connection, scope, access.Permission.UPLOAD_FILES)
        found = store.import_by_id(connection, import_id)
        wanted_id = new_id()
        if file_id is not None:
            store.file_by_id(connection, file_id)
        else:
            _check_put_aside(connection, found, list(cells or {}))
        repair_id = repair_store.insert_repair(
            connection,
            scope,
            id=wanted_id,
            import_id=import_id,
            file_id=file_id,
            cells=[(sheet, row_no, one) for (sheet, row_no), one in sorted(cells.items())] if cells else None,
            request_key=request_key,
            requested_at=now(),
        )
        if repair_id != wanted_id:
            _check_same_request(connection, repair_id, found, file_id, cells)
            return repair_id
        _check_open(found)
        audit.record(
            connection,
            scope,
            "intake.repair_started",
            "import",
            import_id,
            {"repair": str(repair_id), "rows": len(cells or {}), "from_file": file_id is not None},
        )
        if defers:
            defer_repair(connection, repair_id)
    return repair_id


def _check_cells(cells: Mapping[Address, Mapping[str, str]]) -> None:
    if len(cells) > MOST_ROWS_IN_TABLE:
        raise TooManyRowsToRepairError(MOST_ROWS_IN_TABLE)
    for address, changed in cells.items():
        for column, cell in changed.items():
            if len(cell) > LONGEST_CELL:
                raise TooLongCellError(address, column)


def _check_put_aside(connection: Connection, found: FileImport, addresses: Sequence[Address]) -> None:
    known = repair_store.rows_at(connection, found.id, addresses)
    strangers = [one for one in addresses if one not in known]
    if strangers:
        raise RowsNotPutAsideError(found, sorted(strangers))


def _check_open(found: FileImport) -> None:
    if found.state is not ImportState.ACCEPTED:
        raise RepairNotPossibleError(found)
    if found.mode is not ImportMode.ADD:
        raise RepairOfChangesError(found)


def _check_same_request(
    connection: Connection,
    repair_id: UUID,
    found: FileImport,
    file_id: UUID | None,
    cells: Mapping[Address, Mapping[str, str]] | None,
) -> None:
    earlier = repair_store.repair_by_id(connection, repair_id)
    sent = {address: dict(changed) for address, changed in (cells or {}).items()}
    if (earlier.import_id, earlier.file_id) != (found.id, file_id) or sent != repair_store.corrected_cells(
        connection, repair_id
    ):
        raise RequestKeyReusedError(found.number)


def run_repair(
    database: Database,
    settings: Settings,
    repair_id: UUID,
    *,
    datasets: Mapping[str, Dataset],
    scope: Scope,
) -> Repair:
    """Bring a repair to its end, or wait while another process does, and return how it ended.

    `scope` is the requester's. A repair that a dead process left behind begins again. One that can't be done ends as
    `refused`, with the sentence in its row.
    """
    while True:
        with database.exclusively(_lock_name(repair_id)) as is_claimed:
            if is_claimed:
                _run_claimed(database, settings, repair_id, datasets, scope)
        with database.transaction(scope) as connection:
            found = repair_store.repair_by_id(connection, repair_id)
        if found.state not in _UNFINISHED:
            return found
        time.sleep(SECONDS_BETWEEN_LOOKS)


def queue_unclaimed_repairs(database: Database) -> int:
    """Defer a job for every unfinished repair that nobody runs, and return how many those are."""
    system = Scope.of_system("repairs left behind")
    with database.transaction(system) as connection:
        unfinished = repair_store.unfinished_repairs(connection)
    return queue_unclaimed(
        database, system, [found.id for found in unfinished], lock_name=_lock_name, defer=defer_repair
    )


def _lock_name(repair_id: UUID) -> str:
    return f"laurel.repair:{repair_id}"


def _run_claimed(
    database: Database, settings: Settings, repair_id: UUID, datasets: Mapping[str, Dataset], scope: Scope
) -> None:
    """Run the repair once. Only a lost database leaves by an exception, for the caller to try again."""
    with database.transaction(scope) as connection:
        repair = repair_store.repair_by_id(connection, repair_id, lock=True)
        if repair.state not in _UNFINISHED:
            return
        repair_store.move_repair(connection, repair, RepairState.RUNNING, runs=repair.runs + 1)
        found = store.import_by_id(connection, repair.import_id)
    run = _Run(database, settings, repair, found, datasets[found.dataset], scope)
    try:
        if repair.runs >= MOST_RUNS:
            raise RepairKeepsFailingError(repair)
        _check_open(found)
        if found.creates_missing and not scope.sees_everything:
            raise NarrowScopeCreatesError
        run.settle(run.read())
    except _SupersededError:
        _log.warning("repair_superseded", repair_id=str(repair_id))
    except Refusal as refusal:
        run.refuse(refusal)
    except DATABASE_WENT_AWAY:
        raise
    except Exception:
        failure_id = new_id().hex[-12:]
        _log.exception("repair_failed", repair_id=str(repair_id), failure_id=failure_id)
        run.refuse(RepairFailedError(failure_id))
    finally:
        run.clean_up()


@dataclass(frozen=True, slots=True)
class _Corrected:
    """Corrected rows, read: `parts` for COPY by `columns`, and what was changed in which row.

    `changes` are the cells before and after, only those that differ; `cells` all of the row's as they are now.
    """

    parts: Sequence[Path]
    columns: DatasetColumns
    from_file: bool
    changes: dict[Address, tuple[dict[str, str], dict[str, str]]] = field(default_factory=dict)
    cells: dict[Address, dict[str, str]] = field(default_factory=dict)

    def compare(
        self, address: Address, names: Sequence[str], before: Sequence[str], after: Sequence[str]
    ) -> None:
        """Remember what differs between a row's cells before and after."""
        differing = [place for place, cell in enumerate(before) if after[place] != cell]
        if differing:
            self.changes[address] = (
                {names[place]: before[place] for place in differing},
                {names[place]: after[place] for place in differing},
            )
            self.cells[address] = dict(zip(names, after, strict=True))


class _Run:
    """One run of one repair."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        repair: Repair,
        found: FileImport,
        dataset: Dataset,
        scope: Scope,
    ) -> None:
        self._database = database
        self._settings = settings
        self._repair = repair
        self._import = found
        self._dataset = dataset
        self._scope = scope
        self._mapping = ColumnMapping.model_validate(found.mapping)
        self._folder = settings.work_folder / f"{repair.id.hex}-{new_id().hex[-8:]}"
        self._file = OriginalFile(settings, found)

    def read(self) -> _Corrected:
        """Read the corrected rows, as the import's file was read. Raises a Refusal."""
        self._folder.mkdir(mode=0o700, parents=True)
        return self._read_table() if self._repair.file_id is None else self._read_uploaded()

    def _read_table(self) -> _Corrected:
        """Write the rows as they are now with the file's own headers, and read that."""
        with self._database.snapshot(self._scope) as connection:
            wanted = repair_store.corrected_cells(connection, self._repair.id)
            put_aside = repair_store.rows_at(connection, self._import.id, wanted)
        addresses = sorted(put_aside)
        row_header = unused_header(row_headers()[0], self._file.header)
        sheet_header = unused_header(sheet_headers()[0], self._file.header)
        path = self._folder / f"corrected.{'xlsx' if self._file.is_workbook else 'csv'}"
        header = [*self._file.header, sheet_header, row_header]
        read_as = self._read_as(row_header, sheet_header)
        columns = self._columns()
        corrected = _Corrected((), columns, from_file=False)

        def rows() -> Iterator[list[object]]:
            kinds = CellsOfItsKind(self._file, self._import) if self._file.is_workbook else None
            width = len(self._file.header)
            for one, standing in self._file.standing([put_aside[at] for at in addresses], addresses):
                address = (one.sheet, one.row_no)
                after = self._file.corrected(standing.cells, wanted[address])
                names = self._file.column_names(len(after))
                corrected.compare(address, names, standing.cells, after)
                # The columns to the right of the last one are none while nothing stands there.
                beyond = list(after[width:])
                while beyond and not beyond[-1]:
                    beyond.pop()
                typed = kinds.typed(standing.original, after, one.body) if kinds is not None else list(after)
                yield [*typed[:width], one.sheet, one.row_no, *beyond]

        if self._file.is_workbook:
            write_xlsx(path, header, rows())  # type: ignore[arg-type] # cells of a row, whatever their kind
        else:
            with path.open("w", encoding="utf-8-sig", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(header)
                writer.writerows(rows())
        return replace(corrected, parts=self._read_parts(path, path.name, read_as, columns))

    def _read_uploaded(self) -> _Corrected:
        """Read the file of rejected rows as people have corrected it."""
        assert self._repair.sha256 is not None
        assert self._repair.file_name is not None
        path, name = stored_path(self._settings, self._repair.sha256), self._repair.file_name
        with self._database.snapshot(self._scope) as connection:
            sheets = repair_store.sheets_with_rows_put_aside(connection, self._import.id)
        row_header, sheet_header = self._headers_of(path, name, needs_sheet=len(sheets) > 1)
        texts = self._texts(path, name, row_header, sheet_header, sheets)
        with self._database.snapshot(self._scope) as connection:
            put_aside = repair_store.rows_at(connection, self._import.id, texts)
        strangers = [one for one in texts if one not in put_aside]
        if strangers:
            raise RowsNotPutAsideError(self._import, sorted(strangers))
        columns = self._columns()
        corrected = _Corrected(
            self._read_parts(path, name, self._read_as(row_header, sheet_header), columns),
            columns,
            from_file=True,
        )
        self._compare_texts(corrected, texts, put_aside)
        return corrected

    def _compare_texts(
        self,
        corrected: _Corrected,
        texts: Mapping[Address, Mapping[int, str]],
        put_aside: Mapping[Address, RowPutAside],
    ) -> None:
        addresses = sorted(put_aside)
        for one, standing in self._file.standing([put_aside[at] for at in addresses], addresses):
            address = (one.sheet, one.row_no)
            after = list(standing.cells)
            for place, cell in texts[address].items():
                was = _one_line(after[place])
                if cell not in (was, f"'{was}"):
                    after[place] = cell
            corrected.compare(address, self._file.column_names(len(after)), standing.cells, after)

    def _headers_of(self, path: Path, name: str, *, needs_sheet: bool) -> tuple[str, str | None]:
        """Return under which headers an uploaded file names rows, and sheets if need be.

        Raises CorrectedFileError.
        """
        rows = [unused_header(one, self._file.header) for one in row_headers()]
        sheets = [unused_header(one, self._file.header) for one in sheet_headers()]
        seen = preview_file(
            path, name, first_rows=1, known_headers=[*self._mapping.columns.values(), *rows, *sheets]
        )
        keys = {header_key(one): one for one in seen.header}
        row_header = next((keys[header_key(one)] for one in rows if header_key(one) in keys), None)
        sheet_header = next((keys[header_key(one)] for one in sheets if header_key(one) in keys), None)
        if row_header is None or (needs_sheet and sheet_header is None):
            raise CorrectedFileError(
                _(
                    "“{file}” has no column “{column}”, so nobody can tell which rows of import {number} are "
                    "corrected in it. Download the rejected rows, correct them there, and leave that column in."
                ).format(
                    file=name,
                    column=sheets[0] if row_header is not None else rows[0],
                    number=self._import.number,
                )
            )
        return row_header, sheet_header

    def _texts(
        self, path: Path, name: str, row_header: str, sheet_header: str | None, sheets: Sequence[str]
    ) -> dict[Address, dict[int, str]]:
        """Return the texts of an uploaded file's cells by row, by the place of the column in the import's file."""
        keys = Counter(header_key(one) for one in self._file.header)
        places = {
            f"cell_{place}": place
            for place, header in enumerate(self._file.header)
            if header.strip() and keys[header_key(header)] == 1
        }
        columns = DatasetColumns(
            self._import.dataset,
            (
                DatasetColumn(ROW_COLUMN),
                *([DatasetColumn(SHEET_COLUMN)] if sheet_header is not None else []),
                *(DatasetColumn(one) for one in places),
            ),
        )
        headers = {ROW_COLUMN: row_header, **({SHEET_COLUMN: sheet_header} if sheet_header else {})}
        mapping = self._mapping.model_copy(
            update={
                "columns": headers | {one: self._file.header[place] for one, place in places.items()},
                "currency": None,
                "encoding": None,
                "optional": tuple(places),
            }
        )
        found: dict[Address, dict[int, str]] = {}
        csv.field_size_limit(_LONGEST_FIELD)
        for part in read_file(path, name, mapping, columns, self._folder / "texts").parts:
            with part.open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file, ("row_no", "sheet", *columns.names, "unreadable")):
                    address = self._address(name, row, sheets)
                    if address in found:
                        raise CorrectedFileError(
                            _("“{file}” holds {row} twice. Leave it in once.").format(
                                file=name, row=_address_in_words(address)
                            )
                        )
                    if len(found) == MOST_ROWS:
                        raise TooManyRowsToRepairError(MOST_ROWS)
                    found[address] = {place: row[one] for one, place in places.items()}
        if not found:
            raise NothingToRepairError
        return found

    def _address(self, name: str, row: Mapping[str, str], sheets: Sequence[str]) -> Address:
        told = re.fullmatch(r"([0-9]{1,12})(?:\.0+)?", row[ROW_COLUMN])
        if told is None:
            raise CorrectedFileError(
                _(
                    "Row {row} of “{file}” does not say which row of the import it is: under “{column}” stands "
                    "“{text}”. Put the number back that stood there, or take the row out."
                ).format(row=row["row_no"], file=name, column=row_headers()[0], text=row[ROW_COLUMN][:50])
            )
        sheet = row.get(SHEET_COLUMN) or (sheets[0] if sheets else "")
        return sheet, int(told[1])

    def _columns(self) -> DatasetColumns:
        return DatasetColumns(
            self._import.dataset,
            (
                *(
                    self._dataset.columns.none_required()
                    if self._import.is_for_owner
                    else self._dataset.columns
                ).columns,
                DatasetColumn(ROW_COLUMN, ColumnKind.NUMBER, required=True),
                DatasetColumn(SHEET_COLUMN),
            ),
        )

    def _read_as(self, row_header: str, sheet_header: str | None) -> ColumnMapping:
        columns = {**self._mapping.columns, ROW_COLUMN: row_header}
        if sheet_header is not None:
            columns[SHEET_COLUMN] = sheet_header
        # What people save is in the encoding of their program, not in the original's.
        return self._mapping.model_copy(update={"columns": columns, "encoding": None})

    def _read_parts(
        self, path: Path, name: str, mapping: ColumnMapping, columns: DatasetColumns
    ) -> tuple[Path, ...]:
        return read_file(path, name, mapping, columns, self._folder / "parts").parts

    def settle(self, corrected: _Corrected) -> None:
        """Let the corrected rows in, in one transaction; again from the start if an import was in the way."""
        again_on_collision(
            lambda: self._settle_once(corrected), event="repair_collision", repair_id=str(self._repair.id)
        )

    def _settle_once(self, corrected: _Corrected) -> None:
        import_id, repair_id = self._import.id, self._repair.id
        staging = Staging(new_id())
        with self._database.transaction(self._scope) as connection:
            access.check_permission(connection, self._scope, access.Permission.UPLOAD_FILES)
            # Made and dropped in this transaction: nobody else meets the tables, and a crash leaves none behind.
            make_staging(connection, staging, corrected.columns)
            repair_store.fill_staging(connection, staging, corrected.columns, corrected.parts)
            repair = self._locked(connection)
            # One at a time lets rows into an import, or takes them out of it.
            found = store.import_by_id(connection, import_id, lock=True)
            _check_open(found)
            store.lock_source(connection, found.source)
            sent = repair_store.address_rows(connection, staging, import_id)
            if corrected.from_file:
                texts = [one.name for one in self._dataset.columns.columns if one.kind is ColumnKind.TEXT]
                repair_store.drop_apostrophes(connection, staging, import_id, texts)
            repair_store.drop_repaired_rows(connection, staging, import_id)
            context = ImportContext(
                import_id=import_id,
                mapping=self._mapping,
                creates_missing=found.creates_missing,
                scope=self._scope,
                recorded_at=now(),
                mode=found.mode,
                options=found.options,
                is_repair=True,
            )
            self._dataset.judge(connection, staging, context)
            acceptance = self._dataset.accept(connection, staging, context)
            rows, bad = store.count_staged(connection, staging)
            assert rows == acceptance.accepted + acceptance.duplicates + bad, "every row ends in one place"
            repair_store.settle_quarantine(connection, staging, import_id, repair_id)
            repair_store.keep_cells(connection, staging, import_id, corrected.cells)
            repair_store.insert_corrections(connection, staging, import_id, repair_id, corrected.changes)
            store.update_import(
                connection,
                import_id,
                accepted=(found.accepted or 0) + acceptance.accepted,
                duplicates=(found.duplicates or 0) + acceptance.duplicates,
                changed=(found.changed or 0) + acceptance.changed,
                quarantined=repair_store.count_put_aside(connection, import_id),
                reasons=repair_store.count_reasons_of_import(connection, import_id),
                net_minor=dict(acceptance.net_minor) or found.net_minor,
            )
            repair_store.move_repair(
                connection,
                repair,
                RepairState.DONE,
                rows=sent,
                accepted=acceptance.accepted,
                duplicates=acceptance.duplicates,
                still_bad=bad,
                finished_at=now(),
            )
            audit.record(
                connection,
                self._scope,
                "intake.rows_repaired",
                "import",
                import_id,
                {
                    "repair": str(repair_id),
                    "rows": sent,
                    "accepted": acceptance.accepted,
                    "duplicates": acceptance.duplicates,
                    "still_bad": bad,
                    **acceptance.evidence,
                },
            )
            drop_staging(connection, staging)

    def _locked(self, connection: Connection) -> Repair:
        """Return the repair with its row locked. Raises _SupersededError when somebody has ended it."""
        repair = repair_store.repair_by_id(connection, self._repair.id, lock=True)
        if repair.state is not RepairState.RUNNING:
            raise _SupersededError
        return repair

    def refuse(self, refusal: Refusal) -> None:
        """End the repair with a sentence, unless somebody else has ended it."""
        with self._database.transaction(self._scope) as connection:
            try:
                repair = self._locked(connection)
            except _SupersededError:
                return
            repair_store.move_repair(
                connection, repair, RepairState.REFUSED, refusal=refusal.sentence, finished_at=now()
            )
            audit.record(
                connection,
                self._scope,
                "intake.repair_refused",
                "import",
                self._import.id,
                {"repair": str(self._repair.id), "sentence": refusal.sentence},
            )

    def clean_up(self) -> None:
        """Delete the files that only this run needed."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _one_line(cell: str) -> str:
    """Return a cell as the reader gives texts."""
    return re.sub(r"\s*[\r\n]+\s*", " ", cell.strip())
