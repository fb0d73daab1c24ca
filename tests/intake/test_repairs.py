"""Rows that were put aside go back into their import: corrected in a table or in the file of rejected rows."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import openpyxl
import psycopg
import pytest
import xlsxwriter
from sqlalchemy import Connection, text

from laurel import tasks
from laurel.registers import DATASETS
from loyalty_core import intake
from loyalty_core.access import Role
from loyalty_core.intake import (
    FileImport,
    NothingToRepairError,
    Repair,
    RepairNotPossibleError,
    RepairState,
    RowsNotPutAsideError,
    UnknownImportError,
    repair_store,
    store,
    write_rejected_rows,
)
from loyalty_core.kernel import Database, NotAllowedError, Scope, Settings, new_id
from loyalty_core.sales import SalesDataset
from loyalty_core.settlement import check_books
from tests.access.people import somebody
from tests.intake.field import (
    HEADER,
    begin,
    counts,
    finish,
    imported,
    lines,
    mapping_of,
    rejected_file,
    saved,
    settings_in,
    write,
)

pytestmark = pytest.mark.xdist_group("intake")

Cells = Mapping[tuple[str, int], Mapping[str, str]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path / "home")


@pytest.fixture
def march(tmp_path: Path) -> Path:
    """Twenty good rows, then in row 22 an unreadable quantity and in row 23 a missing company."""
    rows = [
        *lines(20),
        *lines(1, invoice="bad", quantity="two"),
        *lines(1, invoice="worse", company_code="", sold_at="soon"),
    ]
    return write(tmp_path / "march.csv", rows)


def repaired(
    database: Database,
    settings: Settings,
    scope: Scope,
    import_id: UUID,
    cells: Cells | None = None,
    *,
    file: Path | None = None,
) -> Repair:
    """Send corrected rows and bring the repair to its end."""
    file_id = None if file is None else intake.receive_local_file(database, settings, scope, file)
    repair_id = intake.start_repair(
        database,
        scope,
        import_id=import_id,
        cells=cells,
        file_id=file_id,
        request_key=new_id(),
        defers=False,
    )
    return intake.run_repair(database, settings, repair_id, datasets=DATASETS, scope=scope)


def outcome(repair: Repair) -> tuple[str, int | None, int | None, int | None, int]:
    """State, accepted, duplicates, still bad, repaired meanwhile."""
    return repair.state.value, repair.accepted, repair.duplicates, repair.still_bad, repair.repaired_meanwhile


def import_now(database: Database, scope: Scope, import_id: UUID) -> FileImport:
    with database.transaction(scope) as connection:
        return intake.import_by_id(connection, import_id)


def is_whole(database: Database) -> bool:
    return all(check.ok for check in check_books(database))


def test_a_row_corrected_in_the_table_becomes_a_line_of_its_import_at_its_place_in_the_file(
    committed_database: Database, settings: Settings, everything: Scope, march: Path, owner_url: str
) -> None:
    database = committed_database
    found = imported(database, settings, everything, march)
    assert counts(found) == ("accepted", 20, 0, 2)
    repair = repaired(
        database,
        settings,
        everything,
        found.id,
        {("", 22): {"quantity": "3"}, ("", 23): {"company_code": "C1"}},
    )
    assert outcome(repair) == ("done", 1, 0, 1, 0)
    after = import_now(database, everything, found.id)
    assert counts(after) == ("accepted", 21, 0, 1)
    assert after.reasons == {"unreadable_sold_at": 1}
    assert after.net_minor == {"EUR": 43_000}
    with database.transaction(everything) as connection:
        line = connection.execute(
            text("select import_id, row_no, sheet, invoice_no, quantity from sales_line where row_no = 22")
        ).one()
        assert tuple(line) == (found.id, 22, None, "bad0", 3)
        changed = intake.corrections_of_repair(connection, repair.id, limit=10)
        assert [(one.row_no, one.before, one.after) for one in changed] == [
            (22, {"quantity": "two"}, {"quantity": "3"}),
            (23, {"company_code": ""}, {"company_code": "C1"}),
        ]
        [left] = intake.rows_put_aside(connection, found.id, limit=10)
        assert (left.row_no, left.reasons) == (23, ["unreadable_sold_at"])
        assert left.cells is not None
        assert left.cells["company_code"] == "C1"
        actions = list(connection.execute(text("select action from audit_record order by id")).scalars())
        assert actions[-2:] == ["intake.repair_started", "intake.rows_repaired"]
    # What was corrected before stays corrected, and the last wrong cell lets the row in.
    assert outcome(
        repaired(database, settings, everything, found.id, {("", 23): {"sold_at": "2026-03-10"}})
    ) == ("done", 1, 0, 0, 0)
    assert counts(import_now(database, everything, found.id)) == ("accepted", 22, 0, 0)
    assert is_whole(database)
    with psycopg.connect(owner_url) as owner:
        assert owner.execute(
            "select count(*) from pg_class where relnamespace = 'staging'::regnamespace and relkind = 'r'"
        ).fetchall() == [(0,)]
    assert list(settings.work_folder.iterdir()) == []


def test_a_row_that_was_right_all_along_goes_in_as_it_stands_once_its_company_is_known(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    database = committed_database
    imported(database, settings, everything, write(tmp_path / "known.csv", lines(20)))
    rows = [*lines(20, invoice="J"), *lines(1, invoice="new", company_code="C9")]
    found = imported(database, settings, everything, write(tmp_path / "june.csv", rows), creates=False)
    assert found.reasons == {"unknown_company": 1}
    imported(
        database,
        settings,
        everything,
        write(tmp_path / "more.csv", lines(1, invoice="K", company_code="C9")),
        source="more",
    )
    repair = repaired(database, settings, everything, found.id, {("", 22): {}})
    assert outcome(repair) == ("done", 1, 0, 0, 0)
    with database.transaction(everything) as connection:
        assert intake.count_corrections(connection, repair.id) == 0
    assert is_whole(database)


def test_the_corrected_file_of_rejected_rows_goes_back_into_its_import(
    committed_database: Database, settings: Settings, everything: Scope, march: Path, tmp_path: Path
) -> None:
    database = committed_database
    found = imported(database, settings, everything, march)
    header, rows = rejected_file(database, settings, everything, found, tmp_path / "rejected.csv")
    rows[0][header.index("quantity")] = "7"
    # People sort, and leave out what they can't mend.
    repair = repaired(
        database, settings, everything, found.id, file=saved(tmp_path / "mended.csv", header, rows[::-1])
    )
    assert outcome(repair) == ("done", 1, 0, 1, 0)
    assert repair.file_name == "mended.csv"
    with database.transaction(everything) as connection:
        [changed] = intake.corrections_of_repair(connection, repair.id, limit=10)
        assert (changed.row_no, changed.before, changed.after) == (22, {"quantity": "two"}, {"quantity": "7"})
    # The next file of rejected rows holds only what is still out.
    after = import_now(database, everything, found.id)
    header, rows = rejected_file(database, settings, everything, after, tmp_path / "second.csv")
    assert [row[header.index("Row in the file")] for row in rows] == ["23"]
    again = repaired(database, settings, everything, found.id, file=tmp_path / "mended.csv")
    assert outcome(again) == ("done", 0, 0, 1, 1)
    assert is_whole(database)


def test_a_file_without_the_rows_numbers_or_with_strange_ones_is_refused_with_what_to_do(
    committed_database: Database, settings: Settings, everything: Scope, march: Path, tmp_path: Path
) -> None:
    database = committed_database
    found = imported(database, settings, everything, march)
    header, rows = rejected_file(database, settings, everything, found, tmp_path / "rejected.csv")
    place = header.index("Row in the file")

    def refusal(name: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        file = saved(tmp_path / name, header, rows)
        repair = repaired(database, settings, everything, found.id, file=file)
        assert repair.state is RepairState.REFUSED
        return repair.refusal or ""

    numbered = [
        [*row[:place], number, *row[place + 1 :]] for row, number in zip(rows, ("22", "5"), strict=True)
    ]
    assert "did not quarantine row 5" in refusal("strange.csv", header, numbered)
    assert "no column “Row in the file”" in refusal(
        "march.csv", header[:place], [row[:place] for row in rows]
    )
    assert "holds row 22 twice" in refusal("twice.csv", header, [rows[0], rows[0]])
    blank = [[*rows[0][:place], "", *rows[0][place + 1 :]]]
    assert "does not say which row" in refusal("blank.csv", header, blank)
    assert counts(import_now(database, everything, found.id)) == counts(found)
    assert is_whole(database)


def test_texts_that_an_export_guards_with_an_apostrophe_come_back_without_it(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    database = committed_database
    path = write(
        tmp_path / "march.csv", [*lines(20), *lines(1, invoice="=SUM", product_code="-P 1", quantity="two")]
    )
    found = imported(database, settings, everything, path)
    header, [row] = rejected_file(database, settings, everything, found, tmp_path / "rejected.csv")
    assert row[header.index("invoice_no")] == "'=SUM0"
    row[header.index("quantity")] = "2"
    repair = repaired(
        database, settings, everything, found.id, file=saved(tmp_path / "mended.csv", header, [row])
    )
    assert outcome(repair) == ("done", 1, 0, 0, 0)
    with database.transaction(everything) as connection:
        line = connection.execute(
            text(
                "select l.invoice_no, p.code from sales_line l join product p on p.id = l.product_id"
                " where l.row_no = 22"
            )
        ).one()
        assert tuple(line) == ("=SUM0", "-P 1")
        [changed] = intake.corrections_of_repair(connection, repair.id, limit=10)
        assert changed.after == {"quantity": "2"}


def workbook(path: Path, **sheets: Sequence[Sequence[object]]) -> Path:
    book = xlsxwriter.Workbook(str(path))
    for name, rows in sheets.items():
        page = book.add_worksheet(name)
        for number, row in enumerate(rows):
            page.write_row(number, 0, row)
    book.close()
    return path


def test_numbers_of_a_workbook_stay_what_they_are_where_texts_have_a_decimal_comma(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    database = committed_database
    good = [["C1", "North", f"I{number}", "P1", "2026-03-10", 2, 1.25] for number in range(20)]
    bad = [
        ["C1", "North", "B1", "P1", "2026-03-10", "two", 1.125],
        ["C1", "North", "B2", "P1", "soon", 3, 1.125],
    ]
    path = workbook(tmp_path / "march.xlsx", March=[HEADER, *good, *bad])
    mapping = mapping_of().model_copy(update={"decimal_separator": ",", "thousands_separator": "."})
    import_id = intake.start_import(
        database,
        everything,
        file_id=intake.receive_local_file(database, settings, everything, path),
        mapping=mapping,
        datasets=DATASETS,
        creates_missing=True,
        request_key=new_id(),
        defers=False,
    )
    found = finish(database, settings, everything, import_id).found
    assert counts(found) == ("accepted", 20, 0, 2)
    assert outcome(
        repaired(database, settings, everything, found.id, {("March", 22): {"quantity": "2,5"}})
    ) == (
        "done",
        1,
        0,
        0,
        0,
    )
    rejected = tmp_path / "rejected.xlsx"
    write_rejected_rows(
        database, settings, everything, import_now(database, everything, found.id), rejected, reason_text=str
    )
    book = openpyxl.load_workbook(rejected)
    page = book.worksheets[0]
    assert [cell.value for cell in page[2]][4:8] == ["soon", 3, 1.125, 23]
    page.cell(2, 5).value = "2026-03-11"
    book.save(rejected)
    assert outcome(repaired(database, settings, everything, found.id, file=rejected)) == ("done", 1, 0, 0, 0)
    with database.transaction(everything) as connection:
        made = connection.execute(
            text(
                "select sheet, row_no, quantity, unit_price from sales_line where row_no > 21 order by row_no"
            )
        ).all()
    assert [tuple(map(str, row)) for row in made] == [
        ("March", "22", "2.5", "1.125"),
        ("March", "23", "3", "1.125"),
    ]
    assert is_whole(database)


def test_the_same_row_of_two_sheets_is_two_rows_that_go_back_each_to_its_own_place(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    database = committed_database

    def sheet(name: str) -> list[Sequence[object]]:
        good = [["C1", name, f"{name}{number}", "P1", "2026-03-10", 2, 10] for number in range(12)]
        return [HEADER, *good, ["C1", name, f"{name}-bad", "P1", "2026-03-10", "two", 10]]

    path = workbook(tmp_path / "march.xlsx", North=sheet("North"), South=sheet("South"))
    import_id = intake.start_import(
        database,
        everything,
        file_id=intake.receive_local_file(database, settings, everything, path),
        mapping=mapping_of(),
        datasets=DATASETS,
        creates_missing=True,
        request_key=new_id(),
        defers=False,
        options={"sheets": ["North", "South"]},
    )
    found = finish(database, settings, everything, import_id).found
    assert counts(found) == ("accepted", 24, 0, 2)

    def lines_of_row_14() -> list[tuple[str, int, str, int]]:
        with database.transaction(everything) as connection:
            rows = connection.execute(
                text(
                    "select sheet, row_no, invoice_no, quantity::int from sales_line where row_no = 14 order by sheet"
                )
            )
            return [tuple(one) for one in rows]

    # In the table: one of the two, and the other stays as it was.
    only_south = repaired(database, settings, everything, found.id, {("South", 14): {"quantity": "5"}})
    assert outcome(only_south) == ("done", 1, 0, 0, 0)
    assert lines_of_row_14() == [("South", 14, "South-bad", 5)]
    with database.transaction(everything) as connection:
        [left] = intake.rows_put_aside(connection, found.id, limit=10)
    assert (left.sheet, left.row_no) == ("North", 14)
    with pytest.raises(RowsNotPutAsideError):
        repaired(database, settings, everything, found.id, {("", 14): {"quantity": "3"}})
    # In the file of rejected rows: which sheet a row is of stands beside its number.
    after = import_now(database, everything, found.id)
    rejected = tmp_path / "rejected.xlsx"
    write_rejected_rows(database, settings, everything, after, rejected, reason_text=str)
    book = openpyxl.load_workbook(rejected)
    page = book.worksheets[0]
    header, [*row] = page.iter_rows(values_only=True)
    sheet_at, row_at, quantity_at = (
        header.index(name) for name in ("Sheet in the file", "Row in the file", "quantity")
    )
    assert (row[sheet_at], row[row_at]) == ("North", 14)
    page.cell(2, quantity_at + 1).value = 3
    # The row of the other sheet went in before; to send it again changes nothing.
    row[sheet_at], row[quantity_at] = "South", 9
    page.append(row)
    book.save(rejected)
    repair = repaired(database, settings, everything, found.id, file=rejected)
    assert outcome(repair) == ("done", 1, 0, 0, 1)
    assert lines_of_row_14() == [("North", 14, "North-bad", 3), ("South", 14, "South-bad", 5)]
    assert counts(import_now(database, everything, found.id)) == ("accepted", 26, 0, 0)
    assert is_whole(database)


def test_cells_beyond_the_last_column_can_be_emptied_in_the_table(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    database = committed_database
    path = write(tmp_path / "march.csv", lines(20))
    path.write_text(path.read_text() + "C1,North,R1,P1,2026-03-10,2,10.00,odd,,more\n")
    found = imported(database, settings, everything, path)
    assert found.reasons == {"beyond_last_column": 1}
    assert outcome(repaired(database, settings, everything, found.id, {("", 22): {"[J]": ""}})) == (
        "done",
        0,
        0,
        1,
        0,
    )
    assert outcome(repaired(database, settings, everything, found.id, {("", 22): {"[H]": ""}})) == (
        "done",
        1,
        0,
        0,
        0,
    )


def test_a_corrected_row_that_is_like_another_of_its_file_counts_beside_it(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    """A file may list a thing twice; were one of the two corrected, both still stand."""
    database = committed_database
    twice = [*lines(20), *lines(1), *lines(1, quantity="two")]
    found = imported(database, settings, everything, write(tmp_path / "march.csv", twice))
    assert counts(found) == ("accepted", 21, 0, 1)
    assert outcome(repaired(database, settings, everything, found.id, {("", 23): {"quantity": "2"}})) == (
        "done",
        1,
        0,
        0,
        0,
    )
    # Brought whole and right, the file has nothing new.
    right = imported(
        database, settings, everything, write(tmp_path / "right.csv", [*lines(20), *lines(1), *lines(1)])
    )
    assert counts(right) == ("accepted", 0, 22, 0)
    assert is_whole(database)


def test_a_corrected_row_that_another_file_has_brought_meanwhile_is_there_already(
    committed_database: Database, settings: Settings, everything: Scope, march: Path, tmp_path: Path
) -> None:
    database = committed_database
    found = imported(database, settings, everything, march)
    imported(
        database,
        settings,
        everything,
        write(tmp_path / "again.csv", lines(1, invoice="bad", quantity="3")),
        source="again",
    )
    assert outcome(repaired(database, settings, everything, found.id, {("", 22): {"quantity": "3"}})) == (
        "done",
        0,
        1,
        0,
        0,
    )
    assert counts(import_now(database, everything, found.id)) == ("accepted", 20, 1, 1)
    assert is_whole(database)


def test_only_accepted_imports_take_rows_back_and_only_rows_that_they_put_aside(
    committed_database: Database, settings: Settings, everything: Scope, march: Path
) -> None:
    database = committed_database
    waiting = begin(database, settings, everything, march)

    def start(import_id: UUID, cells: Cells | None) -> UUID:
        return intake.start_repair(
            database, everything, import_id=import_id, cells=cells, request_key=new_id(), defers=False
        )

    with pytest.raises(RowsNotPutAsideError):
        start(waiting, {("", 22): {}})
    finish(database, settings, everything, waiting)
    with pytest.raises(RowsNotPutAsideError, match="row 2"):
        start(waiting, {("", 2): {"quantity": "1"}})
    with pytest.raises(NothingToRepairError):
        start(waiting, {})
    begun = start(waiting, {("", 22): {"quantity": "1"}})
    with database.transaction(everything) as connection:
        found = store.import_by_id(connection, waiting, lock=True)
        store.move_import(connection, found, intake.ImportState.UNDONE)
    # Undone between the sending and the work: nothing goes in.
    ended = intake.run_repair(database, settings, begun, datasets=DATASETS, scope=everything)
    assert ended.state is RepairState.REFUSED
    assert "was undone" in (ended.refusal or "")
    with pytest.raises(RepairNotPossibleError):
        start(waiting, {("", 22): {"quantity": "1"}})


def test_whoever_may_not_upload_or_does_not_see_the_import_corrects_nothing(
    committed_database: Database, settings: Settings, everything: Scope, march: Path
) -> None:
    database = committed_database
    found = imported(database, settings, everything, march)
    analyst = somebody(database, Role.ANALYST, name="anna")
    narrow = somebody(database, Role.OPERATOR, name="nora", grants=frozenset())
    for user, error in ((analyst, NotAllowedError), (narrow, UnknownImportError)):
        with pytest.raises(error):
            intake.start_repair(
                database,
                user.scope,
                import_id=found.id,
                cells={("", 22): {"quantity": "3"}},
                request_key=new_id(),
            )
    operator = somebody(database, Role.OPERATOR, name="olga")
    repair_id = intake.start_repair(
        database,
        operator.scope,
        import_id=found.id,
        cells={("", 22): {"quantity": "3"}},
        request_key=new_id(),
    )
    with database.transaction(narrow.scope) as connection:
        assert intake.repairs_of_import(connection, found.id, limit=10) == []
        assert intake.rows_put_aside(connection, found.id, limit=10) == []
        assert intake.imports_with_rows_put_aside(connection, limit=10) == []
        with pytest.raises(intake.UnknownRepairError):
            intake.repair_by_id(connection, repair_id)
    # The worker does it in the sender's name.
    tasks.run_repair(database, settings, repair_id)
    with database.transaction(everything) as connection:
        ended = intake.repair_by_id(connection, repair_id)
    assert (ended.state, ended.accepted, ended.requested_by_name) == (RepairState.DONE, 1, "olga")
    assert (
        intake.run_repair(database, settings, repair_id, datasets=DATASETS, scope=operator.scope) == ended
    ), "a second run does nothing"


def test_the_same_request_sent_twice_is_one_repair(
    committed_database: Database, settings: Settings, everything: Scope, march: Path
) -> None:
    database = committed_database
    found = imported(database, settings, everything, march)
    key = new_id()

    def start(cells: Cells) -> UUID:
        return intake.start_repair(
            database, everything, import_id=found.id, cells=cells, request_key=key, defers=False
        )

    cells = {("", 22): {"quantity": "3"}}
    first = start(cells)
    assert start(cells) == first
    with pytest.raises(intake.RequestKeyReusedError):
        start({("", 22): {"quantity": "4"}})


class _Dying(SalesDataset):
    """Sales whose acceptance ends in the middle, as when the process is killed."""

    def accept(self, *args: object) -> intake.Acceptance:
        super().accept(*args)  # type: ignore[arg-type] # passed through
        raise KeyboardInterrupt


def test_a_repair_that_died_before_its_commit_left_nothing_and_ends_once_when_begun_again(
    committed_database: Database, settings: Settings, everything: Scope, march: Path
) -> None:
    database = committed_database
    found = imported(database, settings, everything, march)
    repair_id = intake.start_repair(
        database,
        everything,
        import_id=found.id,
        cells={("", 22): {"quantity": "3"}},
        request_key=new_id(),
        defers=False,
    )
    with pytest.raises(KeyboardInterrupt):
        intake.run_repair(
            database, settings, repair_id, datasets={**DATASETS, "sales": _Dying()}, scope=everything
        )
    assert counts(import_now(database, everything, found.id)) == counts(found)
    assert is_whole(database)
    assert intake.queue_unclaimed_repairs(database) == 1
    ended = intake.run_repair(database, settings, repair_id, datasets=DATASETS, scope=everything)
    assert (outcome(ended), ended.runs) == (("done", 1, 0, 0, 0), 2)
    assert intake.queue_unclaimed_repairs(database) == 0
    assert is_whole(database)


def _repair_twice_at_once(
    database: Database, settings: Settings, scope: Scope, import_id: UUID
) -> list[tuple[str, int | None, int | None, int | None, int]]:
    def one(quantity: str) -> tuple[str, int | None, int | None, int | None, int]:
        return outcome(repaired(database, settings, scope, import_id, {("", 22): {"quantity": quantity}}))

    with ThreadPoolExecutor(2) as pool:
        return sorted(pool.map(one, ["3", "4"]))


def test_two_people_who_correct_the_same_row_at_once_have_one_effect(
    committed_database: Database,
    settings: Settings,
    everything: Scope,
    march: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database = committed_database
    found = imported(database, settings, everything, march)
    ended = _repair_twice_at_once(database, settings, everything, found.id)
    assert ended == [("done", 0, 0, 0, 1), ("done", 1, 0, 0, 0)]
    assert counts(import_now(database, everything, found.id)) == ("accepted", 21, 0, 1)
    assert is_whole(database)

    # Without the locks both find the row out, and both let it in.
    other = imported(
        database,
        settings,
        everything,
        write(tmp_path / "other.csv", [*lines(20, invoice="O"), *lines(1, invoice="Q", quantity="two")]),
    )
    together = threading.Barrier(2)
    import_by_id, drop = store.import_by_id, repair_store.drop_repaired_rows

    def unlocked(connection: Connection, import_id: UUID, *, lock: bool = False) -> FileImport:
        del lock
        return import_by_id(connection, import_id)

    def drop_together(*args: object) -> int:
        dropped: int = drop(*args)  # type: ignore[arg-type] # passed through
        together.wait(timeout=20)
        return dropped

    monkeypatch.setattr(store, "import_by_id", unlocked)
    monkeypatch.setattr(store, "lock_source", lambda *_args: None)
    monkeypatch.setattr(repair_store, "drop_repaired_rows", drop_together)
    ended = _repair_twice_at_once(database, settings, everything, other.id)
    assert ended == [("done", 1, 0, 0, 0), ("done", 1, 0, 0, 0)]
    assert not is_whole(database)
