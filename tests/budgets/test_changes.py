"""A budget is asked for by one person and decided by another."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from loyalty_core import access
from loyalty_core.access import Role, ScopeGrant, ScopeKind
from loyalty_core.budgets import (
    BudgetAmountError,
    BudgetReasonError,
    BudgetTooSmallError,
    ChangeAlteredError,
    ChangeDecidedError,
    ChangeState,
    ChangeWaitsError,
    NotYourChangeError,
    OnlyPeopleError,
    OutsideProgrammeError,
    OwnChangeError,
    QuarterOverError,
    RequestUsedOtherwiseError,
    SameAmountError,
    UnknownBudgetRegionError,
    UnknownChangeError,
    ask_for_budget,
    budgets_of_period,
    change_by_id,
    changes,
    decide_change,
    reserve,
    withdraw_change,
)
from loyalty_core.kernel import Database, NotAllowedError, Scope, new_id
from loyalty_core.kernel.clock import fixed
from loyalty_core.programmes import ProgrammeNotFoundError
from tests.budgets.money import LAST_YEAR, QUARTER, SPRING_DAY, Field, a_person, broken, figures, make_field

IN_SPRING = datetime(2026, 5, 10, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _in_spring() -> Any:
    with fixed(IN_SPRING):
        yield


def ask(database: Database, scope: Scope, field: Field, amount_minor: int, **other: Any) -> UUID:
    wanted: dict[str, Any] = {
        "programme_id": field.programme_id,
        "region_id": field.area,
        "starts_on": SPRING_DAY,
        "reason": "spring campaign",
        "request_key": new_id(),
    }
    return ask_for_budget(database, scope, amount_minor=amount_minor, **{**wanted, **other})


def decide(database: Database, scope: Scope, change_id: UUID, *, approve: bool = True, **other: Any) -> None:
    with database.transaction(scope.widened()) as connection:
        shown = change_by_id(connection, scope.widened(), change_id).payload_hash
    decide_change(database, scope, change_id, **{"payload_hash": shown, "approve": approve, **other})


def the_budget(database: Database, everything: Scope) -> tuple[UUID, tuple[int, int, int]]:
    with database.transaction(everything) as connection:
        (budget,) = budgets_of_period(connection, everything, on=SPRING_DAY)
        return budget.id, figures(connection, budget.id)


def test_what_one_asks_for_another_sets(database: Database, everything: Scope) -> None:
    field = make_field(database, everything)
    anna = a_person(database, Role.ADMIN_FINANCE, name="anna")
    piet = a_person(database, Role.ADMIN_FINANCE, name="piet")
    first = ask(database, anna, field, 50_000)
    with database.transaction(anna) as connection:
        assert budgets_of_period(connection, anna, on=SPRING_DAY) == []
        (waiting,) = changes(connection, anna, waiting_only=True)
        assert (waiting.id, waiting.before_minor, waiting.after_minor) == (first, None, 50_000)
        assert (waiting.starts_on, waiting.ends_on) == QUARTER
    decide(database, piet, first)
    decide(database, piet, first)
    budget, held = the_budget(database, everything)
    assert held == (50_000, 0, 0)
    with fixed(IN_SPRING + timedelta(days=1)):
        second = ask(database, piet, field, 40_000, reason="less than thought")
        decide(database, anna, second, reason="agreed")
    assert the_budget(database, everything) == (budget, (40_000, 0, 0))
    with database.transaction(everything) as connection:
        history = changes(connection, everything)
        assert [(one.before_minor, one.after_minor, one.decided_by_name) for one in history] == [
            (50_000, 40_000, "Anna"),
            (None, 50_000, "Piet"),
        ]
        assert changes(connection, everything, waiting_only=True) == []
        assert changes(connection, everything, region_ids=[field.abroad]) == []
        assert broken(connection) == {}
        done = connection.execute(
            text("select action from audit_record where action like 'budgets.%' order by id")
        ).scalars()
        assert list(done) == ["budgets.change_asked_for", "budgets.change_approved"] * 2


def test_nobody_decides_what_they_asked_for_not_even_an_administrator(
    database: Database, everything: Scope
) -> None:
    field = make_field(database, everything)
    admin = a_person(database, Role.ADMIN, name="admin")
    change = ask(database, admin, field, 50_000)
    for approve in (True, False):
        with pytest.raises(OwnChangeError):
            decide(database, admin, change, approve=approve, reason="because")
    # The database itself refuses what the code would.
    for state in ("approved", "rejected"):
        with (
            pytest.raises(IntegrityError, match="two_people"),
            database.transaction(everything) as connection,
        ):
            connection.execute(
                text(
                    "update budget_change set state = :state, decided_by = asked_by, decided_by_name = 'x',"
                    " decided_at = now() where id = :id"
                ),
                {"state": state, "id": change},
            )
    with database.transaction(everything) as connection:
        assert budgets_of_period(connection, everything, on=SPRING_DAY) == []


def test_only_who_asked_may_withdraw_and_only_while_it_waits(database: Database, everything: Scope) -> None:
    field = make_field(database, everything)
    anna = a_person(database, Role.HEAD_OF_SALES, name="anna")
    piet = a_person(database, Role.ADMIN_FINANCE, name="piet")
    change = ask(database, anna, field, 50_000)
    with pytest.raises(NotYourChangeError, match="Anna"):
        withdraw_change(database, piet, change)
    for _time in range(2):
        withdraw_change(database, anna, change)
    with pytest.raises(ChangeDecidedError, match="Anna has withdrawn"):
        decide(database, piet, change)
    again = ask(database, anna, field, 60_000)
    with pytest.raises(BudgetReasonError):
        decide(database, piet, again, approve=False)
    decide(database, piet, again, approve=False, reason="too much")
    with pytest.raises(ChangeDecidedError, match="Piet has rejected"):
        decide(database, piet, again)
    with pytest.raises(ChangeDecidedError):
        withdraw_change(database, anna, again)
    with database.transaction(everything) as connection:
        assert budgets_of_period(connection, everything, on=SPRING_DAY) == []
        rejected, withdrawn = changes(connection, everything)
        assert {rejected.state, withdrawn.state} == {ChangeState.REJECTED, ChangeState.WITHDRAWN}


def test_a_change_that_was_tampered_with_is_not_applied(
    committed_database: Database, owner_url: str, everything: Scope
) -> None:
    database = committed_database
    field = make_field(database, everything)
    anna = a_person(database, Role.ADMIN_FINANCE, name="anna")
    piet = a_person(database, Role.ADMIN_FINANCE, name="piet")
    change = ask(database, anna, field, 50_000)
    with pytest.raises(ChangeAlteredError):
        decide(database, piet, change, payload_hash="0" * 64)
    with psycopg.connect(owner_url) as owner:
        owner.execute("set laurel.everything = 'on'")
        assert owner.execute("update budget_change set after_minor = 90000").rowcount == 1
    # Whether the decider saw the row before it was touched or after.
    with pytest.raises(ChangeAlteredError):
        decide(database, piet, change)
    with database.transaction(everything) as connection:
        assert budgets_of_period(connection, everything, on=SPRING_DAY) == []


def test_no_budget_goes_below_what_is_reserved_and_spent(database: Database, everything: Scope) -> None:
    field = make_field(database, everything)
    anna = a_person(database, Role.ADMIN_FINANCE, name="anna")
    piet = a_person(database, Role.ADMIN_FINANCE, name="piet")
    decide(database, piet, ask(database, anna, field, 50_000))
    budget, _held = the_budget(database, everything)
    with database.transaction(everything) as connection:
        reserve(connection, everything, budget_id=budget, order_id=new_id(), amount_minor=20_000)
    with pytest.raises(BudgetTooSmallError, match=r"200\.00 EUR") as refused:
        ask(database, anna, field, 19_999)
    assert refused.value.used.minor == 20_000
    change = ask(database, anna, field, 20_000)
    with database.transaction(everything) as connection:
        reserve(connection, everything, budget_id=budget, order_id=new_id(), amount_minor=1)
    with pytest.raises(BudgetTooSmallError):
        decide(database, piet, change)
    with database.transaction(everything) as connection:
        assert change_by_id(connection, everything, change).state is ChangeState.WAITING
        assert figures(connection, budget) == (50_000, 20_001, 0)
        with pytest.raises(IntegrityError, match="available"), connection.begin_nested():
            connection.execute(text("update budget set set_minor = 20000"))


def test_the_same_request_asks_once_and_another_content_under_its_key_is_refused(
    database: Database, everything: Scope
) -> None:
    field = make_field(database, everything)
    anna = a_person(database, Role.ADMIN_FINANCE, name="anna")
    piet = a_person(database, Role.ADMIN_FINANCE, name="piet")
    key = new_id()
    change = ask(database, anna, field, 50_000, request_key=key)
    assert ask(database, anna, field, 50_000, request_key=key) == change
    with pytest.raises(RequestUsedOtherwiseError):
        ask(database, anna, field, 60_000, request_key=key)
    with pytest.raises(ChangeWaitsError, match=r"Anna has asked for 500\.00 EUR"):
        ask(database, piet, field, 60_000)
    decide(database, piet, change)
    assert ask(database, anna, field, 50_000, request_key=key) == change
    with pytest.raises(SameAmountError):
        ask(database, anna, field, 50_000)


def test_what_makes_no_sense_is_refused_with_a_sentence(database: Database, everything: Scope) -> None:
    field = make_field(database, everything)
    anna = a_person(database, Role.ADMIN_FINANCE, name="anna")
    for reason in ("", "  ", "no", "x" * 1001):
        with pytest.raises(BudgetReasonError):
            ask(database, anna, field, 1, reason=reason)
    for amount in (-1, 10**18):
        with pytest.raises(BudgetAmountError):
            ask(database, anna, field, amount)
    with pytest.raises(OutsideProgrammeError, match="All year"):
        ask(database, anna, field, 1, starts_on=date(LAST_YEAR + 1, 1, 1))
    with pytest.raises(QuarterOverError, match="2026-03-31"):
        ask(database, anna, field, 1, starts_on=date(2026, 2, 1))
    with pytest.raises(UnknownBudgetRegionError):
        ask(database, anna, field, 1, region_id=new_id())
    with pytest.raises(OnlyPeopleError):
        ask(database, everything, field, 1)
    with database.transaction(everything) as connection:
        assert changes(connection, everything) == []


def test_roles_regions_and_programmes_say_who_may_ask_decide_and_see(
    database: Database, everything: Scope
) -> None:
    field = make_field(database, everything)
    head = a_person(
        database,
        Role.HEAD_OF_SALES,
        name="head",
        grants=frozenset({ScopeGrant(ScopeKind.REGION, field.area)}),
    )
    stranger = a_person(
        database,
        Role.ADMIN_FINANCE,
        name="stranger",
        grants=frozenset({ScopeGrant(ScopeKind.REGION, field.abroad)}),
    )
    of_the_side = a_person(
        database,
        Role.ADMIN_FINANCE,
        name="side",
        grants=frozenset(
            {ScopeGrant(ScopeKind.EVERYTHING), ScopeGrant(ScopeKind.PROGRAMME, field.other_programme_id)}
        ),
    )
    operator = a_person(database, Role.OPERATOR, name="operator")
    marketing = a_person(database, Role.ADMIN_MARKETING, name="marketing")
    with pytest.raises(UnknownBudgetRegionError):
        ask(database, head, field, 1, region_id=field.country)
    with pytest.raises(ProgrammeNotFoundError):
        ask(database, of_the_side, field, 1)
    with pytest.raises(NotAllowedError):
        ask(database, marketing, field, 1)
    change = ask(database, head, field, 50_000, region_id=field.town)
    for nobody in (stranger, of_the_side):
        with pytest.raises(UnknownChangeError):
            decide(database, nobody, change)
        with database.transaction(nobody) as connection:
            assert changes(connection, nobody) == []
    for unable in (head, operator, marketing):
        with pytest.raises(NotAllowedError):
            decide(database, unable, change)
    finance = a_person(database, Role.ADMIN_FINANCE, name="finance")
    decide(database, finance, change)
    for scope, seen in ((head, 1), (finance, 1), (stranger, 0), (of_the_side, 0)):
        with database.transaction(scope) as connection:
            assert len(budgets_of_period(connection, scope, on=SPRING_DAY)) == seen
            assert len(changes(connection, scope)) == seen


def test_a_role_taken_away_decides_no_more(database: Database, everything: Scope) -> None:
    field = make_field(database, everything)
    anna = a_person(database, Role.ADMIN_FINANCE, name="anna")
    piet = a_person(database, Role.ADMIN_FINANCE, name="piet")
    change = ask(database, anna, field, 50_000)
    assert piet.user_id is not None
    access.set_roles(database, Scope.of_command_line(), piet.user_id, [Role.ANALYST])
    with pytest.raises(NotAllowedError):
        decide(database, piet, change)
