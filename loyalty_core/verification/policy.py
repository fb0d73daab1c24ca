"""What a claim is and how it differs from a sold line: values, and rules over them."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from loyalty_core.kernel import Refusal, _, ngettext, payload_hash
from loyalty_core.verification.states import ClaimState

# As long as a reported sale's.
LONGEST_TEXT = 300
LONGEST_NOTE = 1000
LARGEST_QUANTITY = Decimal(10**9)
MOST_DECIMALS = 6
FIRST_DAY = date(1990, 1, 1)
# A claim may come from where it is tomorrow already.
DAYS_AHEAD = 1
# How far from the claimed day a sale of another invoice or another company is looked for.
DAYS_AROUND = 31
LARGEST_DOCUMENT_BYTES = 10 * 1024 * 1024


class ClaimSource(StrEnum):
    """How a claim came in."""

    PHONE = "phone"
    PAPER = "paper"
    FILE = "file"


class DecisionKind(StrEnum):
    """What a decision does to a claim."""

    APPROVE = "approve"
    REJECT = "reject"
    CORRECT = "correct"
    # The sale that it was laid to was undone: it waits again, and holds nothing until then.
    REOPEN = "reopen"
    # By who claimed, or because the file that brought the claim was undone.
    WITHDRAW = "withdraw"


class Verdict(StrEnum):
    """What comparing a claim with the reported sales says of it."""

    MATCH = "match"
    MATCH_PARTIAL = "match_partial"
    INFLATED_QUANTITY = "inflated_quantity"
    TYPO_IN_INVOICE = "typo_in_invoice"
    UNKNOWN_INVOICE = "unknown_invoice"
    # The company has that invoice, without this product.
    UNKNOWN_PRODUCT = "unknown_product"
    DUPLICATE_CLAIM = "duplicate_claim"
    CLAIMED_BY_ANOTHER_CUSTOMER = "claimed_by_another_customer"
    WRONG_DATE = "wrong_date"


BY_RULE = frozenset({Verdict.MATCH, Verdict.MATCH_PARTIAL})
"""The verdicts that approve a claim without a person."""


class EventKind(StrEnum):
    """What happens to a claim beside verdicts and decisions."""

    ASSIGNED = "assigned"
    ASKED = "asked"
    ANSWERED = "answered"
    PROPOSED = "proposed"
    AGREED = "agreed"
    DISAGREED = "disagreed"
    ESCALATED = "escalated"
    DOCUMENT_ADDED = "document_added"


class Agreement(StrEnum):
    """How well the best sold line agrees with a claim.

    AGREES: company, invoice, product and quantity are the claim's, and as many units are left. UNITS_TAKEN: the
    same, but other claims have them. DIFFERS: a line that comes near. NO_LINE: nothing like it was sold.
    """

    AGREES = "agrees"
    DIFFERS = "differs"
    UNITS_TAKEN = "units_taken"
    NO_LINE = "no_line"


class Difference(StrEnum):
    """One thing in which a claim and its best line differ."""

    COMPANY = "company"
    INVOICE = "invoice"
    PRODUCT = "product"
    QUANTITY = "quantity"
    DATE = "date"
    UNITS_TAKEN = "units_taken"
    NO_LINE = "no_line"


class QueueOrder(StrEnum):
    """What stands first: what would cost most if it were wrong, the oldest, what is worth most, one claimant's."""

    EXPECTED_LOSS = "loss"
    AGE = "age"
    VALUE = "value"
    CLAIMANT = "claimant"


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim with the names of what it points at, its last verdict and its last decision where there are any.

    `at_stake_minor` is what approving it as it stands would come to, `expected_loss_minor` how much of that is likely
    to be wrong, both in minor units of `stake_currency`; None until it is judged, or where nothing comes near.
    `company_id` is None for a company that nobody knows: its code and name are what the file says. `product_name` is
    None for a code that no product has. `file_name` and `import_number` are None for claims
    that came otherwise, and for those who don't see the import.
    """

    number: int
    claim_no: str
    programme_id: UUID | None
    programme_name: str | None
    company_id: UUID | None
    company_code: str
    company_name: str
    participant_id: UUID | None
    participant_code: str | None
    participant_name: str | None
    source: ClaimSource
    import_id: UUID | None
    import_number: int | None
    file_name: str | None
    sheet: str | None
    row_no: int | None
    invoice_no: str
    product_code: str
    product_name: str | None
    quantity: Decimal
    sold_on: date
    document_id: UUID | None
    note: str | None
    state: ClaimState
    revision: int
    sales_line_id: int | None
    approved_quantity: Decimal | None
    decided_at: datetime | None
    decided_by_name: str | None
    decision_reason: str | None
    entered_by: UUID | None
    entered_by_name: str
    recorded_at: datetime
    verdict: Verdict | None
    best_line_id: int | None
    judged_at: datetime | None
    at_stake_minor: int | None
    expected_loss_minor: int | None
    stake_currency: str | None
    assigned_to: UUID | None
    assigned_to_name: str | None
    assigned_at: datetime | None
    escalated_at: datetime | None

    @property
    def claimant(self) -> str:
        """Who claims, as people say it: the participant's name, else the company's."""
        return self.participant_name or self.company_name

    @property
    def payload_hash(self) -> str:
        """The hash of what is claimed, what comparing it with the sales said, and how it stands.

        A decision names the one that was shown. Who works on it, how soon, and whether the claimant was asked
        meanwhile is not part of it: a claim that is asked about can be decided all the same.
        """
        return payload_hash(
            {
                "number": self.number,
                "programme": self.programme_id,
                "company": self.company_id,
                "company_code": self.company_code,
                "participant": self.participant_id,
                "invoice_no": self.invoice_no,
                "product_code": self.product_code,
                "quantity": f"{self.quantity.normalize():f}",
                "sold_on": self.sold_on,
                "document": self.document_id,
                "note": self.note,
                "state": ClaimState.WAITING if self.state is ClaimState.ASKED else self.state,
                "revision": self.revision,
                "sales_line": self.sales_line_id,
                "approved_quantity": self.approved_quantity,
                "entered_by": self.entered_by,
                "verdict": self.verdict,
                "best_line": self.best_line_id,
                "at_stake": self.at_stake_minor,
                "currency": self.stake_currency,
            }
        )


@dataclass(frozen=True, slots=True)
class LineBeside:
    """A sold line that may be what a claim means.

    `units_left` are the units that no other claim of the same programme has, `units_own` those of them that the claim
    itself holds. `amount_minor` is the whole line's, in minor units of `currency`. `file_name` and `import_number` are
    None for those who don't see the import.
    """

    sales_line_id: int
    company_id: UUID
    company_code: str
    company_name: str
    invoice_no: str
    product_code: str
    product_name: str
    quantity: Decimal
    units_left: Decimal
    units_own: Decimal
    sold_on: date
    sold_at: datetime
    unit_price: Decimal | None
    amount_minor: int
    currency: str
    import_id: UUID
    import_number: int | None
    file_name: str | None
    sheet: str | None
    row_no: int


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision on a claim, with what it laid the claim to; None where it rejected."""

    claim_number: int
    revision: int
    kind: DecisionKind
    sales_line_id: int | None
    quantity: Decimal | None
    amount_minor: int
    currency: str | None
    sold_on: date
    sold_at: datetime | None
    reason_code: str | None
    reason: str | None
    is_by_rule: bool
    decided_by: UUID | None
    decided_by_name: str
    decided_at: datetime
    invoice_no: str | None
    product_code: str | None
    product_name: str | None


def differences(claim: Claim, line: LineBeside | None) -> tuple[Difference, ...]:
    """Return in what the claim and the line differ, in the order of the form."""
    if line is None:
        return (Difference.NO_LINE,)
    found = {
        Difference.COMPANY: claim.company_id != line.company_id,
        Difference.INVOICE: claim.invoice_no != line.invoice_no,
        Difference.PRODUCT: claim.product_code != line.product_code,
        Difference.QUANTITY: claim.quantity != line.quantity,
        Difference.DATE: claim.sold_on != line.sold_on,
        Difference.UNITS_TAKEN: line.units_left < min(claim.quantity, line.quantity),
    }
    return tuple(difference for difference, differs in found.items() if differs)


def is_approvable(
    verdict: Verdict | None, claim: Claim, line: LineBeside | None, units_left: Decimal | None = None
) -> bool:
    """Whether a person may approve the claim at the line without correcting it.

    The line must be the company's own and of the claimed product, with as many units left: `units_left`, where the
    invoice lists the product more than once, else the line's. Another invoice is no hindrance where the verdict takes
    it for a slip of the pen, another day never: the line's own invoice and day count. Where the verdict tolerates that
    more is claimed than was sold, what is left counts. What repeats another claim is approved by nobody: were it
    another sale, a correction would say which.
    """
    if line is None or verdict is Verdict.DUPLICATE_CLAIM:
        return False
    hindrances = {Difference.COMPANY, Difference.PRODUCT}
    if verdict is not Verdict.TYPO_IN_INVOICE:
        hindrances.add(Difference.INVOICE)
    left = line.units_left if units_left is None else units_left
    return not hindrances & {*differences(claim, line)} and (
        left > 0 if verdict in BY_RULE else claim.quantity <= left
    )


class ClaimTextError(Refusal):
    """A text of the claim is missing, too long, or not one line."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class ClaimQuantityError(Refusal):
    """The quantity is not one that can be sold."""

    def __init__(self, quantity: Decimal) -> None:
        super().__init__(
            _(
                "The quantity must be above zero, at most {most}, with up to {decimals} decimals. Write how many "
                "pieces were sold."
            ).format(most=LARGEST_QUANTITY, decimals=MOST_DECIMALS)
        )
        self.quantity = quantity


class ClaimDateError(Refusal):
    """The day of the sale lies in the future, or too far back."""

    def __init__(self, sold_on: date) -> None:
        super().__init__(
            _("The day of the sale, {day}, can't be: write the date that stands on the invoice.").format(
                day=sold_on.isoformat()
            )
        )
        self.sold_on = sold_on


class ReasonMissingError(Refusal):
    """A decision that needs a reason came without one."""

    def __init__(self) -> None:
        super().__init__(_("Write why, in a few words: who claimed will read it."))


class WordsMissingError(Refusal):
    """A question or an answer came without words."""

    def __init__(self) -> None:
        super().__init__(_("Write what you want to say: a sentence is enough."))


def clean_text(field: str, value: str, *, longest: int = LONGEST_TEXT) -> str:
    """Return one line of text without white space around it. Raises ClaimTextError."""
    text = value.strip()
    if not text:
        raise ClaimTextError(
            field,
            {
                "invoice_no": _("Write the invoice's number."),
                "product_code": _("Write the product's code."),
                "claim_no": _("Write the claim's number, or leave the field to Laurel."),
            }[field],
        )
    if len(text) > longest or not text.isprintable():
        raise ClaimTextError(
            field,
            ngettext(
                "Up to {longest} character in one line can be a number or a code.",
                "Up to {longest} characters in one line can be a number or a code.",
                longest,
            ).format(longest=longest),
        )
    return text


def clean_note(value: str | None) -> str | None:
    """Return the note without white space around it, None when nothing is left. Raises ClaimTextError."""
    text = (value or "").strip()
    if len(text) > LONGEST_NOTE or "\0" in text:
        raise ClaimTextError("note", _("A note has up to {longest} characters.").format(longest=LONGEST_NOTE))
    return text or None


def clean_words(value: str | None) -> str:
    """Return a question or an answer without white space around it. Raises WordsMissingError, ClaimTextError."""
    text = clean_note(value)
    if text is None or len(text) < 2:
        raise WordsMissingError
    return text


def clean_reason(value: str | None) -> str:
    """Return the reason without white space around it. Raises ReasonMissingError, ClaimTextError."""
    text = clean_note(value)
    if text is None or len(text) < 3:
        raise ReasonMissingError
    return text


def check_quantity(quantity: Decimal) -> None:
    """Refuse what can't be a number of pieces. Raises ClaimQuantityError."""
    if not quantity.is_finite() or not 0 < quantity <= LARGEST_QUANTITY:
        raise ClaimQuantityError(quantity)
    exponent = quantity.normalize().as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -MOST_DECIMALS:
        raise ClaimQuantityError(quantity)


def check_day(sold_on: date, today: date) -> None:
    """Refuse a day on which nothing can have been sold. Raises ClaimDateError."""
    if not FIRST_DAY <= sold_on <= today + timedelta(days=DAYS_AHEAD):
        raise ClaimDateError(sold_on)


def document_kind(data: bytes) -> str | None:
    """Return the media type that the content has: JPEG, PNG, WebP or PDF; None for anything else."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    if data.startswith(b"%PDF-"):
        return "application/pdf"
    return None
