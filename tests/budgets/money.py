"""A tree of regions, a programme, and budgets in it."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core import access
from loyalty_core.access import Role, ScopeGrant, ScopeKind
from loyalty_core.budgets import ChangeState, quarter_of, store
from loyalty_core.budgets.policy import Figures, MovementKind
from loyalty_core.kernel import Database, Scope, new_id, now
from loyalty_core.organisation import add_region
from loyalty_core.programmes import apply_programme, programme_by_code
from tests.access.people import PASSWORD

YEAR = """\
code: {code}
name: {name}
starts: 2026-01-01
ends: {last_year}-12-31
currency: EUR
collects: company
rules:
  - {{id: base, per: line, award: {{points: 1, per_amount: 10.00}}}}
"""
# Races run in threads of the present day, other tests on days of 2026: the programmes hold both.
LAST_YEAR = now().year + 1
SPRING_DAY = date(2026, 5, 10)
QUARTER = (date(2026, 4, 1), date(2026, 6, 30))


@dataclass(frozen=True)
class Field:
    """A country with an area in it that has a town, another country, and two programmes from 2026 on."""

    programme_id: UUID
    other_programme_id: UUID
    country: UUID
    area: UUID
    town: UUID
    abroad: UUID


def make_field(database: Database, scope: Scope) -> Field:
    """Make regions and programmes."""
    apply_programme(database, scope, YEAR.format(code="year", name="All year", last_year=LAST_YEAR))
    apply_programme(database, scope, YEAR.format(code="side", name="On the side", last_year=LAST_YEAR))
    country = add_region(database, scope, code="PL", name="Poland", parent_id=None)
    area = add_region(database, scope, code="PL-N", name="North", parent_id=country)
    town = add_region(database, scope, code="PL-N-G", name="Gdynia", parent_id=area)
    abroad = add_region(database, scope, code="RS", name="Serbia", parent_id=None)
    with database.transaction(scope) as connection:
        year, side = (programme_by_code(connection, scope, code).id for code in ("year", "side"))
    return Field(year, side, country, area, town, abroad)


def a_budget(
    connection: Connection,
    programme_id: UUID,
    region_id: UUID,
    set_minor: int,
    *,
    starts_on: date = QUARTER[0],
) -> UUID:
    """Add a budget of the quarter, as an approved change of two people would, and return its id."""
    system, moment = Scope.of_system("test"), now()
    people = [_person(connection, name) for name in ("Maker", "Checker")]
    change = store.new_change(
        id=new_id(),
        request_key=new_id(),
        programme_id=programme_id,
        region_id=region_id,
        quarter=quarter_of(starts_on),
        currency="EUR",
        before_minor=None,
        after_minor=set_minor,
        reason="for the test",
        asked_by=people[0],
        asked_by_name="Maker",
        asked_at=moment,
    )
    assert store.insert_change(connection, change)
    store.write_decision(
        connection,
        change.id,
        ChangeState.APPROVED,
        None,
        decided_by=people[1],
        decided_by_name="Checker",
        decided_at=moment,
    )
    budget = store.insert_budget(connection, id=new_id(), change=change, recorded_at=moment)
    store.move_budget(
        connection,
        system,
        budget,
        MovementKind.SET,
        set_minor,
        Figures(set_minor, 0, 0),
        change_id=change.id,
        recorded_at=moment,
    )
    return budget.id


def _person(connection: Connection, name: str) -> UUID:
    user_id = new_id()
    connection.execute(
        text(
            "insert into app_user (id, name, display_name, password_hash, password_is_temporary, state, locale,"
            " created_at, password_changed_at) values (:id, :name, :display, '-', false, 'active', 'en', now(), now())"
        ),
        {"id": user_id, "name": user_id.hex, "display": name},
    )
    return user_id


def figures(connection: Connection, budget_id: UUID) -> tuple[int, int, int]:
    """Return what is set, reserved and spent, in minor units."""
    row = connection.execute(
        text("select set_minor, reserved_minor, spent_minor from budget where id = :id"), {"id": budget_id}
    ).one()
    return row.set_minor, row.reserved_minor, row.spent_minor


def broken(connection: Connection) -> dict[str, int]:
    """Return the checks of budgets that do not hold."""
    return {name: count for name, count in store.broken_budgets(connection).items() if count}


def a_person(
    database: Database,
    *roles: Role,
    name: str,
    grants: frozenset[ScopeGrant] = frozenset({ScopeGrant(ScopeKind.EVERYTHING)}),
) -> Scope:
    """Make a user with the roles and return the scope that they act under."""
    user_id = access.create_user(
        database,
        Scope.of_command_line(),
        name=name,
        display_name=name.title(),
        password=PASSWORD,
        roles=roles,
        grants=grants,
    )
    return access.scope_of_user(database, user_id)
