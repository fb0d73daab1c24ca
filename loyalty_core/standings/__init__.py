"""Who stands where."""

from loyalty_core.standings.store import (
    MonthTotal,
    Standing,
    StandingsBy,
    StandingsTotal,
    facts_version,
    monthly_totals,
    sold_days,
    standings,
    standings_total,
)

__all__ = [
    "MonthTotal",
    "Standing",
    "StandingsBy",
    "StandingsTotal",
    "facts_version",
    "monthly_totals",
    "sold_days",
    "standings",
    "standings_total",
]
