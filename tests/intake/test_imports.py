"""Imports from the stored file to facts: what is kept, who may, what waits, and many at once."""

import multiprocessing
import re
import sys
import threading
import time
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Connection, text

from laurel.registers import DATASETS
from loyalty_core.access import Role, ScopeGrant, ScopeKind
from loyalty_core.intake import (
    Acceptance,
    DecisionNeedsReasonError,
    FileNotReadableError,
    ImportContext,
    ImportState,
    ImportStateError,
    NarrowScopeCreatesError,
    RequestKeyReusedError,
    Staging,
    UnknownImportError,
    drop_orphaned_staging,
    find_imports,
    import_by_id,
    quarantined_rows,
    queue_unclaimed_imports,
    receive_local_file,
    resume_or_start_import,
    start_import,
    store,
    stored_path,
)
from loyalty_core.intake.staging import make_staging
from loyalty_core.intake.states import MOVES
from loyalty_core.kernel import Database, NotAllowedError, Scope, Settings, new_id
from loyalty_core.organisation import region_by_code
from loyalty_core.sales import SALES_COLUMNS
from loyalty_core.sales import store as sales_store
from loyalty_core.settlement import check_books
from tests.access.people import somebody
from tests.databases import database_of
from tests.intake.deciding import accept_as_shown, decline_as_shown
from tests.intake.field import begin, counts, finish, imported, lines, mapping_of, settings_in, write

pytestmark = pytest.mark.xdist_group("intake")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path / "home")


@pytest.fixture
def march(tmp_path: Path) -> Path:
    return write(tmp_path / "march.csv", lines(20))


def staging_tables(owner_url: str) -> int:
    with psycopg.connect(owner_url) as owner:
        found: int = owner.execute(
            "select count(*) from pg_class where relnamespace = 'staging'::regnamespace and relkind = 'r'"
        ).fetchall()[0][0]
    return found


def test_a_file_comes_in_whole_and_leaves_nothing_but_facts(
    committed_database: Database, owner_url: str, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    path = write(tmp_path / "march.csv", [*lines(20), *lines(1, quantity="none"), *lines(1, company_code="")])
    found = imported(committed_database, settings, everything, path)
    assert counts(found) == ("accepted", 20, 0, 2)
    assert found.reasons == {"missing_company": 1, "unreadable_quantity": 1}
    assert (found.net_minor, found.rows, found.runs) == ({"EUR": 40_000}, 22, 1)
    assert staging_tables(owner_url) == 0
    assert list(settings.work_folder.iterdir()) == []
    with committed_database.transaction(everything) as connection:
        bad = quarantined_rows(connection, found.id, limit=10)
        actions = connection.execute(text("select action from audit_record order by id")).scalars()
        assert list(actions) == ["intake.file_received", "intake.import_started", "intake.import_accepted"]
    assert [(one.row_no, one.reasons) for one in bad] == [
        (22, ["unreadable_quantity"]),
        (23, ["missing_company"]),
    ]
    kept = stored_path(settings, found.sha256)
    assert kept.read_bytes() == path.read_bytes()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert all(check.ok for check in check_books(committed_database))


def test_two_processes_that_import_the_same_file_at_once_have_one_effect(
    committed_database: Database, settings: Settings, everything: Scope, march: Path
) -> None:
    together = threading.Barrier(2)

    def import_it(_number: int) -> tuple[str, int | None, int | None, int | None]:
        together.wait()
        return counts(imported(committed_database, settings, everything, march))

    with ThreadPoolExecutor(2) as pool:
        outcome = sorted(pool.map(import_it, range(2)))
    assert outcome == [("accepted", 0, 20, 0), ("accepted", 20, 0, 0)]
    assert all(check.ok for check in check_books(committed_database))


def test_two_sources_that_overlap_at_once_bring_each_line_once(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    one, other = lines(3_000), lines(3_000)[::-1] + lines(500, invoice="more")
    ids = [
        begin(
            committed_database, settings, everything, write(tmp_path / f"{source}.csv", rows), source=source
        )
        for source, rows in (("tills", one), ("books", other))
    ]
    with ThreadPoolExecutor(2) as pool:
        found = [
            report.found
            for report in pool.map(
                lambda import_id: finish(committed_database, settings, everything, import_id), ids
            )
        ]
    assert all(one.state is ImportState.ACCEPTED for one in found)
    assert sum(one.accepted or 0 for one in found) == 3_500
    assert sum(one.duplicates or 0 for one in found) == 3_000
    with committed_database.transaction(everything) as connection:
        assert connection.execute(text("select count(*) from sales_line")).scalar_one() == 3_500
    assert all(check.ok for check in check_books(committed_database))


def _claim(owner_url: str, home: Path, import_id: UUID, answers: "multiprocessing.Queue[int]") -> None:
    database = database_of(owner_url)
    report = finish(database, settings_in(home), Scope.of_system("test"), import_id)
    answers.put(report.found.accepted or -1)
    database.close()


@pytest.mark.slow
def test_of_several_processes_one_runs_an_import_and_all_learn_how_it_ended(
    committed_database: Database,
    owner_url: str,
    settings: Settings,
    everything: Scope,
    march: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Tests of pages leave a script of theirs as the main module, which a new process would run first.
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))
    import_id = begin(committed_database, settings, everything, march)
    spawn = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[int] = spawn.Queue()
    processes = [
        spawn.Process(target=_claim, args=(owner_url, settings.home, import_id, answers))
        for _number in range(3)
    ]
    for process in processes:
        process.start()
    assert [answers.get(timeout=120) for _process in processes] == [20, 20, 20]
    for process in processes:
        process.join()
    with committed_database.transaction(everything) as connection:
        found = import_by_id(connection, import_id)
    assert (found.state, found.runs) == (ImportState.ACCEPTED, 1)


def test_an_import_whose_process_died_begins_again_from_the_stored_file(
    committed_database: Database, owner_url: str, settings: Settings, everything: Scope, march: Path
) -> None:
    database = committed_database
    import_id = begin(database, settings, everything, march)
    with database.transaction(everything) as connection:
        store.move_import(
            connection, import_by_id(connection, import_id, lock=True), ImportState.RUNNING, runs=1
        )
        make_staging(connection, Staging(import_id), SALES_COLUMNS)
        connection.execute(
            Staging(import_id).sql("insert into {staging} (row_no, company_code) values (2, 'half')")
        )
    march.unlink()
    assert drop_orphaned_staging(database) == 0
    assert queue_unclaimed_imports(database) == 1
    found = finish(database, settings, everything, import_id).found
    assert (counts(found), found.runs) == (("accepted", 20, 0, 0), 2)
    assert staging_tables(owner_url) == 0


def test_asking_again_after_a_crash_goes_on_with_the_import_that_was_begun(
    committed_database: Database, settings: Settings, everything: Scope, march: Path
) -> None:
    database = committed_database
    begun = begin(database, settings, everything, march)

    def ask(mapping_name: str = "tills") -> UUID:
        return resume_or_start_import(
            database,
            everything,
            file_id=receive_local_file(database, settings, everything, march),
            mapping=mapping_of(mapping_name),
            datasets=DATASETS,
            creates_missing=True,
        )

    assert ask() == begun
    assert ask("books") != begun
    assert counts(finish(database, settings, everything, begun).found) == ("accepted", 20, 0, 0)
    assert ask() != begun


def test_an_import_that_never_comes_to_an_end_is_given_up_with_a_sentence(
    committed_database: Database, settings: Settings, everything: Scope, march: Path
) -> None:
    import_id = begin(committed_database, settings, everything, march)
    with committed_database.transaction(everything) as connection:
        store.move_import(
            connection, import_by_id(connection, import_id, lock=True), ImportState.RUNNING, runs=5
        )
    found = finish(committed_database, settings, everything, import_id).found
    assert found.state is ImportState.REFUSED
    assert "begun 5 times" in (found.refusal or "")


def test_staging_left_behind_by_an_import_that_ended_is_dropped(
    committed_database: Database, owner_url: str, settings: Settings, everything: Scope, march: Path
) -> None:
    found = imported(committed_database, settings, everything, march)
    with committed_database.transaction(everything) as connection:
        make_staging(connection, Staging(found.id), SALES_COLUMNS)
        make_staging(connection, Staging(new_id()), SALES_COLUMNS)
    assert staging_tables(owner_url) == 4
    assert drop_orphaned_staging(committed_database) == 2
    assert staging_tables(owner_url) == 0


@pytest.fixture
def waiting(committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path) -> UUID:
    """An import of which most rows are bad."""
    path = write(tmp_path / "bad.csv", [*lines(200), *lines(800, company_code="")])
    report = finish(
        committed_database, settings, everything, begin(committed_database, settings, everything, path)
    )
    assert report.found.state is ImportState.WAITING
    assert [check["name"] for check in report.failed_checks] == ["quarantine_share"]
    return report.found.id


def test_a_waiting_import_is_accepted_for_a_reason_that_is_kept(
    committed_database: Database, owner_url: str, settings: Settings, everything: Scope, waiting: UUID
) -> None:
    database = committed_database
    with database.transaction(everything) as connection:
        held = import_by_id(connection, waiting)
        assert connection.execute(text("select count(*) from sales_line")).scalar_one() == 0
        assert len(quarantined_rows(connection, waiting, limit=2_000)) == 800
    assert (held.accepted, held.quarantined, held.finished_at) == (0, 800, None)
    assert staging_tables(owner_url) == 0
    with pytest.raises(DecisionNeedsReasonError, match="Say why"):
        accept_as_shown(database, everything, import_id=waiting, reason=" \n")
    accept_as_shown(database, everything, import_id=waiting, reason="  the sender knows  ", defers=False)
    with pytest.raises(ImportStateError, match="is queued"):
        accept_as_shown(database, everything, import_id=waiting, reason="again", defers=False)
    found = finish(database, settings, everything, waiting).found
    assert (counts(found), found.decision_reason) == (("accepted", 200, 0, 800), "the sender knows")
    with pytest.raises(ImportStateError, match="is accepted"):
        decline_as_shown(database, everything, import_id=waiting, reason="too late")
    assert all(check.ok for check in check_books(database))


def test_a_waiting_import_is_declined_for_a_reason_and_stays_so(
    committed_database: Database, settings: Settings, everything: Scope, waiting: UUID
) -> None:
    database = committed_database
    with pytest.raises(DecisionNeedsReasonError):
        decline_as_shown(database, everything, import_id=waiting, reason="")
    decline_as_shown(database, everything, import_id=waiting, reason="wrong file")
    with pytest.raises(ImportStateError, match="is declined"):
        accept_as_shown(database, everything, import_id=waiting, reason="after all")
    found = finish(database, settings, everything, waiting).found
    assert (found.state, found.decision_reason) == (ImportState.DECLINED, "wrong file")
    assert found.finished_at is not None
    with database.transaction(everything) as connection:
        assert connection.execute(text("select count(*) from sales_line")).scalar_one() == 0
        actions = list(connection.execute(text("select action from audit_record order by id")).scalars())
    assert actions[-2:] == ["intake.import_held", "intake.import_declined"]


def test_a_request_key_starts_one_import_however_often_a_form_is_sent(
    committed_database: Database, settings: Settings, everything: Scope, march: Path
) -> None:
    key = new_id()
    with ThreadPoolExecutor(4) as pool:
        ids = set(
            pool.map(
                lambda _time: begin(committed_database, settings, everything, march, request_key=key),
                range(4),
            )
        )
    assert len(ids) == 1
    with committed_database.transaction(everything) as connection:
        started = connection.execute(
            text("select count(*) from audit_record where action = 'intake.import_started'")
        )
        assert started.scalar_one() == 1


def test_a_request_key_sent_again_for_something_else_is_refused_and_starts_nothing(
    database: Database, settings: Settings, everything: Scope, march: Path, tmp_path: Path
) -> None:
    key = new_id()
    first = begin(database, settings, everything, march, request_key=key)
    april = write(tmp_path / "april.csv", lines(3, invoice="A"))
    otherwise: list[tuple[Path, dict[str, Any]]] = [
        (march, {"source": "shops"}),
        (march, {"creates": False}),
        (april, {}),
    ]
    for path, choice in otherwise:
        with pytest.raises(RequestKeyReusedError, match="in another way"):
            begin(database, settings, everything, path, request_key=key, **choice)
    with database.transaction(everything) as connection:
        assert [one.id for one in find_imports(connection, limit=9)] == [first]


def test_an_operator_of_one_region_adds_to_it_and_to_nothing_else(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    database = committed_database
    imported(
        database,
        settings,
        everything,
        write(tmp_path / "all.csv", [*lines(8), *lines(1, company_code="S1", region="South")]),
    )
    with database.transaction(everything) as connection:
        north = region_by_code(connection, "North").id
    operator = somebody(
        database, Role.OPERATOR, grants=frozenset({ScopeGrant(ScopeKind.REGION, north)})
    ).scope
    mixed = write(
        tmp_path / "mixed.csv",
        [
            *lines(6, invoice="new"),
            *lines(1, company_code="S1", region="South", invoice="foreign"),
            *lines(1, company_code="X9", invoice="unknown"),
        ],
    )
    with pytest.raises(NarrowScopeCreatesError):
        begin(database, settings, operator, mixed, creates=True)
    found = imported(database, settings, operator, mixed, creates=False)
    assert counts(found) == ("accepted", 6, 0, 2)
    assert found.reasons == {"unknown_company": 2, "unknown_region": 1}
    colleague = somebody(database, Role.OPERATOR, name="otto", grants=frozenset()).scope
    with database.transaction(colleague) as connection, pytest.raises(UnknownImportError):
        import_by_id(connection, found.id)
    again = imported(database, settings, operator, mixed, creates=False)
    assert counts(again) == ("accepted", 0, 6, 2)


def test_who_may_not_upload_or_decide_is_refused(
    committed_database: Database, settings: Settings, everything: Scope, march: Path, waiting: UUID
) -> None:
    analyst = somebody(committed_database, Role.ANALYST).scope
    with pytest.raises(NotAllowedError):
        begin(committed_database, settings, analyst, march)
    for decide in (accept_as_shown, decline_as_shown):
        with pytest.raises(NotAllowedError):
            decide(committed_database, analyst, import_id=waiting, reason="I want to")


@pytest.mark.parametrize("path", ["nowhere.csv", "."])
def test_a_path_without_a_file_is_refused_by_its_name(
    database: Database, settings: Settings, everything: Scope, tmp_path: Path, path: str
) -> None:
    with pytest.raises(FileNotReadableError, match="can't be read"):
        receive_local_file(database, settings, everything, tmp_path / path)
    assert list(settings.files_folder.iterdir()) == []


def test_a_file_that_cannot_be_read_ends_refused_with_the_sentence(
    committed_database: Database, owner_url: str, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    path = tmp_path / "sales.xlsx"
    path.write_text("company_code,region\nC1,North\n")
    found = imported(committed_database, settings, everything, path)
    assert found.state is ImportState.REFUSED
    assert "sales.xlsx" in (found.refusal or "")
    assert staging_tables(owner_url) == 0


def test_the_table_of_imports_allows_the_states_that_the_moves_name(owner_url: str) -> None:
    with psycopg.connect(owner_url) as owner:
        ((check,),) = owner.execute(
            "select pg_get_constraintdef(oid) from pg_constraint where conname = 'ck_file_import_state'"
        ).fetchall()
    assert set(re.findall(r"'(\w+)'", check)) == set(ImportState) == set(MOVES)
    assert {state for moves in MOVES.values() for state in moves} <= set(ImportState)


@pytest.mark.parametrize(
    ("state", "wanted"),
    [(state, wanted) for state in ImportState for wanted in ImportState if wanted not in MOVES[state]],
)
def test_a_move_that_the_table_does_not_name_is_refused(
    database: Database, everything: Scope, state: ImportState, wanted: ImportState
) -> None:
    with database.transaction(everything) as connection:
        file_id, import_id = new_id(), new_id()
        connection.execute(
            text(
                "insert into received_file (id, file_name, sha256, size_bytes, received_by_name, received_at)"
                " values (:id, 'f.csv', 'x', 1, 'test', now())"
            ),
            {"id": file_id},
        )
        connection.execute(
            text(
                "insert into file_import (id, file_id, dataset, source, mapping, creates_missing, state, waits_for,"
                " requested_by_name, requested_at) values (:id, :file_id, 'sales', 's', '{}', true, :state,"
                " :waits_for, 'test', now())"
            ),
            {
                "id": import_id,
                "file_id": file_id,
                "state": state.value,
                "waits_for": "checks" if state is ImportState.WAITING else None,
            },
        )
        found = import_by_id(connection, import_id, lock=True)
        with pytest.raises(ImportStateError, match=f"is {state.value}; it can't become {wanted.value}"):
            store.move_import(connection, found, wanted)


def test_a_dataset_that_nobody_registered_is_refused(
    database: Database, settings: Settings, everything: Scope, march: Path
) -> None:
    from loyalty_core.intake import UnknownDatasetError

    file_id = receive_local_file(database, settings, everything, march)
    with pytest.raises(UnknownDatasetError, match="no dataset “sales”"):
        start_import(
            database,
            everything,
            file_id=file_id,
            mapping=mapping_of(),
            datasets={},
            creates_missing=True,
            request_key=new_id(),
        )


def test_an_import_that_collides_with_another_source_begins_its_last_step_again(
    committed_database: Database,
    settings: Settings,
    everything: Scope,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both have looked for the lines that are there already before either has written its own."""
    database, rows = committed_database, lines(20)
    imported(database, settings, everything, write(tmp_path / "first.csv", lines(4, invoice="first")))
    ids = [
        begin(database, settings, everything, write(tmp_path / f"{source}.csv", rows), source=source)
        for source in ("tills", "books")
    ]
    both_are_here, attempts = threading.Barrier(2), []
    insert_lines = sales_store.insert_lines

    def insert_after_the_other_came(
        connection: Connection, staging: Staging, context: ImportContext
    ) -> Acceptance:
        attempts.append(context.import_id)
        if attempts.count(context.import_id) == 1:
            both_are_here.wait(timeout=30)
        done = insert_lines(connection, staging, context)
        if len(attempts) == 2:
            # The first to write holds its rows a while, so that the other runs into them.
            time.sleep(0.5)
        return done

    monkeypatch.setattr(sales_store, "insert_lines", insert_after_the_other_came)
    with ThreadPoolExecutor(2) as pool:
        found = [
            report.found for report in pool.map(lambda one: finish(database, settings, everything, one), ids)
        ]
    assert sorted(counts(one) for one in found) == [("accepted", 0, 20, 0), ("accepted", 20, 0, 0)]
    assert len(attempts) == 3
    assert all(check.ok for check in check_books(database))


def test_words_that_a_database_takes_for_numbers_and_dates_are_unreadable(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    rows = [
        *lines(1, quantity="NaN"),
        *lines(1, unit_price="Infinity"),
        *lines(1, quantity="1e5"),
        *lines(1, quantity="1_000"),
        *lines(1, sold_at="now"),
        *lines(1, sold_at="infinity"),
        *lines(1, quantity="0x10"),
        *lines(4, invoice="good"),
    ]
    found = imported(committed_database, settings, everything, write(tmp_path / "odd.csv", rows))
    assert found.reasons == {"unreadable_quantity": 3, "unreadable_sold_at": 2, "unreadable_unit_price": 1}
    # 1e5 is how spreadsheets write a hundred thousand.
    assert found.accepted == 5
    with committed_database.transaction(everything) as connection:
        held = connection.execute(
            text(
                "select count(*) from sales_line where quantity in ('NaN', 'Infinity') or sold_on > '2027-01-01'"
            )
        )
        assert held.scalar_one() == 0
