"""Who orders what and when: planned from what was sold and claimed, so that it comes out the same again.

In one area of Poland nearly all of the quarter's money is spent, in another nothing is. Of those that wait, one is
the finance user's own, one costs more than is left, and one is wanted by somebody whose claims are mostly rejected.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from loyalty_core.demo import people
from loyalty_core.demo.catalogue import DemoReward, rewards_of
from loyalty_core.demo.market import DemoCompany
from loyalty_core.demo.sign_ins import PEOPLE
from loyalty_core.demo.trade import CLAIMS_PROGRAMME_CODE, PROGRAMME_CODE
from loyalty_core.organisation import CompanyKind

# Where nearly all money of the quarter is spent, and where none is.
SPENT_AREA, IDLE_AREA = "PL-KRA", "PL-WRO"
SPENT_PERCENT = 96
WAITING = 25
_EARLY_DAYS = 84

_USER_OF = {one.participant: one.name for one in PEOPLE if one.participant is not None}


class OrderFate(StrEnum):
    """What becomes of an order."""

    WAITS = "waits"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class DemoOrder:
    """One order; `by` is the sign-in name of who orders, None: the company's salesperson."""

    key: str
    participant: str
    area: str
    reward: DemoReward
    moment: datetime
    fate: OrderFate
    by: str | None = None
    reason: str | None = None
    waits_for_budget: bool = False

    @property
    def decided_at(self) -> datetime:
        """When finance looked at it: the next day."""
        return self.moment + timedelta(hours=19)


_REASONS = (
    "The same person ordered this a week ago; please check whether it is meant twice.",
    "The company has an invoice that is long overdue. Order again once it is paid.",
    "This colour is no longer made. Please choose another reward.",
)
CLEANER_REASON = (
    "We can't deliver to this address: it is a parcel box. Please order again with a street address."
)


@dataclass(frozen=True)
class Orders:
    """All orders. `earned` are points by company or participant's code; `quarter` the moment when it began."""

    partners: tuple[DemoCompany, ...]
    earned: Mapping[str, int]
    today: datetime
    quarter: datetime

    def all(self) -> list[DemoOrder]:
        """Return them by time, those that wait last."""
        left = dict(self.earned)
        decided = [*self._of_companies(left), *self._of_people(left)]
        waiting = list(self._waiting(left))
        return [*sorted(decided, key=lambda one: (one.moment, one.key)), *waiting]

    def _buyers(self, area: str) -> list[DemoCompany]:
        """Return the area's distributors and wholesalers with points enough for something, the richest first."""
        found = [
            one
            for one in self.partners
            if one.kind is not CompanyKind.SERVICE_PROVIDER
            and (one.area == area or one.country == area)
            and not one.stops
            and self.earned.get(one.code, 0) >= 2_000
        ]
        return sorted(found, key=lambda one: (-self.earned[one.code], one.code))

    def _of_companies(self, left: dict[str, int]) -> Iterator[DemoOrder]:
        for area, many in (
            *(("PL-GDA", 8), ("PL-POZ", 8), (SPENT_AREA, 9), (IDLE_AREA, 5)),
            *(("RS", 9), ("GB", 9), ("ID", 9)),
        ):
            buyers = self._buyers(area)
            for place in range(many if buyers else 0):
                buyer = buyers[place % min(len(buyers), 5)]
                moment = self._moment(area, place, many)
                if area == IDLE_AREA and moment >= self.quarter - timedelta(days=1):
                    continue
                fate, reason = OrderFate.APPROVED, None
                if area != SPENT_AREA and place % 5 == 3:
                    fate, reason = OrderFate.REJECTED, _REASONS[place % len(_REASONS)]
                elif area != SPENT_AREA and place % 7 == 6:
                    fate = OrderFate.CANCELLED
                # The wholesaler who signs in keeps the points for the order that waits.
                participant = f"{buyer.code}-{2 if place % 2 else 1}"
                choice = rewards_of(PROGRAMME_CODE)[:5]
                reward = _affordable(choice, left.get(buyer.code, 0) // 2, place)
                if reward is None:
                    continue
                if fate is OrderFate.APPROVED:
                    left[buyer.code] -= reward.points
                yield DemoOrder(f"{area}:{place}", participant, area, reward, moment, fate, reason=reason)

    def _moment(self, area: str, place: int, many: int) -> datetime:
        if area == SPENT_AREA:
            # All in this quarter, however young it is.
            return self.quarter + (self.today - self.quarter) * (place + 1) / (many + 2)
        days = _EARLY_DAYS - place * (_EARLY_DAYS - 4) // many
        return self.today - timedelta(days=days, hours=-8 - place % 9, minutes=-7 * place % 60)

    def _of_people(self, left: dict[str, int]) -> Iterator[DemoOrder]:
        codes = [code for code in left if "-" in code and code not in (people.PROVIDER, people.SUSPICIOUS)]
        named = (people.CLEANER, people.FINANCE)
        by_area = {company.code: company.area for company in self.partners}
        place = 0
        for code in sorted(codes, key=lambda one: (one not in named, one)):
            budget = left[code] - (1_000 if code == people.FINANCE else 0)
            reward = _affordable(rewards_of(CLAIMS_PROGRAMME_CODE)[:4], budget, place)
            if reward is None or place >= 36:
                continue
            fate, reason = OrderFate.APPROVED, None
            if code == people.CLEANER:
                fate, reason = OrderFate.REJECTED, CLEANER_REASON
            elif place % 8 == 5:
                fate, reason = OrderFate.REJECTED, _REASONS[place % len(_REASONS)]
            if fate is OrderFate.APPROVED:
                left[code] -= reward.points
            moment = self.today - timedelta(
                days=24 - place % 21, hours=-9 - place % 8, minutes=-11 * place % 60
            )
            if code == people.CLEANER:
                moment = self.today - timedelta(days=4, hours=-9)
            place += 1
            area = by_area[code.partition("-")[0]]
            yield DemoOrder(
                f"star:{code}", code, area, reward, moment, fate, by=_USER_OF.get(code), reason=reason
            )

    def _waiting(self, left: dict[str, int]) -> Iterator[DemoOrder]:
        place = 0

        def waits(participant: str, area: str, reward: DemoReward, *, over_budget: bool = False) -> DemoOrder:
            nonlocal place
            place += 1
            # Some since last week, some since this morning.
            moment = self.today - timedelta(hours=4 + (WAITING - place) * 5.5)
            if over_budget:
                # After all that nearly spent the quarter's budget, however young the quarter is.
                moment = max(moment, self.quarter + (self.today - self.quarter) * 10 / 11)
            return DemoOrder(
                f"waits:{place}",
                participant,
                area,
                reward,
                moment,
                OrderFate.WAITS,
                by=_USER_OF.get(participant),
                waits_for_budget=over_budget,
            )

        stars = rewards_of(CLAIMS_PROGRAMME_CODE)
        for code in (people.FINANCE, people.SUSPICIOUS):
            reward = _affordable(stars[:1], left.get(code, 0), 0)
            if reward is not None:
                yield waits(code, code[:2], reward)
        goods = rewards_of(PROGRAMME_CODE)
        spent = self._buyers(SPENT_AREA)
        if spent:
            dear = _affordable(goods[3:6], max(left[one.code] for one in spent), 2)
            buyer = max(spent, key=lambda one: left[one.code])
            if dear is not None:
                left[buyer.code] -= dear.points
                yield waits(f"{buyer.code}-1", SPENT_AREA, dear, over_budget=True)
        own = people.WHOLESALER.partition("-")[0]
        reward = _affordable(goods[:4], left.get(own, 0), 2)
        if reward is not None:
            left[own] -= reward.points
            yield waits(people.WHOLESALER, "PL-GDA", reward)
        for area, many in (("PL-GDA", 4), ("PL-POZ", 4), ("RS", 4), ("GB", 4), ("ID", 25)):
            buyers = [one for one in self._buyers(area) if one.code != own]
            turns: dict[str, int] = defaultdict(int)
            for turn in range(many if buyers else 0):
                if place == WAITING:
                    return
                buyer = buyers[(turn + 2) % len(buyers)]
                reward = _affordable(goods, left[buyer.code] * 2 // 3, turn * 2 + 1)
                if reward is None:
                    continue
                left[buyer.code] -= reward.points
                turns[buyer.code] += 1
                yield waits(f"{buyer.code}-{1 + turns[buyer.code] % 3}", area, reward)


def _affordable(found: list[DemoReward], points: int, place: int) -> DemoReward | None:
    """Return one of the rewards that the points suffice for, another for each place; None for none."""
    fit = [one for one in found if one.points <= points]
    return fit[place % len(fit)] if fit else None
