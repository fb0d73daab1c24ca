"""Who stands where."""

from loyalty_core.standings.places import Place, place_of_account
from loyalty_core.standings.store import (
    MonthTotal,
    Standing,
    StandingsBy,
    StandingsTotal,
    facts_version,
    monthly_totals,
    sold_days,
    standings,
)

__all__ = [
    "MonthTotal",
    "Place",
    "Standing",
    "StandingsBy",
    "StandingsTotal",
    "facts_version",
    "monthly_totals",
    "place_of_account",
    "sold_days",
    "standings",
]
