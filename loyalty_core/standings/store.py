"""Every query of the standings."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Connection, TextClause, text

from loyalty_core.kernel import Money


class StandingsBy(StrEnum):
    """What is ranked."""

    COMPANY = "company"
    REGION = "region"


@dataclass(frozen=True, slots=True)
class Standing:
    """One place: equal points share a rank, the next one counts them all (1, 1, 3).

    `points` are those that the lines sold in the period hold now, `net` their sales less returns in the
    programme's currency. `previous_rank` is the rank in the period before; None: no sales then, or no such
    period was asked for.
    """

    rank: int
    code: str
    name: str
    region_name: str
    points: int
    net: Money
    previous_rank: int | None
    previous_points: int | None


# The day that a line counts on is the day the rules judge it by: in the programme's zone if it has one, else the
# line's own local day, on which its awards happened too. A programme may get a zone when it has awards already:
# under one, their day is read from the line. Days of two zones are two apart at most: the wider span on the
# stored day comes first, so that few moments are converted.
_ZONED_DAY = "cast(l.sold_at at time zone cast(:time_zone as text) as date)"
_DAYS = {
    False: {
        "{day}": "l.sold_on",
        "{is_sold_within}": "l.sold_on between {since} and {until}",
        "{award_day}": "a.happened_on",
        "{of_line}": "",
        "{is_awarded_within}": "a.happened_on between {since} and {until}",
    },
    True: {
        "{day}": _ZONED_DAY,
        "{is_sold_within}": "l.sold_on between {since} - 2 and {until} + 2"
        f" and {_ZONED_DAY} between {{since}} and {{until}}",
        "{award_day}": _ZONED_DAY,
        "{of_line}": "join sales_line l on l.id = a.sales_line_id",
        "{is_awarded_within}": "a.happened_on between {since} - 2 and {until} + 2"
        f" and {_ZONED_DAY} between {{since}} and {{until}}",
    },
}

# Points and sales of one period, by company or by the line's own region. What stands in braces are constants.
_TOTALS = """
    select s.key, coalesce(p.points, 0)::bigint as points, s.net_minor,
           rank() over (order by coalesce(p.points, 0) desc) as rank
      from (select l.{key} as key, sum(l.amount_minor)::bigint as net_minor
              from sales_line l
             where l.currency = :currency and {is_sold_within}
             group by 1) s
      left join (select {points_key} as key, sum(a.points) as points
                   from award a {of_line}
                  where a.programme_id = :programme_id and {is_awarded_within}
                  group by 1) p on p.key = s.key
     {seen}
"""

_BY_COMPANY = {"{key}": "company_id", "{points_key}": "a.company_id", "{seen}": ""}
_BY_REGION = {
    "{key}": "region_id",
    "{points_key}": "l.region_id",
    "{of_line}": "join sales_line l on l.id = a.sales_line_id",
    # A company of the scope may buy in regions outside: those take no place, and nobody's rank.
    "{seen}": "where s.key in (select id from region)",
}
_NOW = {"{since}": "cast(:since as date)", "{until}": "cast(:until as date)"}
_BEFORE = {"{since}": "cast(:before_since as date)", "{until}": "cast(:before_until as date)"}

_NAMES = {
    StandingsBy.COMPANY: (
        "select c.id, c.code, c.name, coalesce(r.name, '') as region_name from company c"
        " left join region r on r.id = c.region_id"
    ),
    StandingsBy.REGION: "select r.id, r.code, r.name, r.name as region_name from region r",
}

_STANDINGS = """
with now_totals as ({now}), before_totals as ({before}), named as ({names}),
standing as (
    select t.rank, n.code, n.name, n.region_name, t.points, t.net_minor, b.rank as previous_rank,
           b.points as previous_points
      from now_totals t join named n on n.id = t.key left join before_totals b on b.key = t.key
     where cast(:region_ids as uuid[]) is null or n.id in (
           select id from company where region_id in (select unnest(cast(:region_ids as uuid[])))
           union all select unnest(cast(:region_ids as uuid[])))
)
"""


def _filled(statement: str, parts: dict[str, str]) -> str:
    for name, part in parts.items():
        statement = statement.replace(name, part)
    return statement


def _statement(by: StandingsBy, time_zone: str | None, ending: str) -> TextClause:
    key = {**_DAYS[time_zone is not None], **(_BY_COMPANY if by is StandingsBy.COMPANY else _BY_REGION)}
    whole = _filled(
        _STANDINGS,
        {
            "{now}": _filled(_TOTALS, {**key, **_NOW}),
            "{before}": _filled(_TOTALS, {**key, **_BEFORE}),
            "{names}": _NAMES[by],
        },
    )
    return text(whole + ending)


def standings(
    connection: Connection,
    *,
    programme_id: UUID,
    currency: str,
    time_zone: str | None,
    since: date,
    until: date,
    before: tuple[date, date] | None = None,
    by: StandingsBy = StandingsBy.COMPANY,
    region_ids: list[UUID] | None = None,
    words: str = "",
    limit: int,
    offset: int = 0,
) -> list[Standing]:
    """Return the places of the scope from `since` to `until`, both inclusive, best first.

    Ranks count everybody whom the scope sees; `region_ids` and `words` (in code or name) only choose which
    places are returned. `time_zone` is the programme's: the days are days there, or with None the lines' own local
    days. `before` is the period, both dates inclusive, that movement is told against.
    """
    rows = connection.execute(
        _statement(
            by,
            time_zone,
            "select * from standing"
            " where :words = '' or position(folded(:words) in folded(code || ' ' || name)) > 0"
            " order by rank, net_minor desc, code limit :limit offset :offset",
        ),
        {
            **_parameters(programme_id, currency, time_zone, since, until, before, region_ids, words),
            "limit": limit,
            "offset": offset,
        },
    )
    return [
        Standing(
            rank=row.rank,
            code=row.code,
            name=row.name,
            region_name=row.region_name,
            points=row.points,
            net=Money(row.net_minor, currency),
            previous_rank=row.previous_rank,
            previous_points=row.previous_points,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class StandingsTotal:
    """How many places there are, and what they come to."""

    places: int
    points: int
    net: Money


def _parameters(
    programme_id: UUID,
    currency: str,
    time_zone: str | None,
    since: date,
    until: date,
    before: tuple[date, date] | None,
    region_ids: list[UUID] | None,
    words: str,
) -> dict[str, object]:
    return {
        "programme_id": programme_id,
        "currency": currency,
        "time_zone": time_zone,
        "since": since,
        "until": until,
        "before_since": before[0] if before else None,
        "before_until": before[1] if before else None,
        "region_ids": region_ids,
        "words": words,
    }


def sold_days(
    connection: Connection, *, currency: str, time_zone: str | None, since: date, until: date
) -> tuple[date, date] | None:
    """Return the first and last day with a sale of the scope in the span, None when there is none."""
    statement = _filled(
        "select min({day}), max({day}) from sales_line l where l.currency = :currency and {is_sold_within}",
        {**_DAYS[time_zone is not None], **_NOW},
    )
    row = connection.execute(
        text(statement), {"currency": currency, "time_zone": time_zone, "since": since, "until": until}
    ).one()
    return (row[0], row[1]) if row[0] is not None else None


@dataclass(frozen=True, slots=True)
class MonthTotal:
    """One month: sales less returns in the programme's currency, points, lines, companies with lines."""

    month: date
    net: Money
    points: int
    lines: int
    companies: int


_MONTHS = """
    select s.month, s.net_minor, coalesce(p.points, 0)::bigint, s.lines, s.companies
      from (select date_trunc('month', {day})::date as month, sum(l.amount_minor)::bigint as net_minor,
                   count(*) as lines, count(distinct l.company_id) as companies
              from sales_line l
             where l.currency = :currency and {is_sold_within}
               and (cast(:company_id as uuid) is null or l.company_id = :company_id)
             group by 1) s
      left join (select date_trunc('month', {award_day})::date as month, sum(a.points) as points
                   from award a {of_line}
                  where a.programme_id = :programme_id and {is_awarded_within}
                    and (cast(:company_id as uuid) is null or a.company_id = :company_id)
                  group by 1) p on p.month = s.month
     order by 1
"""


def monthly_totals(
    connection: Connection,
    *,
    programme_id: UUID,
    currency: str,
    time_zone: str | None,
    since: date,
    until: date,
    company_id: UUID | None = None,
) -> list[MonthTotal]:
    """Return a row for each month of the scope with sales, oldest first; of one company where it is given.

    `since` and `until` are inclusive days in the programme's `time_zone`, or with None the lines' own; `month` is
    the first day of each.
    """
    rows = connection.execute(
        text(_filled(_MONTHS, {**_DAYS[time_zone is not None], **_NOW})),
        {
            "programme_id": programme_id,
            "currency": currency,
            "time_zone": time_zone,
            "since": since,
            "until": until,
            "company_id": company_id,
        },
    )
    return [MonthTotal(row[0], Money(row[1], currency), row[2], row[3], row[4]) for row in rows]


def facts_version(connection: Connection) -> tuple[int, int]:
    """Return two numbers that move whenever an import or a settlement is committed: what is cached ages by them.

    Both are counted, not the largest id taken: ids are given before the commit, so a slow transaction ends with
    smaller ones than are there already. Accepting a file and settling write their row with their facts, and such
    rows are few. Needs a scope that sees everything.
    """
    row = connection.execute(
        text(
            # An undone import counts twice: once for what it brought, once for taking it back.
            "select (select count(*) + count(*) filter (where state = 'undone') from file_import"
            " where state in ('accepted', 'undone')) as imports,"
            " (select count(*) from settlement) as settlements"
        )
    ).one()
    return row.imports, row.settlements
