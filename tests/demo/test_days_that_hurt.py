"""Whole small demos, started on the days on which dates go wrong most easily."""

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from laurel.registers import DATASETS
from loyalty_core import audit, demo, settlement
from loyalty_core.demo.market import TIME_ZONE
from loyalty_core.kernel import Database, Scope, Settings, now
from loyalty_core.kernel.clock import fixed

SYSTEM = Scope.of_system("test")


def local(text_of_moment: str) -> datetime:
    return datetime.fromisoformat(text_of_moment).replace(tzinfo=ZoneInfo(TIME_ZONE))


STARTS = {
    "today": now(),
    "first minute of a month": local("2026-12-01T00:01"),
    "last day of a month": local("2027-04-30T23:58"),
    "first minute of a quarter": local("2027-07-01T00:00"),
    "last day of a quarter": local("2026-09-30T12:00"),
    "first minute of a year": local("2027-01-01T00:02"),
    "last day of a year": local("2026-12-31T23:59"),
    "leap day": local("2028-02-29T09:00"),
    "clock goes forward": local("2027-03-28T03:30"),
    "clock goes back": local("2026-10-25T02:30"),
    "second day of the sales' programme": local("2028-01-02T00:30"),
    "the sales begin on the programme's first day": local("2027-06-01T05:00"),
    "day after a leap day": local("2028-03-01T06:00"),
}


@pytest.mark.slow
@pytest.mark.parametrize("start", STARTS)
def test_the_demo_is_whole_on_days_that_hurt(
    start: str, committed_database: Database, tmp_path: Path
) -> None:
    present = STARTS[start]
    settings = Settings(tmp_path, None)
    with fixed(present):
        demo.make_demo(committed_database, settings, datasets=DATASETS, scale=0.1)
    assert [check for check in settlement.check_books(committed_database) if not check.ok] == []
    assert audit.verify(committed_database, settings).ok

    def counts(query: str) -> dict[str, int]:
        with committed_database.transaction(SYSTEM) as connection:
            return {str(name): int(number) for name, number in connection.execute(text(query))}

    claims = counts("select state, count(*) from claim group by 1")
    assert sum(claims[state] for state in ("waiting", "asked", "proposed")) == 60
    orders = counts("select state, count(*) from reward_order group by 1")
    assert orders["awaiting_finance"] == 25
    assert orders["approved"] > 40
    with committed_database.transaction(SYSTEM) as connection:
        latest = connection.execute(text("select max(recorded_at) from audit_record")).scalar_one()
        over = connection.execute(
            text("select count(*) from reward_order where state = 'awaiting_finance' and budget_id is null")
        ).scalar_one()
        early = connection.execute(
            text(
                "select count(*) from claim c join claim_decision d on d.claim_number = c.number"
                " where d.decided_at < c.recorded_at"
            )
        ).scalar_one()
    assert latest <= present + timedelta(seconds=1)
    assert over == 1
    assert early == 0
