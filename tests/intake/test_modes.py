"""Adding, updating, only checking; cancelling at every point; what waits, and what is asked again."""

import csv
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from laurel.registers import DATASETS
from loyalty_core.access import Role
from loyalty_core.intake import (
    NEW_RECORDS,
    ColumnMapping,
    FileImport,
    ImportBeingWrittenError,
    ImportMode,
    ImportOptionsError,
    ImportState,
    ImportStateError,
    ModeNotOfferedError,
    WaitsFor,
    cancel_import,
    checked_options,
    count_changes,
    count_imports,
    find_changes,
    find_imports,
    import_by_id,
    import_choices,
    quarantined_rows,
    queue_unclaimed_imports,
    receive_local_file,
    run_import,
    start_import,
    store,
    sum_up_changes,
)
from loyalty_core.intake.states import Phase
from loyalty_core.kernel import Database, NotAllowedError, Scope, Settings, new_id
from loyalty_core.sales import SalesDataset
from loyalty_core.sales import store as sales_store
from loyalty_core.settlement import check_books
from tests.access.people import somebody
from tests.intake.deciding import accept_as_shown, decline_as_shown
from tests.intake.field import (
    begin,
    counts,
    finish,
    imported,
    lines,
    mapping_of,
    settings_in,
    write,
)

pytestmark = pytest.mark.xdist_group("intake")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path / "home")


@pytest.fixture
def march(tmp_path: Path) -> Path:
    return write(tmp_path / "march.csv", lines(20))


PRODUCTS = ColumnMapping(
    name="catalogue",
    dataset="products",
    columns={name: name for name in ("code", "name", "brand", "product_group")},
    date_formats=("%Y-%m-%d",),
    time_zone="UTC",
)


def catalogue(path: Path, rows: Sequence[tuple[str, str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("code", "name", "brand", "product_group"))
        writer.writerows([(*row, "Tea") for row in rows])
    return path


def bring(
    database: Database,
    settings: Settings,
    scope: Scope,
    path: Path,
    mode: ImportMode,
    *,
    mapping: ColumnMapping = PRODUCTS,
    creates: bool = False,
    options: Mapping[str, Any] | None = None,
) -> FileImport:
    """Import the file in this mode as far as it goes by itself."""
    import_id = start_import(
        database,
        scope,
        file_id=receive_local_file(database, settings, scope, path),
        mapping=mapping,
        datasets=DATASETS,
        creates_missing=creates,
        request_key=new_id(),
        defers=False,
        mode=mode,
        options=options,
    )
    return finish(database, settings, scope, import_id).found


def lines_there(database: Database, scope: Scope) -> int:
    with database.transaction(scope) as connection:
        return int(connection.execute(text("select count(*) from sales_line")).scalar_one())


def names_of_products(database: Database, scope: Scope) -> dict[str, str]:
    with database.transaction(scope) as connection:
        rows = connection.execute(text("select code, name from product"))
        return {row.code: row.name for row in rows}


def actions(database: Database, scope: Scope, import_id: UUID) -> list[str]:
    with database.transaction(scope) as connection:
        return list(
            connection.execute(
                text("select action from audit_record where subject_id = :id order by id"),
                {"id": str(import_id)},
            ).scalars()
        )


def test_a_file_that_is_only_checked_says_what_would_come_of_it_and_leaves_nothing(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    database = committed_database
    imported(database, settings, everything, write(tmp_path / "a.csv", lines(5)))
    path = write(tmp_path / "b.csv", [*lines(20), *lines(1, quantity="none")])
    found = bring(database, settings, everything, path, ImportMode.CHECK, mapping=mapping_of(), creates=True)
    assert counts(found) == ("checked", 15, 5, 1)
    assert found.net_minor == {"EUR": 30_000}
    assert found.reasons == {"unreadable_quantity": 1}
    assert found.checks is not None
    assert found.finished_at is not None
    assert lines_there(database, everything) == 5
    with database.transaction(everything) as connection:
        assert [row.row_no for row in quarantined_rows(connection, found.id, limit=5)] == [22]
    assert actions(database, everything, found.id)[-1] == "intake.import_checked"
    assert all(check.ok for check in check_books(database))
    assert counts(imported(database, settings, everything, path)) == ("accepted", 15, 5, 1)


def test_a_check_keeps_the_reasons_that_only_show_while_rows_go_in(
    committed_database: Database,
    settings: Settings,
    everything: Scope,
    march: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accept = SalesDataset.accept

    def accept_with_a_late_reason(self: SalesDataset, connection: Any, staging: Any, context: Any) -> Any:
        connection.execute(
            staging.sql(
                "insert into {bad} (row_no, sheet, reasons)"
                " select row_no, sheet, array['conflicts_with_earlier'] from {staging} where row_no = 3"
            )
        )
        return accept(self, connection, staging, context)

    monkeypatch.setattr(SalesDataset, "accept", accept_with_a_late_reason)
    found = bring(
        committed_database, settings, everything, march, ImportMode.CHECK, mapping=mapping_of(), creates=True
    )
    assert counts(found) == ("checked", 19, 0, 1)
    assert found.reasons == {"conflicts_with_earlier": 1}
    assert lines_there(committed_database, everything) == 0


def test_a_check_is_not_stopped_and_tells_the_failed_checks(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    path = write(tmp_path / "bad.csv", [*lines(200), *lines(800, quantity="none")])
    found = bring(
        committed_database, settings, everything, path, ImportMode.CHECK, mapping=mapping_of(), creates=True
    )
    assert counts(found) == ("checked", 200, 0, 800)
    assert any(not one["passed"] and one["level"] == "stop" for one in (found.checks or {})["checks"])


def test_an_update_shows_before_and_after_and_changes_nothing_before_it_is_let_through(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    database = committed_database
    first = catalogue(tmp_path / "a.csv", [("P1", "Black tea", "North"), ("P2", "Green tea", "North")])
    added = bring(database, settings, everything, first, ImportMode.UPDATE)
    # Pure additions ask nobody.
    assert (counts(added), added.changed) == (("accepted", 2, 0, 0), 0)
    second = catalogue(
        tmp_path / "b.csv",
        [("P1", "Black tea 250 g", "South"), ("P2", "Green tea", "North"), ("P3", "Mate", "")],
    )
    held = bring(database, settings, everything, second, ImportMode.UPDATE)
    assert (held.state, held.waits_for, held.changed) == (ImportState.WAITING, WaitsFor.CHANGES, 1)
    assert names_of_products(database, everything) == {"P1": "Black tea", "P2": "Green tea"}
    with database.snapshot(everything) as connection:
        shown = find_changes(connection, held.id, limit=10)
        assert [(one.row_no, one.record, one.field, one.before, one.after) for one in shown if one.field] == [
            (2, "P1", "brand", "North", "South"),
            (2, "P1", "name", "Black tea", "Black tea 250 g"),
        ]
        assert [one.record for one in find_changes(connection, held.id, field=NEW_RECORDS, limit=10)] == [
            "P3"
        ]
        assert count_changes(connection, held.id, field="name") == 1
        assert count_changes(connection, held.id, words="p1") == 2
        summary = sum_up_changes(connection, held.id)
    assert (summary.changing_rows, summary.additions) == (1, 1)
    assert summary.by_field == {"brand": 1, "name": 1}
    accept_as_shown(database, everything, import_id=held.id, reason="new catalogue", defers=False)
    found = finish(database, settings, everything, held.id).found
    assert (counts(found), found.changed) == (("accepted", 2, 1, 0), 1)
    assert names_of_products(database, everything)["P1"] == "Black tea 250 g"
    with database.snapshot(everything) as connection:
        # What was changed stays on record.
        assert count_changes(connection, held.id) == 3


def test_an_update_whose_changes_are_others_than_those_shown_waits_again(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    database = committed_database
    bring(database, settings, everything, catalogue(tmp_path / "a.csv", [("P1", "One", "")]), ImportMode.ADD)
    path = catalogue(tmp_path / "b.csv", [("P1", "Two", "")])
    held = bring(database, settings, everything, path, ImportMode.UPDATE)
    accept_as_shown(database, everything, import_id=held.id, reason="seen", defers=False)
    with database.transaction(everything) as connection:
        connection.execute(text("update product set name = 'Meanwhile' where code = 'P1'"))
    again = finish(database, settings, everything, held.id).found
    assert (again.state, again.waits_for, again.decided_at) == (ImportState.WAITING, WaitsFor.CHANGES, None)
    assert names_of_products(database, everything) == {"P1": "Meanwhile"}
    with database.snapshot(everything) as connection:
        assert [(one.before, one.after) for one in find_changes(connection, held.id, limit=5)] == [
            ("Meanwhile", "Two")
        ]
    accept_as_shown(database, everything, import_id=held.id, reason="seen anew", defers=False)
    assert finish(database, settings, everything, held.id).found.state is ImportState.ACCEPTED
    assert names_of_products(database, everything) == {"P1": "Two"}


def test_a_change_that_comes_between_judging_and_writing_lets_the_update_wait_again(
    committed_database: Database,
    settings: Settings,
    everything: Scope,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database = committed_database
    bring(database, settings, everything, catalogue(tmp_path / "a.csv", [("P1", "One", "")]), ImportMode.ADD)
    path = catalogue(tmp_path / "b.csv", [("P1", "Two", "")])
    held = bring(database, settings, everything, path, ImportMode.UPDATE)
    accept_as_shown(database, everything, import_id=held.id, reason="seen", defers=False)
    lock_source = store.lock_source

    def somebody_else_first(connection: Any, source: str) -> None:
        lock_source(connection, source)
        with database.transaction(everything) as other:
            other.execute(text("update product set name = 'Meanwhile' where code = 'P1'"))

    monkeypatch.setattr(store, "lock_source", somebody_else_first)
    again = finish(database, settings, everything, held.id).found
    assert (again.state, again.waits_for) == (ImportState.WAITING, WaitsFor.CHANGES)
    assert names_of_products(database, everything) == {"P1": "Meanwhile"}
    with database.snapshot(everything) as connection:
        assert [one.before for one in find_changes(connection, held.id, limit=5)] == ["Meanwhile"]


def test_a_declined_update_changes_nothing(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    database = committed_database
    bring(database, settings, everything, catalogue(tmp_path / "a.csv", [("P1", "One", "")]), ImportMode.ADD)
    held = bring(
        database, settings, everything, catalogue(tmp_path / "b.csv", [("P1", "Two", "")]), ImportMode.UPDATE
    )
    decline_as_shown(database, everything, import_id=held.id, reason="wrong season")
    assert finish(database, settings, everything, held.id).found.state is ImportState.DECLINED
    assert names_of_products(database, everything) == {"P1": "One"}


def test_a_check_of_records_shows_what_an_update_would_change(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    database = committed_database
    bring(database, settings, everything, catalogue(tmp_path / "a.csv", [("P1", "One", "")]), ImportMode.ADD)
    path = catalogue(tmp_path / "b.csv", [("P1", "Two", ""), ("P2", "New", "")])
    found = bring(database, settings, everything, path, ImportMode.CHECK)
    assert (counts(found), found.changed) == (("checked", 2, 0, 0), 1)
    assert names_of_products(database, everything) == {"P1": "One"}
    with database.snapshot(everything) as connection:
        assert count_changes(connection, found.id) == 2


def test_facts_are_never_updated_by_a_file(
    committed_database: Database, settings: Settings, everything: Scope, march: Path
) -> None:
    with pytest.raises(ModeNotOfferedError, match="add, check"):
        bring(committed_database, settings, everything, march, ImportMode.UPDATE, mapping=mapping_of())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"control_total": "much"}, "no control total"),
        ({"control_total": "nan"}, "no control total"),
        ({"control_total": "1e30"}, "no control total"),
        ({"period_from": "31.03.2026"}, "no day"),
        ({"period_from": "2026-04-01", "period_to": "2026-03-31"}, "ends before it begins"),
        ({"sheets": "Sheet1"}, "list of names"),
        ({"colour": "blue"}, "no option colour"),
    ],
)
def test_what_is_said_of_a_file_in_words_that_nobody_understands_is_refused(
    options: Mapping[str, Any], sentence: str
) -> None:
    with pytest.raises(ImportOptionsError, match=sentence):
        checked_options(options)


def test_what_is_said_of_a_file_is_kept_with_its_import(
    committed_database: Database, settings: Settings, everything: Scope, march: Path
) -> None:
    found = bring(
        committed_database,
        settings,
        everything,
        march,
        ImportMode.ADD,
        mapping=mapping_of(),
        creates=True,
        options={"control_total": " 400.00 ", "period_from": "2026-03-01", "period_to": "", "sheets": None},
    )
    assert found.options == {"control_total": "400.00", "period_from": "2026-03-01"}
    assert counts(found) == ("accepted", 20, 0, 0)


def test_an_import_in_line_is_cancelled_at_once_and_for_good(
    committed_database: Database, settings: Settings, everything: Scope, march: Path
) -> None:
    database = committed_database
    import_id = begin(database, settings, everything, march)
    assert cancel_import(database, everything, import_id) is ImportState.CANCELLED
    with pytest.raises(ImportStateError, match="is cancelled"):
        cancel_import(database, everything, import_id)
    assert queue_unclaimed_imports(database) == 0
    found = finish(database, settings, everything, import_id).found
    assert (found.state, found.runs, found.cancel_asked_by_name) == (
        ImportState.CANCELLED,
        0,
        everything.actor_name,
    )
    assert lines_there(database, everything) == 0
    assert all(check.ok for check in check_books(database))


@pytest.mark.parametrize("phase", [Phase.PARSE, Phase.COPY, Phase.RULES, Phase.CHECKS, Phase.INSERT])
def test_an_import_that_is_cancelled_in_a_phase_ends_before_any_row_goes_in(
    committed_database: Database,
    settings: Settings,
    everything: Scope,
    march: Path,
    monkeypatch: pytest.MonkeyPatch,
    phase: Phase,
) -> None:
    database = committed_database
    import_id = begin(database, settings, everything, march)
    update_import = store.update_import

    def cancel_when_it_is_shown(connection: Any, one: UUID, **changes: Any) -> None:
        update_import(connection, one, **changes)
        if changes.get("phase") == phase.value:
            connection.commit()
            monkeypatch.setattr(store, "update_import", update_import)
            assert cancel_import(database, everything, import_id) is ImportState.RUNNING
            # Asked twice, it is asked once.
            assert cancel_import(database, everything, import_id) is ImportState.RUNNING

    monkeypatch.setattr(store, "update_import", cancel_when_it_is_shown)
    found = finish(database, settings, everything, import_id).found
    assert found.state is ImportState.CANCELLED
    assert found.finished_at is not None
    assert lines_there(database, everything) == 0
    assert actions(database, everything, import_id)[-2:] == [
        "intake.import_cancel_asked",
        "intake.import_cancelled",
    ]
    assert list(settings.work_folder.iterdir()) == []
    with database.transaction(everything) as connection:
        left = connection.execute(
            text("select count(*) from pg_class where relnamespace = 'staging'::regnamespace")
        ).scalar_one()
    assert left == 0
    assert counts(imported(database, settings, everything, march)) == ("accepted", 20, 0, 0)


def test_an_import_is_cancelled_while_its_file_is_read(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    database = committed_database
    import_id = begin(database, settings, everything, write(tmp_path / "long.csv", lines(400_000)))
    asked = threading.Event()
    rows_at_the_end = 0

    def ask(phase: Phase, rows: int) -> None:
        nonlocal rows_at_the_end
        rows_at_the_end = rows
        if not asked.is_set():
            asked.set()
            cancel_import(database, everything, import_id)
            # Shown rows are looked at twice a second at most.
            time.sleep(0.6)

    found = run_import(
        database, settings, import_id, datasets=DATASETS, scope=everything, on_progress=ask
    ).found
    assert found.state is ImportState.CANCELLED
    assert rows_at_the_end < 400_000


def test_an_import_whose_rows_go_in_is_not_cancelled_any_more(
    committed_database: Database,
    settings: Settings,
    everything: Scope,
    march: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database = committed_database
    import_id = begin(database, settings, everything, march)
    insert_lines: Callable[..., Any] = sales_store.insert_lines

    def insert_and_meet_who_cancels(*arguments: Any) -> Any:
        acceptance = insert_lines(*arguments)
        with pytest.raises(ImportBeingWrittenError, match="can be undone"):
            cancel_import(database, everything, import_id)
        return acceptance

    monkeypatch.setattr(sales_store, "insert_lines", insert_and_meet_who_cancels)
    found = finish(database, settings, everything, import_id).found
    assert (counts(found), found.cancel_asked_at) == (("accepted", 20, 0, 0), None)
    with pytest.raises(ImportStateError, match="is accepted"):
        cancel_import(database, everything, import_id)


def test_an_import_that_was_cancelled_while_nobody_ran_it_ends_cancelled(
    committed_database: Database, settings: Settings, everything: Scope, march: Path
) -> None:
    database = committed_database
    import_id = begin(database, settings, everything, march)
    with database.transaction(everything) as connection:
        store.move_import(
            connection, import_by_id(connection, import_id, lock=True), ImportState.RUNNING, runs=1
        )
    assert cancel_import(database, everything, import_id) is ImportState.RUNNING
    assert queue_unclaimed_imports(database) == 1
    assert finish(database, settings, everything, import_id).found.state is ImportState.CANCELLED
    assert lines_there(database, everything) == 0


def test_who_may_not_upload_cancels_nothing_and_who_decides_cancels_what_others_brought(
    committed_database: Database, settings: Settings, everything: Scope, march: Path
) -> None:
    database = committed_database
    participant = somebody(database, Role.PARTICIPANT, name="pia")
    operator = somebody(database, Role.OPERATOR, name="olga")
    import_id = begin(database, settings, everything, march)
    with pytest.raises(NotAllowedError):
        cancel_import(database, participant.scope, import_id)
    assert cancel_import(database, operator.scope, import_id) is ImportState.CANCELLED


def test_imports_are_found_by_dataset_source_person_hash_and_number(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path, march: Path
) -> None:
    database = committed_database
    sales = imported(database, settings, everything, march)
    products = bring(
        database, settings, everything, catalogue(tmp_path / "a.csv", [("P9", "One", "")]), ImportMode.ADD
    )
    with database.snapshot(everything) as connection:

        def found(**filters: Any) -> list[int]:
            numbers = [one.number for one in find_imports(connection, limit=10, **filters)]
            assert count_imports(connection, **filters) == len(numbers)
            return numbers

        assert found() == [products.number, sales.number]
        assert found(dataset="products") == [products.number]
        assert found(source="sales:tills") == [sales.number]
        assert found(who=everything.actor_name) == [products.number, sales.number]
        assert found(who="nobody") == []
        assert found(words=sales.sha256[:9].upper()) == [sales.number]
        assert found(words=str(products.number)) == [products.number]
        assert found(words="MARCH") == [sales.number]
        choices = import_choices(connection)
    assert choices.datasets == ["products", "sales"]
    assert choices.sources == ["products:catalogue", "sales:tills"]
    assert choices.people == [everything.actor_name]


def test_progress_names_the_phase_its_start_and_the_rows_expected(
    committed_database: Database,
    owner_url: str,
    settings: Settings,
    everything: Scope,
    march: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[FileImport] = []
    accept = SalesDataset.accept

    def look(self: SalesDataset, *arguments: Any) -> Any:
        with committed_database.snapshot(everything) as connection:
            seen.append(import_by_id(connection, import_id))
        return accept(self, *arguments)

    import_id = begin(committed_database, settings, everything, march)
    monkeypatch.setattr(SalesDataset, "accept", look)
    finish(committed_database, settings, everything, import_id)
    assert [(one.phase, one.rows_expected) for one in seen] == [(Phase.INSERT, 20)]
    assert seen[0].phase_started_at is not None
    assert seen[0].started_at is not None
    assert seen[0].phase_started_at >= seen[0].started_at
    with psycopg.connect(owner_url) as owner:
        assert owner.execute("select count(*) from import_change").fetchall() == [(0,)]
