"""The demo on a real database: whole, in time, and in the end whole even when its making was killed."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from laurel.books import books_of
from laurel.embedded import app_url
from laurel.prepare import prepare
from laurel.registers import DATASETS
from loyalty_core import (
    access,
    audit,
    budgets,
    demo,
    intake,
    organisation,
    participants,
    programmes,
    rewards,
    settlement,
)
from loyalty_core.demo import partners, people
from loyalty_core.demo.market import companies
from loyalty_core.demo.sign_ins import PEOPLE
from loyalty_core.kernel import PROJECT_FOLDER, Database, Scope, Settings
from loyalty_core.kernel.clock import fixed
from tests.databases import TestServer, database_of

NOON = datetime(2026, 10, 15, 10, 0, tzinfo=UTC)
SYSTEM = Scope.of_system("test")


SCALE = 0.1


@dataclass(frozen=True)
class Made:
    """A finished small demo."""

    database: Database
    settings: Settings
    demo: demo.Demo

    def scope_of(self, name: str) -> Scope:
        return access.scope_of_user(self.database, access.find_user(self.database, SYSTEM, name).id)

    def counts(self, query: str) -> dict[str, int]:
        """Return what a query of (name, number) finds."""
        with self.database.transaction(SYSTEM) as connection:
            return {str(name): int(number) for name, number in connection.execute(text(query))}


@pytest.fixture(scope="module")
def made(server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    url = server.new_database()
    database = database_of(url)
    settings = Settings(tmp_path_factory.mktemp("home"), None)
    with fixed(NOON):
        assert demo.demo_is_due(database, settings)
        finished = demo.make_demo(database, settings, datasets=DATASETS, scale=SCALE)
    yield Made(database, settings, finished)
    database.close()
    server.drop_database(url)


def imports_of(database: Database) -> dict[str, intake.FileImport]:
    with database.transaction(SYSTEM) as connection:
        found = intake.find_imports(connection, limit=100)
    assert len({one.file_name for one in found}) == len(found)
    return {one.file_name.removesuffix(".csv"): one for one in found}


def test_its_books_and_its_audit_hold(made: Made) -> None:
    assert not demo.demo_is_due(made.database, made.settings)
    checks = settlement.check_books(made.database, *books_of(made.settings))
    assert [check.name for check in checks if not check.ok] == []
    assert audit.verify(made.database, made.settings).ok


def test_history_lies_in_the_past_and_nothing_in_the_future(made: Made) -> None:
    for query in (
        "select action, min(recorded_at)::date - date '2026-10-15' from audit_record group by 1",
        "select action, max(recorded_at)::date - date '2026-10-15' from audit_record group by 1",
    ):
        days = made.counts(query)
        assert max(days.values()) <= 0
    first = made.counts(
        "select action, min(recorded_at)::date - date '2026-10-15' from audit_record group by 1"
    )
    assert first["participants.company_approved"] < -540
    assert first["rewards.order_placed"] < -75
    assert first["verification.claims_judged"] < -80


def test_eighteen_months_of_sales_end_the_day_before_the_first_start(made: Made) -> None:
    found = imports_of(made.database)
    sales = [one for name, one in found.items() if name.startswith("sales_")]
    assert sorted(name for name in found if name.startswith("sales_")) == [
        "sales_2025-04-15_2026-07-16",
        "sales_2026-07-17_2026-08-15",
        "sales_2026-08-16_2026-09-14",
        "sales_2026-09-15_2026-10-14",
    ]
    assert {(one.state, one.quarantined, one.duplicates) for one in sales} == {
        (intake.ImportState.ACCEPTED, 0, 0)
    }
    with made.database.transaction(SYSTEM) as connection:
        named = {one.code: one for one in organisation.find_companies(connection, "", limit=1000)}
        regions = {region.id: region.code for region in organisation.all_regions(connection)}
    assert len(named) == len(companies(SCALE))
    for company in companies(SCALE):
        there = named[company.code]
        assert regions[there.region_id] == company.area
        assert there.kind is company.kind
        assert there.salesperson_id is not None
        assert (there.distributor_id is None) == (company.distributor is None)


def test_a_file_with_mistakes_leaves_rows_of_every_usual_kind_in_quarantine(made: Made) -> None:
    found = imports_of(made.database)
    late = found["late-invoices_2026-10-14"]
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
    half = found["wholesale-list_2026-10-14"]
    assert 0.35 < (half.quarantined or 0) / (half.rows or 1) <= 0.5


def test_something_waits_for_everyone(made: Made) -> None:
    returns = imports_of(made.database)["returns_2026-10-14"]
    assert returns.state is intake.ImportState.WAITING
    assert [check["name"] for check in intake.ImportReport(returns).failed_checks] == ["returns_share"]
    states = made.counts("select state, count(*) from claim group by 1")
    assert sum(states[state] for state in ("waiting", "asked", "proposed")) == 60
    assert set(made.counts("select verdict, count(*) from claim where state = 'waiting' group by 1")) == {
        *("inflated_quantity", "typo_in_invoice", "unknown_product", "duplicate_claim"),
        *("claimed_by_another_customer", "wrong_date"),
    }
    assert made.counts("select is_by_rule::text, count(*) from claim_decision group by 1")["true"] > 80
    assert set(made.counts("select source, count(*) from claim where state = 'waiting' group by 1")) == {
        "phone",
        "paper",
        "file",
    }
    assert made.counts("select state, count(*) from reward_order group by 1")["awaiting_finance"] == 25
    assert made.counts("select state, count(*) from participant group by 1")["waiting"] == 6
    assert made.counts("select state, count(*) from company_registration group by 1")["waiting"] == 3
    assert made.counts("select state, count(*) from budget_change group by 1")["waiting"] == 1


def test_work_on_claims_has_begun_and_verdicts_were_mostly_right(made: Made) -> None:
    states = made.counts("select state, count(*) from claim group by 1")
    assert (states["asked"], states["proposed"]) == (1, 3)
    assert made.counts("select kind, count(*) from claim_event group by 1") == {
        "asked": 2,
        "answered": 1,
        "proposed": 3,
        "assigned": 13,
        "document_added": 3,
        **made.counts("select kind, count(*) from claim_event where kind = 'escalated' group by 1"),
    }
    assert len(made.counts("select coalesce(assigned_to_name, ''), count(*) from claim group by 1")) == 3
    kinds = made.counts("select media_type, count(*) from claim_document group by 1")
    assert kinds["application/pdf"] == 3
    assert kinds["image/jpeg"] > 10
    decided = made.counts(
        "select c.verdict || ' ' || d.kind, count(*) from claim c join claim_decision d on d.claim_number = c.number"
        " and not d.is_by_rule group by 1"
    )
    assert decided["typo_in_invoice approve"] > decided.get("typo_in_invoice reject", 0)
    assert decided["wrong_date approve"] > decided.get("wrong_date reject", 0)
    assert decided["unknown_invoice reject"] > 5
    assert decided["inflated_quantity correct"] >= 1
    assert set(made.counts("select name, count(*) from source_mapping group by 1")) == {
        *("distributors-report", "typed-list", "claim-forms"),
    }
    # What the programme's document says of second people and of reasons came with its second version.
    assert made.counts(
        "select code, count(*) from programme p join programme_version v on v.programme_id = p.id group by 1"
    ) == {"partner-points": 1, "service-stars": 2}


def test_finance_meets_an_own_order_one_over_budget_and_one_of_a_suspicious_claimant(made: Made) -> None:
    finance = made.scope_of("finance")
    with made.database.snapshot(finance) as connection:
        waiting = rewards.waiting_orders(connection, finance, limit=100)
    assert finance.user_id is not None
    assert sum(one.requested_by == finance.user_id for one in waiting) == 1
    assert [one.region_name for one in waiting if one.is_over_budget] == ["Kraków"]
    (suspicious,) = [one for one in waiting if one.participant_code == people.SUSPICIOUS]
    assert suspicious.claims_rejected > suspicious.claims_decided / 2


def test_one_budget_is_nearly_spent_and_one_idle(made: Made) -> None:
    manager = made.scope_of("manager")
    with made.database.snapshot(manager) as connection:
        programme = programmes.programme_by_code(connection, manager, demo.PROGRAMME_CODE)
        found = budgets.budgets_of_period(
            connection, manager, on=date(2026, 10, 15), programme_id=programme.id
        )
    used = {one.region_name: (one.spent_minor, one.reserved_minor, one.set_minor) for one in found}
    spent, reserved, whole = used["Kraków"]
    assert (round(100 * spent / whole), reserved) == (96, 0)
    assert used["Wrocław"][:2] == (0, 0)


def test_people_see_what_their_home_should_show(made: Made) -> None:
    for name, expected in (
        ("cleaner", rewards.OrderState.REJECTED),
        ("wholesaler", rewards.OrderState.AWAITING_FINANCE),
    ):
        scope = made.scope_of(name)
        assert scope.user_id is not None
        with made.database.snapshot(scope) as connection:
            own = participants.participant_of_user(connection, scope.user_id)
            assert own is not None
            placed = rewards.orders_of_participant(connection, own.id)
        assert expected in {one.state for one in placed}
        assert all(one.decision_reason for one in placed if one.state is rewards.OrderState.REJECTED)


@pytest.mark.parametrize(("name", "country"), [("poland", "PL"), ("indonesia", "ID")])
def test_a_head_of_sales_sees_the_own_country_and_nothing_else(made: Made, name: str, country: str) -> None:
    scope = made.scope_of(name)
    assert not scope.sees_everything
    own = sorted(company.code for company in companies(SCALE) if company.country == country)
    with made.database.transaction(scope) as connection:
        seen = organisation.find_companies(connection, "", limit=1000)
    assert sorted(company.code for company in seen) == own


def test_each_role_can_sign_in_with_a_password_of_this_demo_only(made: Made) -> None:
    assert {one.person.role for one in made.demo.sign_ins} == set(access.Role)
    for one in made.demo.sign_ins[::6]:
        attempt = access.begin_sign_in(made.database, name=one.person.name, address="192.0.2.1")
        assert access.password_matches(one.password, attempt.password_hash)
    for one in made.demo.sign_ins:
        assert access.find_user(made.database, SYSTEM, one.person.name).roles == one.person.roles
    passwords = {one.password for one in made.demo.sign_ins}
    assert len(passwords) == len(made.demo.sign_ins)
    text_of_all = demo.sign_ins_text(made.demo)
    assert all(password in text_of_all for password in passwords)
    assert str(made.demo.sign_ins_file) in text_of_all


def test_the_passwords_lie_in_one_file_that_only_the_owner_can_read(made: Made) -> None:
    file = made.demo.sign_ins_file
    assert file == made.settings.home / "secrets" / "demo-sign-ins"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert sorted(path.name for path in file.parent.iterdir()) == ["audit_key", "demo-sign-ins"]
    assert all(one.password in file.read_text() for one in made.demo.sign_ins)
    assert list(made.settings.work_folder.iterdir()) == []


KILLED_AFTER = [
    ("organisation.region_added", 7),
    ("access.user_created", 3),
    ("intake.import_started", 1),
    ("intake.import_accepted", 1),
    ("settlement.programme_settled", 2),
    ("verification.claim_entered", 20),
    ("rewards.order_placed", 15),
]


def killed_making(database: Database, home: Path, action: str, times: int) -> None:
    """Make the demo in another process and kill that as soon as the action is on record so often."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.demo.making", str(home)],
        cwd=PROJECT_FOLDER,
        env={**os.environ, "LAUREL_APP_URL": database.app_url},
    )
    try:
        deadline = time.monotonic() + 180
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
    again = Made(committed_database, settings, finished)
    found = imports_of(committed_database)
    assert max(name for name in found if name.startswith("sales_")).endswith(f"_{last_day}")
    for query in (
        "select state, count(*) from file_import group by 1",
        "select state, count(*) from participant group by 1",
        "select 'companies', count(*) from company",
        "select 'waiting', count(*) from claim where state = 'waiting'",
        "select 'waiting', count(*) from reward_order where state = 'awaiting_finance'",
        "select state, count(*) from reward group by 1",
        "select state, count(*) from budget_change group by 1",
    ):
        assert again.counts(query) == made.counts(query), query
    assert {user.name for user in access.list_users(committed_database, SYSTEM)} == {
        one.person.name for one in finished.sign_ins
    }
    assert all(check.ok for check in settlement.check_books(committed_database, *books_of(settings)))
    assert audit.verify(committed_database, settings).ok


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


def fail(*_arguments: object) -> None:
    raise ValueError("a price of 9 was expected")


def test_a_demo_that_cannot_be_made_is_told_and_laurel_starts_empty(
    owner_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(tmp_path, None)
    monkeypatch.setattr(partners, "make_companies", fail)
    prepare(settings, owner_url, with_demo=True, scale=SCALE)
    said = capsys.readouterr().out
    assert "The demo could not be made: ValueError. Laurel starts empty." in said
    assert "laurel user add NAME --role admin" in said
    database = Database(app_url(owner_url))
    assert access.list_users(database, SYSTEM) == []
    with database.transaction(SYSTEM) as connection:
        assert organisation.all_regions(connection) == []
        assert connection.execute(text("select count(*) from audit_record")).scalar() == 0
    # The next start tries again.
    assert demo.demo_is_due(database, settings)
    assert not demo.is_unfinished(settings)
    assert list(settings.work_folder.iterdir()) == []
    database.close()


def test_an_interrupted_demo_that_cannot_be_finished_keeps_what_is_there(
    owner_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(tmp_path, None)
    prepare(settings, owner_url, with_demo=False)
    database = Database(app_url(owner_url))
    monkeypatch.setattr(partners, "make_companies", fail)
    with pytest.raises(ValueError, match="a price"):
        demo.make_demo(database, settings, datasets=DATASETS, scale=SCALE)
    users = access.list_users(database, SYSTEM)
    assert users
    capsys.readouterr()
    prepare(settings, owner_url, with_demo=True)
    assert f"the sign-ins so far are in {demo.unfinished_file(settings)}" in capsys.readouterr().out
    assert access.list_users(database, SYSTEM) == users
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


@pytest.mark.slow
def test_the_first_start_says_the_passwords_and_the_second_does_not(
    owner_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(tmp_path, None)
    prepare(settings, owner_url, with_demo=True, scale=SCALE)
    said = capsys.readouterr().out
    lines = (settings.secrets_folder / "demo-sign-ins").read_text().splitlines()[1:]
    assert len(lines) == len(PEOPLE)
    assert all(line in said for line in lines)
    prepare(settings, owner_url, with_demo=True)
    assert capsys.readouterr().out == ""
