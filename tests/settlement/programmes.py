"""A programme to settle, and what it came to."""

from sqlalchemy import Connection, text

from loyalty_core.kernel import Database, Scope
from loyalty_core.programmes import apply_programme

SPRING = """\
code: spring
name: Spring
starts: 2026-03-01
ends: 2026-05-31
currency: EUR
collects: company
rules:
  - {id: base, per: line, award: {points: 1, per_amount: 10.00}}
"""
TWO_POINTS = SPRING.replace("points: 1", "points: 2")
BONUS = SPRING + "  - {id: bonus, per: line, award: {points: 5, per_amount: 100.00}}\n"


def spring(database: Database, scope: Scope, document: str = SPRING) -> None:
    """Apply the programme's document."""
    apply_programme(database, scope, document)


def points(connection: Connection) -> dict[str, int]:
    """Return the balance of each company of the scope that has an account."""
    rows = connection.execute(
        text("select c.code, a.balance from account a join company c on c.id = a.owner_id")
    )
    return {row.code: row.balance for row in rows}


def balances(database: Database, scope: Scope) -> dict[str, int]:
    """Return the balance of each company of the scope that has an account."""
    with database.transaction(scope) as connection:
        return points(connection)
