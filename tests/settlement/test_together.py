"""Settlements beside imports and beside each other, cut off in the middle, and asked for."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from loyalty_core.access import Role, ScopeGrant, ScopeKind
from loyalty_core.kernel import Database, NotAllowedError, Scope, new_id, now
from loyalty_core.organisation import region_by_code
from loyalty_core.settlement import (
    RequestState,
    check_books,
    request_by_id,
    request_settlement,
    run_requested_settlement,
    settle_programme,
    settlements,
)
from loyalty_core.settlement.states import MOVES
from tests.access.people import somebody
from tests.sales.files import bring, bring_in, row
from tests.settlement.programmes import balances, spring


def test_a_line_whose_transaction_ends_after_a_settlement_is_neither_missed_nor_counted_twice(
    committed_database: Database, everything: Scope
) -> None:
    database = committed_database
    spring(database, everything)
    bring(database, everything, [row()])
    with database.transaction(everything) as slow:
        bring_in(slow, everything, [row(company_code="C2", invoice_no="slow")], source="slow", at=now())
        bring(database, everything, [row(company_code="C1", invoice_no="fast")])
        assert settle_programme(database, everything, "spring").points == 2
        assert balances(database, everything) == {"C1": 2}
    assert settle_programme(database, everything, "spring").points == 1
    assert balances(database, everything) == {"C1": 2, "C2": 1}
    again = settle_programme(database, everything, "spring")
    assert (again.points, again.postings) == (0, 0)


def test_a_settlement_reads_only_what_came_since_the_last_one(
    committed_database: Database, everything: Scope
) -> None:
    database = committed_database
    spring(database, everything)
    bring(database, everything, [row(invoice_no=f"I{number}") for number in range(20)])
    assert settle_programme(database, everything, "spring").lines == 20
    bring(database, everything, [row(invoice_no="new")])
    assert settle_programme(database, everything, "spring").lines == 1
    assert settle_programme(database, everything, "spring").lines == 0


def test_settlements_at_once_post_once(committed_database: Database, everything: Scope) -> None:
    database, people = committed_database, 6
    spring(database, everything)
    bring(database, everything, [row(company_code=f"C{number}") for number in range(30)])
    together = threading.Barrier(people)

    def settle(_person: int) -> int:
        together.wait()
        return settle_programme(database, everything, "spring").points

    with ThreadPoolExecutor(people) as pool:
        found = sorted(pool.map(settle, range(people)))
    assert found == [0] * (people - 1) + [30]
    assert sum(balances(database, everything).values()) == 30
    assert all(check.ok for check in check_books(database))


def test_a_settlement_whose_connection_is_cut_leaves_nothing_and_the_next_does_it_all(
    committed_database: Database, owner_url: str, everything: Scope
) -> None:
    database = committed_database
    spring(database, everything)
    bring(database, everything, [row(), row(company_code="C2")])

    def cut(_scored: int, _total: int) -> None:
        with psycopg.connect(owner_url) as owner:
            owner.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where usename = 'laurel_app' and datname = current_database()"
            )

    with pytest.raises(OperationalError):
        settle_programme(database, everything, "spring", on_progress=cut)
    with database.transaction(everything) as connection:
        left = connection.execute(
            text(
                "select (select count(*) from account) + (select count(*) from posting)"
                " + (select count(*) from award) + (select count(*) from settlement)"
                " + (select count(*) from settlement_mark)"
            )
        )
        assert left.scalar_one() == 0
    assert settle_programme(database, everything, "spring").points == 2
    assert all(check.ok for check in check_books(database))


def test_who_may_settle_settles_for_every_company_though_the_own_scope_shows_few(
    database: Database, everything: Scope
) -> None:
    spring(database, everything)
    bring(database, everything, [row(), row(company_code="C2", region="South")])
    with database.transaction(everything) as connection:
        south = region_by_code(connection, "South").id
    manager = somebody(
        database, Role.PROGRAMME_MANAGER, grants=frozenset({ScopeGrant(ScopeKind.REGION, south)})
    )
    assert settle_programme(database, manager.scope, "spring").points == 2
    assert balances(database, manager.scope) == {"C2": 1}
    analyst = somebody(database, Role.ANALYST, name="ana")
    with pytest.raises(NotAllowedError):
        settle_programme(database, analyst.scope, "spring")
    with pytest.raises(NotAllowedError):
        request_settlement(database, analyst.scope, "spring", request_key=new_id())


def test_a_settlement_that_is_asked_for_twice_with_one_key_runs_once(
    committed_database: Database, everything: Scope
) -> None:
    database, key = committed_database, new_id()
    spring(database, everything)
    bring(database, everything, [row()])
    request_id = request_settlement(database, everything, "spring", request_key=key)
    assert request_settlement(database, everything, "spring", request_key=key) == request_id
    for _time in range(2):
        run_requested_settlement(database, request_id)
    with database.transaction(everything) as connection:
        request = request_by_id(connection, request_id)
        (run,) = settlements(connection, request.programme_id, limit=10)
    assert (request.state, request.settlement_id) == (RequestState.DONE, run.id)
    assert (request.lines_scored, request.lines_total) == (1, 1)
    assert balances(database, everything) == {"C1": 1}


def test_a_request_of_someone_who_lost_the_right_meanwhile_ends_with_the_sentence(
    committed_database: Database, everything: Scope
) -> None:
    from loyalty_core import access

    database = committed_database
    spring(database, everything)
    manager = somebody(database, Role.PROGRAMME_MANAGER)
    request_id = request_settlement(database, manager.scope, "spring", request_key=new_id())
    access.set_roles(database, everything, manager.id, [Role.ANALYST])
    run_requested_settlement(database, request_id)
    with database.transaction(everything) as connection:
        request = request_by_id(connection, request_id)
    assert request.state is RequestState.REFUSED
    assert "roles don't allow" in (request.refusal or "")
    assert request.finished_at is not None


def test_the_table_of_requests_allows_the_states_that_the_moves_name(owner_url: str) -> None:
    with psycopg.connect(owner_url) as owner:
        (check,) = owner.execute(
            "select pg_get_constraintdef(oid) from pg_constraint where conname = 'ck_settlement_request_state'"
        ).fetchall()[0]
    assert set(re.findall(r"'(\w+)'", check)) == set(RequestState) == set(MOVES)
