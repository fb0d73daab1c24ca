"""What the standings' pages show of a programme, out of the replica: places, what all come to, months, days."""

from datetime import date
from uuid import UUID

from loyalty_core.kernel import Money, Scope
from loyalty_core.programmes import Programme
from loyalty_core.standings import MonthTotal, Standing, StandingsBy, StandingsTotal
from ui import explored

_QUERIES = {StandingsBy.COMPANY: "standings_by_company", StandingsBy.REGION: "standings_by_region"}


def sold_days(scope: Scope, programme: Programme) -> tuple[date, date] | None:
    """Return the first and the last day with a sale within the programme; None before the first sale."""
    (row,) = explored.ask(
        scope,
        "programme_sold_days",
        {
            "currency": programme.currency,
            "time_zone": programme.time_zone,
            "since": programme.starts_on,
            "until": programme.ends_on,
        },
    )
    return (row["first_sold_on"], row["last_sold_on"]) if row["first_sold_on"] is not None else None


def monthly_totals(
    scope: Scope,
    programme: Programme,
    company_id: UUID | None = None,
    span: tuple[date, date] | None = None,
) -> list[MonthTotal]:
    """Return sales and points of each month of the programme, or of a span of days within it."""
    since, until = span or (programme.starts_on, programme.ends_on)
    rows = explored.ask(
        scope,
        "programme_months",
        {
            "programme_id": programme.id,
            "currency": programme.currency,
            "time_zone": programme.time_zone,
            "since": since,
            "until": until,
            "company_id": company_id,
        },
    )
    return [
        MonthTotal(
            month=row["month"],
            net=Money(row["net_minor"], programme.currency),
            points=row["points"],
            lines=row["lines"],
            companies=row["companies"],
        )
        for row in rows
    ]


def _ask(
    scope: Scope,
    programme: Programme,
    since: date,
    until: date,
    before: tuple[date, date] | None,
    by: StandingsBy,
    region_ids: tuple[UUID, ...] | None,
    words: str,
    limit: int,
    offset: int,
) -> explored.Rows:
    return explored.ask(
        scope,
        _QUERIES[by],
        {
            "programme_id": programme.id,
            "currency": programme.currency,
            "time_zone": programme.time_zone,
            "since": since,
            "until": until,
            "before_since": before[0] if before else None,
            "before_until": before[1] if before else None,
            "region_ids": region_ids,
            "words": words,
            "limit": limit,
            "offset": offset,
        },
    )


def places(
    scope: Scope,
    programme: Programme,
    since: date,
    until: date,
    before: tuple[date, date] | None,
    by: StandingsBy,
    region_ids: tuple[UUID, ...] | None,
    words: str,
    limit: int,
    offset: int,
) -> list[Standing]:
    """Return a page of places, best first, as `standings.standings` does."""
    return [
        Standing(
            rank=row["rank"],
            code=row["code"],
            name=row["name"],
            region_name=row["region_name"],
            points=row["points"],
            net=Money(row["net_minor"], programme.currency),
            previous_rank=row["previous_rank"],
            previous_points=row["previous_points"],
        )
        for row in _ask(scope, programme, since, until, before, by, region_ids, words, limit, offset)
    ]


def total(
    scope: Scope,
    programme: Programme,
    since: date,
    until: date,
    by: StandingsBy,
    region_ids: tuple[UUID, ...] | None,
    words: str,
) -> StandingsTotal:
    """Return how many places there are and what they come to."""
    first = _ask(scope, programme, since, until, None, by, region_ids, words, 1, 0)
    if not first:
        return StandingsTotal(0, 0, Money(0, programme.currency))
    return StandingsTotal(
        first[0]["places"], first[0]["points_of_all"], Money(first[0]["net_of_all_minor"], programme.currency)
    )
