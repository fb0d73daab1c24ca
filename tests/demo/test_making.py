"""The demo on a real database: whole, in time, and in the end whole even when its making was killed."""

import signal
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import data_checks
from laurel.embedded import app_url
from laurel.prepare import prepare
from laurel.registers import DATASETS
from loyalty_core import access, audit, demo, intake, organisation, programmes, settlement, standings
from loyalty_core.demo.market import companies
from loyalty_core.kernel import PROJECT_FOLDER, Database, Scope, Settings
from loyalty_core.kernel.clock import fixed
from tests.databases import TestServer, database_of

NOON = datetime(2026, 10, 15, 10, 0, tzinfo=UTC)
SYSTEM = Scope.of_system("test")


@dataclass(frozen=True)
class Made:
    """A finished demo and how long it took, great-expectations' import left out."""

    database: Database
    settings: Settings
    demo: demo.Demo
    seconds: float

    def scope_of(self, name: str) -> Scope:
        return access.scope_of_user(self.database, access.find_user(self.database, SYSTEM, name).id)


@pytest.fixture(scope="module")
def made(server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    url = server.new_database()
    database = database_of(url)
    settings = Settings(tmp_path_factory.mktemp("home"), None)
    data_checks.warm_up()
    begun = time.monotonic()
    with fixed(NOON):
        assert demo.demo_is_due(database, settings)
        finished = demo.make_demo(database, settings, datasets=DATASETS)
    yield Made(database, settings, finished, time.monotonic() - begun)
    database.close()
    server.drop_database(url)


def imports_of(database: Database) -> dict[str, intake.FileImport]:
    with database.transaction(SYSTEM) as connection:
        found = intake.find_imports(connection, limit=100)
    assert len({one.file_name for one in found}) == len(found)
    return {one.file_name.partition("_")[0]: one for one in found}


def standings_for(database: Database, scope: Scope, by: standings.StandingsBy) -> list[standings.Standing]:
    with database.snapshot(scope) as connection:
        programme = programmes.programme_by_code(connection, scope, demo.PROGRAMME_CODE)
        return standings.standings(
            connection,
            programme_id=programme.id,
            currency=programme.currency,
            time_zone=programme.time_zone,
            since=programme.starts_on,
            until=programme.ends_on,
            by=by,
            limit=1000,
        )


def test_it_is_made_in_a_part_of_the_thirty_seconds_of_a_start(made: Made) -> None:
    assert made.seconds < 12
    assert not demo.demo_is_due(made.database, made.settings)


def test_its_books_and_its_audit_hold(made: Made) -> None:
    assert [check.name for check in settlement.check_books(made.database) if not check.ok] == []
    assert audit.verify(made.database, made.settings.home).ok


def test_three_months_of_sales_end_the_day_before_the_first_start(made: Made) -> None:
    sales = imports_of(made.database)["sales"]
    assert sales.file_name == "sales_2026-07-15_2026-10-14.csv"
    assert (sales.state, sales.quarantined, sales.duplicates) == (intake.ImportState.ACCEPTED, 0, 0)
    assert 5_500 < (sales.accepted or 0) < 6_500
    with made.database.transaction(SYSTEM) as connection:
        assert organisation.count_companies(connection) == len(companies())
        named = {company.code: company for company in organisation.find_companies(connection, "", limit=100)}
        regions = {region.id: region.code for region in organisation.all_regions(connection)}
    for company in companies():
        assert regions[named[company.code].region_id] == company.area
        assert named[company.code].salesperson_id is not None


def test_a_file_with_mistakes_leaves_rows_of_every_usual_kind_in_quarantine(made: Made) -> None:
    late = imports_of(made.database)["late-invoices"]
    assert late.state is intake.ImportState.ACCEPTED
    assert late.duplicates == 5
    assert set(late.reasons or ()) == {
        "missing_company",
        "unknown_company",
        "unknown_product",
        "unknown_currency",
        "unreadable_quantity",
        "unreadable_sold_at",
        "negative_price",
        "zero_quantity",
        "amount_differs",
        "conflicts_with_earlier",
    }


def test_an_import_waits_for_the_operator_and_lines_for_the_programme_manager(made: Made) -> None:
    returns = imports_of(made.database)["returns"]
    assert returns.state is intake.ImportState.WAITING
    assert [check["name"] for check in intake.ImportReport(returns).failed_checks] == ["returns_share"]
    manager = made.scope_of("manager")
    with made.database.transaction(manager) as connection:
        programme = programmes.programme_by_code(connection, manager, demo.PROGRAMME_CODE)
        (run,) = settlement.settlements(connection, programme.id, limit=10)
    assert run.settled_by_name == "manager"
    assert run.lines == imports_of(made.database)["sales"].accepted


def test_everybody_has_points_and_places_change_hands(made: Made) -> None:
    places = standings_for(made.database, SYSTEM, standings.StandingsBy.COMPANY)
    assert len(places) == len(companies())
    assert all(place.points > 0 for place in places)
    assert len({place.points for place in places}) > 30


@pytest.mark.parametrize(("name", "country"), [("poland", "PL"), ("indonesia", "ID")])
def test_a_head_of_sales_sees_the_own_country_and_nothing_else(made: Made, name: str, country: str) -> None:
    scope = made.scope_of(name)
    assert not scope.sees_everything
    own = [company.code for company in companies() if company.country == country]
    with made.database.transaction(scope) as connection:
        seen = organisation.find_companies(connection, "", limit=100)
    assert sorted(company.code for company in seen) == own
    places = standings_for(made.database, scope, standings.StandingsBy.COMPANY)
    assert sorted(place.code for place in places) == own
    areas = standings_for(made.database, scope, standings.StandingsBy.REGION)
    assert len(areas) == 4
    assert {place.code[:2] for place in areas} == {country}


def test_each_role_can_sign_in_with_a_password_of_this_demo_only(made: Made) -> None:
    roles = Counter(one.person.role for one in made.demo.sign_ins)
    assert set(roles) == set(access.Role)
    for one in made.demo.sign_ins:
        attempt = access.begin_sign_in(made.database, name=one.person.name, address="192.0.2.1")
        assert access.password_matches(one.password, attempt.password_hash)
        assert access.find_user(made.database, SYSTEM, one.person.name).roles == {one.person.role}
    passwords = {one.password for one in made.demo.sign_ins}
    assert len(passwords) == len(made.demo.sign_ins)
    text = demo.sign_ins_text(made.demo)
    assert all(password in text for password in passwords)
    assert str(made.demo.sign_ins_file) in text


def test_the_passwords_lie_in_one_file_that_only_the_owner_can_read(made: Made) -> None:
    file = made.demo.sign_ins_file
    assert file == made.settings.home / "secrets" / "demo-sign-ins"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["demo-sign-ins"]
    assert all(one.password in file.read_text() for one in made.demo.sign_ins)
    assert list(made.settings.work_folder.iterdir()) == []


KILLED_AFTER = [
    ("organisation.region_added", 7),
    ("access.user_created", 3),
    ("intake.import_started", 1),
    ("intake.import_accepted", 1),
    ("settlement.programme_settled", 1),
]


def killed_making(database: Database, home: Path, action: str, times: int) -> None:
    """Make the demo in another process and kill that as soon as the action is on record so often."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.demo.making", database.app_url, str(home)], cwd=PROJECT_FOLDER
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            with database.transaction(SYSTEM) as connection:
                done = audit.count_records(connection, words="", action=action, since=None)
            if done >= times:
                return
            assert process.poll() is None, f"it ended before {action}"
            assert time.monotonic() < deadline
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.mark.slow
def test_a_demo_whose_making_is_killed_again_and_again_is_whole_in_the_end(
    committed_database: Database, made: Made, tmp_path: Path
) -> None:
    settings = Settings(tmp_path, None)
    for action, times in KILLED_AFTER:
        killed_making(committed_database, tmp_path, action, times)
        assert demo.demo_is_due(committed_database, settings)
    (first,) = (tmp_path / "secrets").glob("demo-sign-ins.unfinished")
    last_day = first.read_text().split()[0]

    with fixed(datetime.now(UTC) + timedelta(days=2)):
        finished = demo.make_demo(committed_database, settings, datasets=DATASETS)

    assert not demo.demo_is_due(committed_database, settings)
    found = imports_of(committed_database)
    assert found["sales"].file_name.endswith(f"_{last_day}.csv")
    assert {name: one.state for name, one in found.items()} == {
        name: one.state for name, one in imports_of(made.database).items()
    }
    with committed_database.transaction(SYSTEM) as connection:
        programme = programmes.programme_by_code(connection, SYSTEM, demo.PROGRAMME_CODE)
        assert programme.current_version == 1
        (run,) = settlement.settlements(connection, programme.id, limit=10)
        assert run.lines == found["sales"].accepted
        assert len(organisation.all_regions(connection)) == 28
        assert all(
            company.salesperson_id for company in organisation.find_companies(connection, "", limit=100)
        )
    assert {user.name for user in access.list_users(committed_database, SYSTEM)} == {
        one.person.name for one in finished.sign_ins
    }
    for one in finished.sign_ins:
        attempt = access.begin_sign_in(committed_database, name=one.person.name, address="192.0.2.1")
        assert access.password_matches(one.password, attempt.password_hash)
    assert all(check.ok for check in settlement.check_books(committed_database))
    assert audit.verify(committed_database, tmp_path).ok


def test_a_start_without_the_demo_says_how_to_make_the_first_administrator(
    owner_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(tmp_path, None)
    prepare(settings, owner_url, with_demo=False)
    assert "laurel user add NAME --role admin" in capsys.readouterr().out
    database = Database(app_url(owner_url))
    assert access.list_users(database, SYSTEM) == []
    assert imports_of(database) == {}
    database.close()


def test_a_database_with_work_in_it_gets_no_demo(
    owner_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(tmp_path, None)
    database = Database(app_url(owner_url))
    organisation.add_region(database, SYSTEM, code="FR", name="France", parent_id=None)
    assert not demo.demo_is_due(database, settings)
    prepare(settings, owner_url, with_demo=True)
    assert "laurel user add NAME --role admin" in capsys.readouterr().out
    assert access.list_users(database, SYSTEM) == []
    database.close()


def test_the_first_start_says_the_passwords_and_the_second_does_not(
    owner_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(tmp_path, None)
    prepare(settings, owner_url, with_demo=True)
    said = capsys.readouterr().out
    lines = (settings.secrets_folder / "demo-sign-ins").read_text().splitlines()[1:]
    assert len(lines) == 8
    assert all(line in said for line in lines)
    prepare(settings, owner_url, with_demo=True)
    assert capsys.readouterr().out == ""
