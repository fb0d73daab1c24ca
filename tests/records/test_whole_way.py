"""Files of records on their whole way in: templates as they are given out, updates that wait, looks without effect."""

from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

import data_checks
from laurel.registers import DATASETS
from loyalty_core.access import Role
from loyalty_core.intake import (
    FileImport,
    ImportMode,
    OwnChangesError,
    WaitsFor,
    find_changes,
    guess_file,
    receive_local_file,
    run_import,
    start_import,
    template_name,
    write_template,
)
from loyalty_core.kernel import Database, Scope, Settings, new_id
from loyalty_core.organisation import add_region
from loyalty_core.participants import decide_registrations, participant_by_code
from tests.access.people import somebody
from tests.intake.deciding import accept_as_shown
from tests.participants.deciding import decide_as_shown
from tests.sales.files import bring as bring_sales
from tests.sales.files import row
from tests.settlement.programmes import spring

pytestmark = pytest.mark.xdist_group("intake")

IN_ORDER = ("companies", "outlets", "participants", "products", "prices", "budgets")


@pytest.fixture(scope="module", autouse=True)
def _warm_checks() -> None:
    data_checks.warm_up()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", database_url=None)


def begin(
    database: Database,
    settings: Settings,
    scope: Scope,
    path: Path,
    dataset: str,
    mode: ImportMode = ImportMode.ADD,
) -> UUID:
    file_id = receive_local_file(database, settings, scope, path)
    guessed = guess_file(
        database,
        settings,
        scope,
        file_id=file_id,
        columns=DATASETS[dataset].columns,
        time_zone="Europe/Warsaw",
    )
    return start_import(
        database,
        scope,
        file_id=file_id,
        mapping=guessed.mapping,
        datasets=DATASETS,
        creates_missing=False,
        request_key=new_id(),
        defers=False,
        mode=mode,
    )


def run(database: Database, settings: Settings, scope: Scope, import_id: UUID) -> FileImport:
    return run_import(database, settings, import_id, datasets=DATASETS, scope=scope).found


def csv_of(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_every_template_comes_in_as_it_is_given_out(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    for region in ("Poland", "Serbia"):
        add_region(committed_database, everything, code=region, name=region, parent_id=None)
    spring(committed_database, everything)
    somebody(committed_database, Role.SALES, name="sales")
    maker = somebody(committed_database, Role.ADMIN, name="maker").scope
    for name in IN_ORDER:
        path = tmp_path / template_name(DATASETS[name])
        write_template(path, DATASETS[name])
        if name == "budgets":
            with committed_database.transaction(maker) as connection:
                # The example's quarter is long over when this test is read.
                connection.execute(text("update programme set ends_on = '2099-12-31'"))
            path = csv_of(
                tmp_path / "budgets.csv",
                "programme_code,region_code,starts_on,amount,reason",
                "spring,Poland,2099-04-01,25000.00,Second quarter as planned",
                "spring,Serbia,2099-04-01,12500.00,Second quarter as planned",
            )
        found = run(
            committed_database,
            settings,
            maker,
            begin(committed_database, settings, maker, path, name),
        )
        assert (found.state.value, found.accepted, found.quarantined, found.reasons) == (
            "accepted",
            2,
            0,
            {},
        ), name
        assert found.checks, name
        assert found.checks["checks"], name


def test_an_update_waits_with_its_changes_and_goes_on_when_it_is_let_through(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    first = csv_of(tmp_path / "a.csv", "code,name,brand,product_group", "A,Cup,Acme,Cups", "B,Mug,Acme,Cups")
    second = csv_of(
        tmp_path / "b.csv", "code,name,brand,product_group", "A,Glass,Acme,Cups", "C,Jug,Acme,Cups"
    )
    database = committed_database
    run(database, settings, everything, begin(database, settings, everything, first, "products"))
    looked = run(
        database,
        settings,
        everything,
        begin(database, settings, everything, second, "products", ImportMode.CHECK),
    )
    assert looked.state.value == "checked"
    update = begin(database, settings, everything, second, "products", ImportMode.UPDATE)
    waiting = run(database, settings, everything, update)
    assert (waiting.state.value, waiting.waits_for) == ("waiting", WaitsFor.CHANGES)
    with database.transaction(everything) as connection:
        shown = find_changes(connection, update, limit=10)
        names = connection.execute(text("select name from product order by name")).scalars().all()
    assert [(one.record, one.field, one.before, one.after) for one in shown if one.field] == [
        ("A", "name", "Cup", "Glass")
    ]
    assert names == ["Cup", "Mug"], "neither a look nor a waiting update changes anything"
    accept_as_shown(database, everything, import_id=update, reason="as agreed", defers=False)
    done = run(database, settings, everything, update)
    assert (done.state.value, done.accepted, done.changed, done.duplicates) == ("accepted", 2, 1, 0)
    with database.transaction(everything) as connection:
        names = connection.execute(text("select name from product order by name")).scalars().all()
    assert names == ["Glass", "Jug", "Mug"]


def test_what_changed_between_the_showing_and_the_accepting_is_shown_again(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    database = committed_database
    first = csv_of(tmp_path / "a.csv", "code,name,brand,product_group", "A,Cup,Acme,Cups")
    second = csv_of(tmp_path / "b.csv", "code,name,brand,product_group", "A,Glass,Acme,Cups")
    run(database, settings, everything, begin(database, settings, everything, first, "products"))
    update = begin(database, settings, everything, second, "products", ImportMode.UPDATE)
    run(database, settings, everything, update)
    with database.transaction(everything) as connection:
        connection.execute(text("update product set name = 'Beaker'"))
    accept_as_shown(database, everything, import_id=update, reason="as agreed", defers=False)
    again = run(database, settings, everything, update)
    assert (again.state.value, again.waits_for) == ("waiting", WaitsFor.CHANGES)
    accept_as_shown(database, everything, import_id=update, reason="so be it", defers=False)
    assert run(database, settings, everything, update).changed == 1


PEOPLE_HEADER = "code,company_code,display_name,group,is_owner,phone,email"


def test_whoever_brought_a_file_changes_nobody_alone_neither_before_nor_after_the_approval(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    database = committed_database
    bring_sales(database, everything, [row()])
    maker = somebody(database, Role.OPERATOR, name="maker").scope
    checker = somebody(database, Role.OPERATOR, name="checker").scope

    def update(email: str) -> None:
        path = csv_of(tmp_path / f"{email}.csv", PEOPLE_HEADER, f"P1,C1,Ana Maria,wholesaler,no,,{email}")
        held = begin(database, settings, maker, path, "participants", ImportMode.UPDATE)
        found = run(database, settings, maker, held)
        assert (found.state.value, found.waits_for, found.needs_second_person) == (
            "waiting",
            WaitsFor.CHANGES,
            True,
        )
        for alone in (maker, everything):
            with pytest.raises(OwnChangesError, match="somebody else than maker"):
                accept_as_shown(database, alone, import_id=held, reason="as agreed", defers=False)
        accept_as_shown(database, checker, import_id=held, reason="as agreed", defers=False)
        assert run(database, settings, maker, held).state.value == "accepted"

    added = csv_of(tmp_path / "people.csv", PEOPLE_HEADER, "P1,C1,Ana Maria,wholesaler,no,,ana@example.com")
    run(database, settings, maker, begin(database, settings, maker, added, "participants"))
    with database.snapshot(checker) as connection:
        shown = participant_by_code(connection, "P1")
    update("before@example.com")
    (outcome,) = decide_registrations(
        database, checker, participants={shown.id: shown.payload_hash}, approve=True, reason=None
    )
    assert outcome.refusal is not None
    assert "look again" in outcome.refusal
    (outcome,) = decide_as_shown(database, checker, participant_ids=[shown.id], approve=True, reason=None)
    assert outcome.refusal is None
    update("after@example.com")
    with database.snapshot(checker) as connection:
        assert participant_by_code(connection, "P1").email == "after@example.com"
