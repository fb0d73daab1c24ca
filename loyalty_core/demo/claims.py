"""What the people of service providers claim: planned from the sales, so that every kind of claim is among them.

A plan depends on the sales alone: whoever takes it up again after an interruption finds the same claims.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property

import polars as pl

from loyalty_core.demo import people
from loyalty_core.demo.files import Period
from loyalty_core.demo.market import DemoCompany, products
from loyalty_core.organisation import CompanyKind
from loyalty_core.verification import ClaimSource

# What the programme's only rule gives.
POINTS, PER_CENTS = 20, 1000

UNKNOWN_PRODUCT = "MO-250W"


class Fate(StrEnum):
    """What becomes of a claim."""

    WAITS = "waits"
    APPROVED = "approved"
    REJECTED = "rejected"
    CORRECTED = "corrected"


@dataclass(frozen=True, slots=True)
class DemoClaim:
    """One claim. `units` are claimed, `sold_units` stand on the line; `points` are what approval gives."""

    claim_no: str
    participant: str
    company: str
    invoice_no: str
    product_code: str
    units: int
    sold_units: int
    cents: int
    sold_on: date
    source: ClaimSource
    fate: Fate
    reason: str | None = None
    note: str | None = None
    # The day that the claim says, where it is not the invoice's.
    claimed_day: date | None = None
    # The number on the invoice, where the claim has another one.
    true_invoice: str | None = None

    @property
    def is_exact(self) -> bool:
        """Whether the claim says what was sold, in everything."""
        return self.true_invoice is None and self.claimed_day is None and self.units == self.sold_units

    @property
    def stake(self) -> int:
        """What the claim comes to at the invoice's price, in cents."""
        return round(self.cents * self.units / self.sold_units)

    @property
    def said_day(self) -> date:
        """The day of the sale as the claim has it."""
        return self.claimed_day or self.sold_on

    @property
    def points(self) -> int:
        """What the whole line is worth."""
        return POINTS * (self.cents // PER_CENTS)


# The sign-ins that claim on their own phones, each with how many claims there are to decide.
ON_PHONE = {people.PROVIDER: 30, people.CLEANER: 15, people.FINANCE: 12}
_SUSPICIOUS_CLAIMS = 14
_USUAL_CLAIMS = 3
# From how many days after their period's last on claims are decided.
DECIDED_AFTER_DAYS = 2
# How many open claims a company has at most.
_TURNS = 5

_NO_SUCH_INVOICE = "No such invoice was written; please look at the number again."
_OTHER_SALE = "The invoice with a number like it is your colleague's."


@dataclass(frozen=True)
class Claims:
    """All claims of the demo, from the sales since the programme began."""

    lines: pl.DataFrame
    partners: tuple[DemoCompany, ...]
    begin: date
    periods: tuple[Period, ...]
    goals: tuple[int, ...]

    @cached_property
    def _by_company(self) -> dict[str, list[dict[str, object]]]:
        """The lines worth claiming of each service provider, the dearest first within each month."""
        providers = [one.code for one in self.partners if one.kind is CompanyKind.SERVICE_PROVIDER]
        found = (
            self.lines.lazy()
            .filter(
                pl.col("company_code").is_in(providers),
                pl.col("units") > 0,
                pl.col("day") >= self.begin,
                pl.col("cents") >= 2 * PER_CENTS,
            )
            # A line of which some came back is no good example.
            .sort("cents", "invoice_no", "line_no", descending=[True, False, False])
            .select("company_code", "invoice_no", "product_code", "units", "cents", "day")
            .collect()
        )
        rows: dict[str, list[dict[str, object]]] = defaultdict(list)
        for row in found.iter_rows(named=True):
            rows[str(row["company_code"])].append(row)
        return rows

    @cached_property
    def decided(self) -> list[DemoClaim]:
        """Claims on sales that were reported a month ago or earlier: approved, rejected, corrected."""
        last = self.periods[-2].last_day
        found: list[DemoClaim] = []
        for place, company in enumerate(self.partners):
            rows = [row for row in self._by_company.get(company.code, ()) if _day(row) <= last]
            if rows:
                found += self._decided_of(company.code, rows, place)
        return sorted(found, key=lambda claim: (claim.sold_on, claim.claim_no))

    def _decided_of(self, company: str, rows: list[dict[str, object]], place: int) -> Iterator[DemoClaim]:
        owner = f"{company}-1"
        claimant = people.FINANCE if people.FINANCE.startswith(company) else owner
        many = ON_PHONE.get(
            claimant, _SUSPICIOUS_CLAIMS if claimant == people.SUSPICIOUS else _USUAL_CLAIMS + place % 3
        )
        earned = 0
        for number, row in enumerate(rows[:many]):
            claim = self._claim(claimant, row, f"{company[2:]}-{number + 1:02}", number, Fate.APPROVED)
            if claimant == people.PROVIDER and number >= 6 and self._reaches_a_goal(earned, claim):
                # One more claim is all that is missing: it waits.
                return
            if claimant == people.SUSPICIOUS and number >= 6:
                claim = _invented(claim, number)
            elif claimant not in ON_PHONE and (place + number) % 11 == 5:
                # Most people mean the sale that it was taken for.
                claim = _one_sign_more(claim, number)
                if (place + number) % 44 == 5:
                    claim = replace(claim, fate=Fate.REJECTED, reason=_OTHER_SALE)
            elif claimant not in ON_PHONE and (place + number) % 13 == 7:
                claim = _other_day(claim, place, self.begin)
                if place % 4 == 3:
                    claim = replace(
                        claim, fate=Fate.REJECTED, reason="That day was before the goods were there."
                    )
            elif claimant not in ON_PHONE and (place + number) % 19 == 4:
                claim = _invented(claim, number)
            elif claimant not in ON_PHONE and (place + number) % 17 == 3:
                claim = replace(
                    claim,
                    units=claim.units + 6,
                    fate=Fate.CORRECTED,
                    reason="The invoice says six pieces less.",
                )
            earned += claim.points if claim.fate is not Fate.REJECTED else 0
            yield claim

    def _reaches_a_goal(self, earned: int, claim: DemoClaim) -> bool:
        """Whether this claim is all that is missing for the next reward."""
        return any(earned < goal <= earned + claim.points for goal in self.goals)

    def _claim(
        self, participant: str, row: dict[str, object], claim_no: str, number: int, fate: Fate
    ) -> DemoClaim:
        by_hand = ClaimSource.PHONE if participant in ON_PHONE else ClaimSource.PAPER
        is_typed = participant in ON_PHONE or number % 2 == 1
        units, cents = row["units"], row["cents"]
        assert isinstance(units, int)
        assert isinstance(cents, int)
        return DemoClaim(
            claim_no=claim_no,
            participant=participant,
            company=str(row["company_code"]),
            invoice_no=str(row["invoice_no"]),
            product_code=str(row["product_code"]),
            units=units,
            sold_units=units,
            cents=cents,
            sold_on=_day(row),
            source=by_hand if is_typed else ClaimSource.FILE,
            fate=fate,
        )

    @cached_property
    def open(self) -> list[DemoClaim]:
        """Sixty claims that wait, of every verdict that waits: each differs from a sale in one thing."""
        taken = {(claim.true_invoice or claim.invoice_no, claim.product_code) for claim in self.decided}
        # What waits came in yesterday at the latest, so after a sale of the day before or earlier.
        last = self.periods[-1].last_day - timedelta(days=1)
        fresh = {
            company: [
                row
                for row in rows
                if (row["invoice_no"], row["product_code"]) not in taken and _day(row) <= last
            ]
            for company, rows in self._by_company.items()
        }
        own: list[DemoClaim] = []
        for participant, many in ((people.PROVIDER, 2), (people.CLEANER, 2)):
            rows = fresh.get(participant.partition("-")[0], [])
            # The dearest first: it is what brings the next reward.
            rows = rows[:1] + sorted(rows[1:30], key=_day, reverse=True)
            own += [
                self._claim(participant, row, f"P-{participant[2:6]}-{place + 1}", place, Fate.WAITS)
                for place, row in enumerate(rows[:many])
            ]
        named = {claim.company for claim in own}
        usual = [company for company in fresh if company not in named and len(fresh[company]) >= _TURNS]
        spread = [
            self._claim(
                f"{company}-{1 + place % 2}",
                sorted(fresh[company][:20], key=_day)[-1 - turn],
                f"{company[2:]}-{71 + turn}",
                place,
                Fate.WAITS,
            )
            for turn in range(_TURNS)
            for place, company in enumerate(usual)
        ]
        misdated = spread[: 60 - len(own) - 38]
        rest = spread[len(misdated) :]
        others = [claim for claim in self.decided if claim.fate is Fate.APPROVED and claim.is_exact]
        return [
            *(_other_day(claim, place, self.begin) for place, claim in enumerate([*own, *misdated])),
            *(_other_quantity(claim, place) for place, claim in enumerate(rest[:10])),
            *(_typed_wrong(claim) for claim in rest[10:18]),
            *(_unknown_product(claim) for claim in rest[18:24]),
            *_of_others(rest[24:30], rest[30:36]),
            *_taken(others),
        ]

    def entered_on(self, claim: DemoClaim) -> date:
        """Return the day on which the claim came in: after the sale, not before the day that it says, before today.

        One that waits came in the last three weeks, however old the sale is. Another came in at the latest the day
        after its period's sales were reported, so before anybody decides it.
        """
        today = self.periods[-1].last_day + timedelta(days=1)
        entered = max(claim.sold_on + timedelta(days=2 + claim.sold_units % 5), claim.said_day)
        if claim.fate is Fate.WAITS:
            entered = max(entered, today - timedelta(days=2 + claim.cents % 19))
            return min(entered, today - timedelta(days=1))
        reported = next(one.last_day for one in self.periods if claim.sold_on <= one.last_day)
        return min(entered, reported + timedelta(days=1))


def _day(row: dict[str, object]) -> date:
    day = row["day"]
    assert isinstance(day, date)
    return day


def _one_sign_more(claim: DemoClaim, number: int) -> DemoClaim:
    return replace(claim, invoice_no=f"{claim.invoice_no}{number % 10}", true_invoice=claim.invoice_no)


def _invented(claim: DemoClaim, number: int) -> DemoClaim:
    """Return the claim with a number that no invoice has, nor one like it."""
    return replace(
        claim,
        invoice_no=f"X{claim.company}/{7000 + 37 * number}",
        true_invoice=claim.invoice_no,
        fate=Fate.REJECTED,
        reason=_NO_SUCH_INVOICE,
    )


def _other_day(claim: DemoClaim, place: int, begin: date) -> DemoClaim:
    """Return the claim with another day of the programme than the invoice's, as of an order or a delivery."""
    days = timedelta(days=6 + place % 8)
    return replace(
        claim,
        claimed_day=claim.sold_on - days if claim.sold_on - days >= begin else claim.sold_on + days,
        note="Ordered on this day." if place % 3 == 1 else None,
    )


def _other_quantity(claim: DemoClaim, place: int) -> DemoClaim:
    return replace(
        claim,
        units=claim.units + (6, 12, 24)[place % 3],
        note="Counted at the delivery." if place % 2 else None,
    )


def _typed_wrong(claim: DemoClaim) -> DemoClaim:
    """Return the claim with the last two signs of its invoice the wrong way round, or one more of them."""
    number = claim.invoice_no
    swapped = number[:-2] + number[-1] + number[-2]
    return replace(claim, invoice_no=swapped if swapped != number else f"{number}1", true_invoice=number)


def _unknown_product(claim: DemoClaim) -> DemoClaim:
    assert UNKNOWN_PRODUCT not in {article.code for article in products()}
    return replace(claim, product_code=UNKNOWN_PRODUCT, note="Winter coffee, the red bag")


def _of_others(claims: Iterable[DemoClaim], others: Iterable[DemoClaim]) -> Iterator[DemoClaim]:
    """Yield the claims with what stands on another company's invoice."""
    for claim, other in zip(claims, others, strict=True):
        yield replace(
            claim,
            invoice_no=other.invoice_no,
            product_code=other.product_code,
            units=other.units,
            sold_units=other.sold_units,
            cents=other.cents,
            sold_on=other.sold_on,
        )


def _taken(approved: list[DemoClaim]) -> Iterator[DemoClaim]:
    """Yield eight claims of colleagues for what was approved already; the suspicious one's own come first."""
    first = [claim for claim in approved if claim.participant == people.SUSPICIOUS][:3]
    later = [claim for claim in approved if claim.participant.endswith("-1") and claim not in first]
    for claim in [*first, *later[-(8 - len(first)) :]]:
        yield replace(
            claim,
            claim_no=f"{claim.claim_no}B",
            participant=people.SUSPICIOUS if claim.participant == people.SUSPICIOUS else f"{claim.company}-2",
            source=ClaimSource.PAPER,
            fate=Fate.WAITS,
        )
