"""What the page of standings shows: periods to choose from, movement in words, the workbook."""

from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from loyalty_core.kernel import Cell, _
from loyalty_core.organisation import Region
from loyalty_core.standings import Standing, StandingsBy
from ui import wording


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of days to rank, both ends inclusive; `before` is what movement is told against."""

    label: str
    since: date
    until: date
    before: tuple[date, date] | None


def _first_of_month(day: date, months_back: int = 0) -> date:
    months = day.year * 12 + day.month - 1 - months_back
    return date(months // 12, months % 12 + 1, 1)


def _span(first: date, months: int) -> tuple[date, date]:
    return first, _first_of_month(first, -months) - timedelta(days=1)


def _quarter_label(first: date) -> str:
    return _("Q{quarter} {year}").format(quarter=(first.month - 1) // 3 + 1, year=first.year)


def periods(starts: date, ends: date, sold: tuple[date, date] | None) -> list[Period]:
    """Return the whole programme, then its quarters and months with sales, newest first.

    `starts` and `ends` are the programme's, `sold` its first and last day with a sale. No period reaches outside
    the programme: the first and the last of a kind may be shorter. A period's `before` is the month or quarter
    ahead of it, None where that ended before the programme began.
    """
    found = [Period(_("Whole programme"), starts, ends, None)]
    if sold is None:
        return found
    for months, label in ((3, _quarter_label), (1, wording.month)):
        first = _first_of_month(sold[1], (sold[1].month - 1) % months)
        while _span(first, months)[1] >= sold[0]:
            ahead = _first_of_month(first, months)
            before = _within(_span(ahead, months), starts, ends) if first > starts else None
            found.append(Period(label(first), *_within(_span(first, months), starts, ends), before=before))
            first = ahead
    return found


def _within(span: tuple[date, date], starts: date, ends: date) -> tuple[date, date]:
    return max(span[0], starts), min(span[1], ends)


def region_labels(regions: Iterable[Region]) -> dict[str, str]:
    """Return how each region is called in a choice, by code: its name, with the code where names are alike."""
    every = list(regions)
    alike = Counter(region.name for region in every)
    return {
        region.code: region.name if alike[region.name] == 1 else f"{region.name} ({region.code})"
        for region in every
    }


def movement(standing: Standing, *, has_before: bool) -> str:
    """Return how many places it went up or down: “▲ 3”, “▼ 2”, “=”, “new”; nothing without a period before."""
    if not has_before:
        return ""
    if standing.previous_rank is None:
        return _("new")
    places = standing.previous_rank - standing.rank
    if places == 0:
        return "="
    return f"{'▲' if places > 0 else '▼'} {wording.number(abs(places))}"


def region_ids_below(regions: Sequence[Region], top: UUID) -> tuple[UUID, ...]:
    """Return the region and all regions below it, sorted."""
    found, before = {top}, set[UUID]()
    while found != before:
        before = set(found)
        found |= {region.id for region in regions if region.parent_id in found}
    return tuple(sorted(found))


def standings_table(rows: Sequence[Standing], by: StandingsBy, *, has_before: bool) -> dict[str, list[Any]]:
    """Return places as columns."""
    table: dict[str, list[Any]] = {_("Rank"): [wording.number(row.rank) for row in rows]}
    if has_before:
        table[_("Move")] = [movement(row, has_before=True) for row in rows]
    if by is StandingsBy.COMPANY:
        table[_("Company")] = [row.name for row in rows]
    else:
        table[_("Region")] = [row.name for row in rows]
    table[_("Points")] = [wording.number(row.points) for row in rows]
    if has_before:
        table[_("Before")] = [
            "" if row.previous_points is None else wording.number(row.previous_points) for row in rows
        ]
    table[_("Net sales")] = [wording.money(row.net) for row in rows]
    if by is StandingsBy.COMPANY:
        if any(row.name != row.code for row in rows):
            table[_("Code")] = [row.code for row in rows]
        table[_("Region")] = [row.region_name for row in rows]
    return table


def workbook_header(by: StandingsBy) -> list[str]:
    """Return the workbook's columns."""
    names = [_("Rank"), _("Rank before"), _("Code"), _("Name")]
    if by is StandingsBy.COMPANY:
        names.append(_("Region"))
    return [*names, _("Points"), _("Points before"), _("Net sales"), _("Currency")]


def workbook_rows(rows: Iterable[Standing], by: StandingsBy) -> Generator[list[Cell], None, None]:
    """Yield the workbook's rows."""
    for row in rows:
        region: list[Cell] = [row.region_name] if by is StandingsBy.COMPANY else []
        yield [
            row.rank,
            row.previous_rank,
            row.code,
            row.name,
            *region,
            row.points,
            row.previous_points,
            row.net.decimal,
            row.net.currency,
        ]
