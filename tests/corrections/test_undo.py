"""Undoing an import takes back what it brought, and nothing else."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from loyalty_core import access, corrections, verification
from loyalty_core.intake import ImportState, UnknownImportError, import_by_id
from loyalty_core.kernel import ActorKind, Database, Scope, new_id
from loyalty_core.programmes import parse_document
from loyalty_core.settlement import awards_of_posting, lines_of_company, settle_due, settle_programme
from loyalty_core.verification import ClaimState
from tests.corrections.undoing import broken, look, undo
from tests.sales.files import bring, row, undone
from tests.settlement.programmes import BONUS, SPRING, TWO_POINTS, balances, spring
from tests.verification.claims import claim, club, person, points
from tests.verification.deciding import approve_as_shown
from ui.companies import award_cause, why_award, why_void


@pytest.fixture
def database(committed_database: Database) -> Database:
    """With commits: whether a settlement is due shows by transactions that have ended."""
    return committed_database


def standing(database: Database, scope: Scope) -> list[tuple[Any, ...]]:
    """Return the lines that count: invoice, units, and the number of the import that they stand by."""
    with database.transaction(scope) as connection:
        rows = connection.execute(
            text(
                "select l.invoice_no, l.quantity::int, i.number from sales_line l"
                " join file_import i on i.id = l.import_id"
                " where l.reverses_id is null and not exists (select from sales_line r where r.reverses_id = l.id)"
                " order by l.invoice_no, l.occurrence, l.quantity"
            )
        )
        return [tuple(one) for one in rows]


def counts(database: Database, scope: Scope, import_id: UUID) -> tuple[ImportState, int | None, int | None]:
    """Return the import's state, and how many rows it accepted and found there already."""
    with database.transaction(scope) as connection:
        found = import_by_id(connection, import_id)
    return found.state, found.accepted, found.duplicates


def test_undoing_takes_back_lines_and_points_and_says_so_first(database: Database, everything: Scope) -> None:
    spring(database, everything)
    wrong = bring(database, everything, [row(unit_price="55.00"), row(company_code="C2", unit_price="30.00")])
    bring(database, everything, [row(invoice_no="I9", unit_price="20.00")])
    settle_programme(database, everything, "spring")
    preview = look(database, everything, wrong.import_id)
    assert (preview.lines, preview.lines_kept, preview.companies) == (2, 0, 2)
    assert dict(preview.net_minor) == {"EUR": 8500}
    assert [(one.code, one.points) for one in preview.points] == [("spring", 8)]
    assert (preview.accounts_in_debt, preview.orders_on_points) == (0, 0)
    report = undo(database, everything, wrong.import_id)
    assert (report.undone.lines, report.programmes_settled, report.unsettled) == (2, 1, None)
    assert balances(database, everything) == {"C1": 2, "C2": 0}
    assert counts(database, everything, wrong.import_id) == (ImportState.UNDONE, 2, 0)
    assert [one[0] for one in standing(database, everything)] == ["I9"]
    with database.transaction(everything) as connection:
        found = corrections.undone_import(connection, wrong.import_id)
        record = connection.execute(
            text("select detail from audit_record where action = 'corrections.import_undone'")
        ).scalar_one()
    assert found is not None
    assert (found.reason, found.undone_by_name) == ("The file was of another year.", everything.actor_name)
    assert record["lines"] == 2
    assert settle_due(database) == 0
    assert broken(database) == []


@pytest.mark.parametrize("document", [SPRING, TWO_POINTS, BONUS, SPRING.replace("2026-03-01", "2026-05-01")])
def test_whatever_the_rules_are_afterwards_what_was_taken_back_holds_nothing(
    database: Database, everything: Scope, document: str
) -> None:
    spring(database, everything)
    # A line and its mirror need not round alike: neither is scored.
    bring(database, everything, [row(invoice_no="I2", unit_price="12.00")])
    wrong = bring(database, everything, [row(unit_price=price) for price in ("19.99", "9.99", "155.05")])
    settle_programme(database, everything, "spring")
    undo(database, everything, wrong.import_id, settles=False)
    spring(database, everything, document)
    settle_programme(database, everything, "spring")
    with database.transaction(everything) as connection:
        held = connection.execute(
            text(
                "select a.sales_line_id, sum(a.points) from award a join sales_line l on l.id = a.sales_line_id"
                " where l.import_id = :id group by a.sales_line_id having sum(a.points) <> 0"
            ),
            {"id": wrong.import_id},
        ).all()
    assert held == []
    assert broken(database) == []


def test_an_undo_before_any_settlement_leaves_nothing_to_settle(
    database: Database, everything: Scope
) -> None:
    spring(database, everything)
    wrong = bring(database, everything, [row(unit_price="55.00")])
    assert undo(database, everything, wrong.import_id).programmes_settled == 0
    done = settle_programme(database, everything, "spring")
    assert (done.awards, done.points) == (0, 0)
    assert broken(database) == []


def test_the_same_file_may_come_again_and_be_undone_again(database: Database, everything: Scope) -> None:
    spring(database, everything)
    file = [row(unit_price="20.00"), row(unit_price="20.00"), row(line_no="1", invoice_no="I2")]
    for _time in range(3):
        brought = bring(database, everything, file)
        assert brought.counts == (3, 0, 0)
        settle_programme(database, everything, "spring")
        assert balances(database, everything) == {"C1": 5}
        undo(database, everything, brought.import_id)
        assert balances(database, everything) == {"C1": 0}
    assert bring(database, everything, file).counts == (3, 0, 0)
    assert broken(database) == []


def test_after_an_undo_another_body_may_stand_under_the_key(database: Database, everything: Scope) -> None:
    wrong = bring(database, everything, [row(line_no="1", quantity="9")])
    right = [row(line_no="1", quantity="1")]
    refused = bring(database, everything, right)
    assert refused.reasons == {2: ["conflicts_with_earlier"]}
    undo(database, everything, wrong.import_id)
    assert bring(database, everything, right).counts == (1, 0, 0)
    assert bring(database, everything, right).counts == (0, 1, 0)
    assert bring(database, everything, [row(line_no="1", quantity="9")]).counts == (0, 0, 1)
    assert broken(database) == []


def test_what_another_import_brought_too_goes_on_standing_by_that_one(
    database: Database, everything: Scope
) -> None:
    spring(database, everything)
    first = bring(database, everything, [row(invoice_no=f"I{n}", unit_price="10.00") for n in range(3)])
    second = bring(database, everything, [row(invoice_no=f"I{n}", unit_price="10.00") for n in range(2, 5)])
    settle_programme(database, everything, "spring")
    preview = look(database, everything, first.import_id)
    assert (preview.lines, preview.lines_kept, dict(preview.net_minor)) == (3, 1, {"EUR": 2000})
    assert [one.points for one in preview.points] == [2]
    undo(database, everything, first.import_id)
    assert [one[0] for one in standing(database, everything)] == ["I2", "I3", "I4"]
    assert counts(database, everything, second.import_id) == (ImportState.ACCEPTED, 3, 0)
    assert balances(database, everything) == {"C1": 3}
    assert broken(database) == []
    undo(database, everything, second.import_id)
    assert standing(database, everything) == []
    assert balances(database, everything) == {"C1": 0}
    assert broken(database) == []


def test_points_that_were_spent_are_a_debt_that_the_preview_tells(
    database: Database, everything: Scope
) -> None:
    spring(database, everything)
    wrong = bring(database, everything, [row(unit_price="100.00")])
    settle_programme(database, everything, "spring")
    bring(database, everything, [row(quantity="-1", unit_price="40.00", invoice_no="R1")])
    settle_programme(database, everything, "spring")
    preview = look(database, everything, wrong.import_id)
    (account,) = preview.in_debt
    assert (account.owner_code, account.balance, account.after) == ("C1", 6, -4)
    assert preview.accounts_in_debt == 1
    undo(database, everything, wrong.import_id)
    assert balances(database, everything) == {"C1": -4}
    assert broken(database) == []


def test_claims_laid_to_the_lines_wait_again_and_their_points_go(
    committed_database: Database, everything: Scope
) -> None:
    database = committed_database
    club(database)
    wrong = bring(database, everything, [row(quantity="4", unit_price="25.00")])
    ana = person(database, code="ana")
    number = claim(database, everything, ana, quantity=Decimal(4)).number
    approve_as_shown(database, everything, [number])
    settle_due(database)
    assert points(database, everything) == {"ana": 10}
    preview = look(database, everything, wrong.import_id)
    assert (preview.claims_reopened, preview.claims_withdrawn) == (1, 0)
    assert [(one.code, one.points) for one in preview.points] == [("club", 10)]
    report = undo(database, everything, wrong.import_id)
    assert (report.undone.claims_reopened, report.programmes_settled) == (1, 1)
    assert points(database, everything) == {"ana": 0}
    with database.transaction(everything) as connection:
        found = verification.claim_by_number(connection, number)
        history = verification.history(connection, number)
        units = connection.execute(text("select sum(units_claimed) from claimed_line")).scalar_one()
    assert (found.state, found.sales_line_id, units) == (ClaimState.WAITING, None, 0)
    assert [one.kind.value for one in history] == ["approve", "reopen"]
    assert history[-1].reason == "The file was of another year."
    assert broken(database) == []
    (refused,) = approve_as_shown(database, everything, [number])
    assert refused.refusal is not None


def test_an_undo_is_refused_with_what_to_do(database: Database, everything: Scope) -> None:
    wrong = bring(database, everything, [row()])
    shown = look(database, everything, wrong.import_id).payload_hash
    narrow = Scope(ActorKind.SYSTEM, "narrow", sees_everything=True, programme_ids=frozenset({new_id()}))

    def attempt(scope: Scope = everything, reason: str = "Of another year.", payload: str = shown) -> None:
        corrections.undo_import(
            database, scope, wrong.import_id, reason=reason, payload_hash=payload, request_key=new_id()
        )

    with pytest.raises(corrections.NarrowScopeUndoError):
        attempt(scope=narrow)
    with pytest.raises(UnknownImportError):
        attempt(scope=replace(narrow, sees_everything=False, programme_ids=None))
    with pytest.raises(corrections.UndoReasonError):
        attempt(reason=" x ")
    with pytest.raises(corrections.PreviewOutdatedError):
        attempt(payload="0" * 64)
    assert len(standing(database, everything)) == 1
    undo(database, everything, wrong.import_id)
    with pytest.raises(corrections.NotAcceptedError, match="undone already"):
        attempt()


def test_the_same_form_sent_again_finds_its_work_done(database: Database, everything: Scope) -> None:
    wrong = bring(database, everything, [row()])
    key, shown = new_id(), look(database, everything, wrong.import_id).payload_hash
    reports = [
        corrections.undo_import(
            database, everything, wrong.import_id, reason="Twice.", payload_hash=shown, request_key=key
        )
        for _time in range(2)
    ]
    assert reports[0].undone == reports[1].undone
    other = bring(database, everything, [row(invoice_no="I2")])
    seen = look(database, everything, other.import_id).payload_hash
    with pytest.raises(corrections.UndoFormUsedError):
        corrections.undo_import(
            database, everything, other.import_id, reason="Twice.", payload_hash=seen, request_key=key
        )
    with database.transaction(everything) as connection:
        assert connection.execute(text("select count(*) from sales_line")).scalar_one() == 3


def test_undoing_is_for_those_who_answer_for_programmes() -> None:
    holders = {
        role
        for role, permissions in access.PERMISSIONS_OF_ROLE.items()
        if access.Permission.UNDO_IMPORTS in permissions
    }
    assert holders == {access.Role.ADMIN, access.Role.PROGRAMME_MANAGER}


def test_a_line_that_was_taken_back_and_its_award_say_so(
    committed_database: Database, everything: Scope
) -> None:
    database = committed_database
    spring(database, everything)
    wrong = bring(database, everything, [row(unit_price="55.00")])
    settle_programme(database, everything, "spring")
    undo(database, everything, wrong.import_id)
    with database.transaction(everything) as connection:
        programme_id, company_id = connection.execute(
            text("select programme_id, company_id from award limit 1")
        ).one()
        lines = lines_of_company(connection, company_id, programme_id, limit=9)
        postings = connection.execute(text("select id from posting order by id")).scalars()
        awards = [one for id in postings for one in awards_of_posting(connection, id, limit=9)]
    assert [(one.points, one.is_void) for one in lines] == [(0, True), (0, True)]
    assert sorted(one.takes_back for one in lines) == [False, True]
    assert len({why_void(one) for one in lines}) == 2
    given, taken = awards
    assert (given.points, given.is_undone, taken.points, taken.is_undone) == (5, False, -5, True)
    assert award_cause(taken) == "undone file"
    assert "was undone: what it held, 5 points, is taken back." in why_award(taken, parse_document(SPRING))


_STEPS = st.lists(
    st.one_of(
        st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=5),
        st.integers(min_value=0, max_value=7),
        st.none(),
    ),
    min_size=1,
    max_size=9,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS)
def test_after_any_undos_all_is_as_if_only_the_rest_had_been_imported(
    database: Database, everything: Scope, steps: Sequence[list[str] | int | None]
) -> None:
    """A list is a file of invoices, a number undoes that import if it stands, None settles."""
    prices = {"a": "10.00", "b": "19.99", "c": "35.00", "d": "9.99"}

    def file(names: Sequence[str]) -> list[Any]:
        return [row(invoice_no=name, unit_price=prices[name]) for name in names]

    with undone(database, everything):
        spring(database, everything)
        brought: list[tuple[UUID, list[str]]] = []
        gone: set[int] = set()
        for step in steps:
            if step is None:
                settle_programme(database, everything, "spring")
            elif isinstance(step, list):
                brought.append((bring(database, everything, file(step)).import_id, step))
            elif step < len(brought) and step not in gone:
                undo(database, everything, brought[step][0])
                gone.add(step)
        settle_programme(database, everything, "spring")
        assert broken(database) == []
        held = balances(database, everything).get("C1", 0)
        kept = [one[0] for one in standing(database, everything)]
    with undone(database, everything):
        spring(database, everything)
        for index, (_import_id, names) in enumerate(brought):
            if index not in gone:
                bring(database, everything, file(names))
        settle_programme(database, everything, "spring")
        assert balances(database, everything).get("C1", 0) == held
        assert [one[0] for one in standing(database, everything)] == kept
