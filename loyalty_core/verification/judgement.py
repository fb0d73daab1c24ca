"""What a claim is when it is laid beside the reported sales: pure rules, without a database.

A sale is what one company bought of one product on one invoice: the invoice may list it in several lines, and a claim
names them all at once. Its units are those sold, less what was returned under the same invoice. A return under an
invoice of its own does not say which sale it undoes; guessing it would refuse true claims, so it changes nothing.
"""

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from loyalty_core.kernel import share_minor
from loyalty_core.verification.policy import BY_RULE, Verdict
from loyalty_core.verification.states import ClaimState

_NOTHING = Decimal(0)
_DIGITS = re.compile("([0-9]+)")
_SIGNS = re.compile(r"[\W_]+")

# How many of a hundred such claims a person turns down, and with how many claims' weight that stands against what
# is known of the claimant.
LIKELY_WRONG = {
    Verdict.MATCH: 1,
    Verdict.MATCH_PARTIAL: 2,
    Verdict.TYPO_IN_INVOICE: 10,
    Verdict.WRONG_DATE: 30,
    Verdict.UNKNOWN_INVOICE: 80,
    Verdict.UNKNOWN_PRODUCT: 80,
    Verdict.INFLATED_QUANTITY: 90,
    Verdict.CLAIMED_BY_ANOTHER_CUSTOMER: 90,
    Verdict.DUPLICATE_CLAIM: 95,
}
_WEIGHT = 10


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How far a claim may be from a sale and still agree: days, and the larger of units and percent of the units."""

    days: int = 3
    units: Decimal = _NOTHING
    percent: Decimal = _NOTHING

    def units_of(self, sold: Decimal) -> Decimal:
        """How many units apart are tolerated where this many were sold."""
        return max(self.units, sold * self.percent / 100)


@dataclass(frozen=True, slots=True)
class Terms:
    """A programme's rules for its claims: `limit_minor` in `currency`; above it nothing is approved by rule."""

    tolerances: Tolerances = Tolerances()
    currency: str | None = None
    limit_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What a claim says. `company_id` and `product_id` are None for codes that nobody knows.

    `company_code_said` is the code of a company that nobody knows. `is_by_person`: a person has corrected it before, or
    proposed otherwise than to approve it, and the sale behind that changed, so no rule decides it again.
    """

    number: int
    claim_no: str
    programme_id: UUID | None
    company_id: UUID | None
    participant_id: UUID | None
    invoice_no: str
    product_code: str
    product_id: UUID | None
    quantity: Decimal
    sold_on: date
    state: ClaimState
    company_code_said: str | None = None
    is_by_person: bool = False

    @property
    def repeats(self) -> tuple[object, ...]:
        """What two claims share when one repeats the other, but for the day."""
        return (
            self.programme_id,
            self.company_id,
            self.company_code_said,
            self.participant_id,
            self.invoice_no,
            self.product_code,
            self.quantity,
        )


@dataclass(frozen=True, slots=True)
class SoldLine:
    """One line of a sale, with its whole units and amount."""

    sales_line_id: int
    quantity: Decimal
    amount_minor: int
    currency: str
    sold_on: date
    sold_at: datetime


@dataclass(frozen=True, slots=True)
class Sale:
    """The lines of one company, invoice and product in one currency, by id; `returned` under the same invoice."""

    invoice_no: str
    lines: tuple[SoldLine, ...]
    returned: Decimal = _NOTHING

    @property
    def units(self) -> Decimal:
        """Units that were sold and not returned."""
        return max(sum((line.quantity for line in self.lines), _NOTHING) - self.returned, _NOTHING)

    def days_from(self, day: date) -> int:
        """Days between this day and the sale."""
        return min(abs((line.sold_on - day).days) for line in self.lines)

    def worth(self, quantity: Decimal) -> int:
        """What this many units come to at the sale's price, in minor units."""
        whole = sum((line.quantity for line in self.lines), _NOTHING)
        return share_minor(sum(line.amount_minor for line in self.lines), quantity, whole)


@dataclass(slots=True)
class Taken:
    """Which units of lines are claimed already, and by which claim first; by programme and line."""

    units: dict[tuple[UUID | None, int], Decimal] = field(default_factory=dict)
    holders: dict[tuple[UUID | None, int], int] = field(default_factory=dict)

    def left(self, programme_id: UUID | None, sale: Sale) -> Decimal:
        """Units of the sale that no claim of the programme has."""
        taken = (self.units.get((programme_id, line.sales_line_id), _NOTHING) for line in sale.lines)
        return sale.units - sum(taken, _NOTHING)

    def holder(self, programme_id: UUID | None, sale: Sale) -> int | None:
        """The first claim of the programme that has units of the sale."""
        found = [self.holders.get((programme_id, line.sales_line_id)) for line in sale.lines]
        return min((number for number in found if number is not None), default=None)

    def take(self, said: Said, sale: Sale, quantity: Decimal) -> tuple["Share", ...]:
        """Take units of the sale for a claim: of one line where one has enough, else of as many as it needs."""
        free = {
            line: line.quantity - self.units.get((said.programme_id, line.sales_line_id), _NOTHING)
            for line in sale.lines
        }
        alone = [line for line in sale.lines if free[line] >= quantity]
        exact = [line for line in alone if line.quantity == quantity]
        shares = []
        for line in (exact or alone)[:1] or sale.lines:
            units = min(free[line], quantity)
            if units <= 0:
                continue
            quantity -= units
            key = (said.programme_id, line.sales_line_id)
            self.units[key] = self.units.get(key, _NOTHING) + units
            self.holders.setdefault(key, said.number)
            shares.append(Share(line, units, share_minor(line.amount_minor, units, line.quantity)))
        return tuple(shares)


@dataclass(frozen=True, slots=True)
class Share:
    """Units of a line that a claim takes, and their amount in minor units of the line's currency."""

    line: SoldLine
    quantity: Decimal
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a claim is. `best` is the sale that comes nearest; `shares` are the units it gets by rule, if any.

    `excess` are the units that it claims beyond what it could get.
    """

    number: int
    verdict: Verdict
    best: Sale | None
    proposed_invoice_no: str | None = None
    duplicate_of: int | None = None
    excess: Decimal = _NOTHING
    shares: tuple[Share, ...] = ()


@dataclass(slots=True)
class Beside:
    """What lies beside the claims that are judged together.

    `own`: the sale that a claim names, by company, invoice and product. `standing`: decided claims, by what they
    share with one that repeats them. `near`: other sales of the claim's company and product in the weeks around, and
    `others`: sales of other companies under the claim's invoice and product, both by the claim's number, the nearest
    day first. `invoices`: company and invoice of the claims whose company has that invoice, with this product or not.
    """

    own: Mapping[tuple[UUID, str, UUID], Sale]
    taken: Taken
    standing: dict[tuple[object, ...], list[Said]]
    near: Mapping[int, Sequence[Sale]]
    others: Mapping[int, Sequence[Sale]]
    terms: Mapping[UUID | None, Terms]
    invoices: Set[tuple[UUID | None, str]] = frozenset()


def claim_order(said: Said) -> tuple[object, ...]:
    """By which claims of equal right are judged: the lowest claim number first, digits counted as numbers."""
    parts = _DIGITS.split(said.claim_no)
    return (
        *((part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts),
        (False, 0, ""),
    ), said.number


def is_near(written: str, meant: str) -> bool:
    """Whether one invoice number is the other with one slip of the pen.

    That is one sign wrong, missing or too many, or two swapped; and any other way to write capitals, blanks and
    hyphens, or zeros in front.
    """
    one, other = _bare(written), _bare(meant)
    if one == other:
        return True
    if min(len(one), len(other)) < 3 or abs(len(one) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    end = 0
    while end < min(len(one), len(other)) - start and one[-1 - end] == other[-1 - end]:
        end += 1
    here, there = one[start : len(one) - end], other[start : len(other) - end]
    if len(here) <= 1 and len(there) <= 1:
        return True
    swapped = there[-1:] + there[1:-1] + there[:1]
    return len(here) == len(there) and here == swapped


def _bare(number: str) -> str:
    return _SIGNS.sub("", number).upper().lstrip("0")


def judge(claims: Iterable[Said], beside: Beside) -> list[Judgement]:
    """Judge undecided claims, the lowest number first; what one gets by rule is gone for the next."""
    return [_judge(said, beside) for said in sorted(claims, key=claim_order)]


def _judge(said: Said, beside: Beside) -> Judgement:
    terms = beside.terms[said.programme_id]
    sale = None
    if said.company_id is not None and said.product_id is not None:
        sale = beside.own.get((said.company_id, said.invoice_no, said.product_id))
    found = _compare(said, sale, beside, terms) if sale is not None else _search(said, beside, terms)
    alike = beside.standing.setdefault(said.repeats, [])
    first = next(
        (one for one in alike if abs((one.sold_on - said.sold_on).days) <= terms.tolerances.days), None
    )
    alike.append(said)
    if first is not None:
        return Judgement(
            said.number,
            Verdict.DUPLICATE_CLAIM,
            found.best,
            found.proposed_invoice_no,
            duplicate_of=first.number,
            excess=said.quantity,
        )
    is_for_person = said.is_by_person or said.state is not ClaimState.WAITING
    if found.verdict not in BY_RULE or is_for_person or found.best is None:
        return found
    quantity = min(said.quantity, beside.taken.left(said.programme_id, found.best))
    is_limited = terms.limit_minor is not None and found.best.lines[0].currency == terms.currency
    if is_limited and found.best.worth(max(said.quantity, quantity)) > (terms.limit_minor or 0):
        return found
    return Judgement(
        said.number, found.verdict, found.best, shares=beside.taken.take(said, found.best, quantity)
    )


def _compare(said: Said, sale: Sale, beside: Beside, terms: Terms) -> Judgement:
    """Lay a claim beside the sale that it names. What costs most is told first: units, then the day."""
    left = beside.taken.left(said.programme_id, sale)
    tolerated = terms.tolerances.units_of(sale.units)
    excess = max(said.quantity - max(left, _NOTHING), _NOTHING)
    if said.quantity > sale.units + tolerated:
        return Judgement(said.number, Verdict.INFLATED_QUANTITY, sale, excess=excess)
    holder = beside.taken.holder(said.programme_id, sale) if left <= 0 else None
    if holder is not None:
        return Judgement(
            said.number, Verdict.DUPLICATE_CLAIM, sale, duplicate_of=holder, excess=said.quantity
        )
    if left <= 0 or said.quantity > left + tolerated:
        return Judgement(said.number, Verdict.INFLATED_QUANTITY, sale, excess=excess)
    if sale.days_from(said.sold_on) > terms.tolerances.days:
        return Judgement(said.number, Verdict.WRONG_DATE, sale)
    if said.quantity >= sale.units - tolerated:
        return Judgement(said.number, Verdict.MATCH, sale)
    return Judgement(said.number, Verdict.MATCH_PARTIAL, sale)


def _search(said: Said, beside: Beside, terms: Terms) -> Judgement:
    """Look for what a claim may mean whose sale was not found: another invoice of its company, another company's."""

    def agrees(sale: Sale) -> bool:
        tolerated = terms.tolerances.units_of(sale.units)
        is_day = sale.days_from(said.sold_on) <= terms.tolerances.days
        return is_day and sale.units > 0 and said.quantity <= sale.units + tolerated

    def distance(sale: Sale) -> tuple[bool, bool, int, str]:
        is_taken = beside.taken.left(said.programme_id, sale) <= 0
        return sale.units != said.quantity, is_taken, sale.days_from(said.sold_on), sale.invoice_no

    near = beside.near.get(said.number, ())
    typed = min(
        (sale for sale in near if agrees(sale) and is_near(said.invoice_no, sale.invoice_no)),
        key=distance,
        default=None,
    )
    other = min(
        beside.others.get(said.number, ()),
        key=lambda sale: (not agrees(sale), sale.units != said.quantity, sale.days_from(said.sold_on)),
        default=None,
    )
    is_others = other is not None and agrees(other) and other.units == said.quantity
    if typed is not None and (typed.units == said.quantity or not is_others):
        if beside.taken.left(said.programme_id, typed) <= 0:
            holder = beside.taken.holder(said.programme_id, typed)
            if holder is not None:
                return Judgement(
                    said.number,
                    Verdict.DUPLICATE_CLAIM,
                    typed,
                    typed.invoice_no,
                    duplicate_of=holder,
                    excess=said.quantity,
                )
        return Judgement(said.number, Verdict.TYPO_IN_INVOICE, typed, typed.invoice_no)
    if other is not None:
        return Judgement(said.number, Verdict.CLAIMED_BY_ANOTHER_CUSTOMER, other, excess=said.quantity)
    best = min(near, key=distance, default=None)
    is_there = (said.company_id, said.invoice_no) in beside.invoices
    verdict = Verdict.UNKNOWN_PRODUCT if is_there else Verdict.UNKNOWN_INVOICE
    return Judgement(said.number, verdict, best, excess=said.quantity)


def expected_loss(found: Judgement, said: Said, decided: int, rejected: int) -> tuple[int, int] | None:
    """Return what approving the claim as it stands would come to, and how much of that is likely to be wrong.

    Both in minor units of the best sale's currency; None where nothing comes near. `decided` and `rejected` count
    the claimant's claims that people have decided.
    """
    if found.best is None:
        return None
    at_stake = found.best.worth(said.quantity)
    doubtful = found.best.worth(found.excess) if found.verdict is Verdict.INFLATED_QUANTITY else at_stake
    wrong = _WEIGHT * LIKELY_WRONG[found.verdict] + 100 * rejected
    return at_stake, share_minor(doubtful, Decimal(wrong), Decimal(100 * (_WEIGHT + decided)))
