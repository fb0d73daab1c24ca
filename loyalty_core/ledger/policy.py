"""The rules of the ledger as values in, values out: entries, balances and lots of a batch of postings.

Every posting has two legs that sum to zero: the owner's account, and one of the programme's own. An owner's
balance always equals its open lots, or, below zero, is a debt and no lot is open: the next points pay it first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from loyalty_core.kernel import Refusal, _


class AccountKind(StrEnum):
    """Whose account it is."""

    COMPANY = "company"
    PARTICIPANT = "participant"
    SALESPERSON = "salesperson"
    SYSTEM = "system"


class SystemAccount(StrEnum):
    """The programme's own accounts, the other leg of every posting."""

    ISSUED = "issued"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    ADJUSTED = "adjusted"


class PostingKind(StrEnum):
    """Why points move."""

    EARN = "earn"
    TAKE_BACK = "take_back"
    SPEND = "spend"
    GIVE_BACK = "give_back"
    EXPIRE = "expire"
    ADJUST = "adjust"


COUNTER_ACCOUNT: dict[PostingKind, SystemAccount] = {
    PostingKind.EARN: SystemAccount.ISSUED,
    PostingKind.TAKE_BACK: SystemAccount.ISSUED,
    PostingKind.SPEND: SystemAccount.REDEEMED,
    PostingKind.GIVE_BACK: SystemAccount.REDEEMED,
    PostingKind.EXPIRE: SystemAccount.EXPIRED,
    PostingKind.ADJUST: SystemAccount.ADJUSTED,
}

# A return of goods takes its points back even where they are spent already: what is missing is a debt.
MAY_LEAVE_DEBT = frozenset({PostingKind.TAKE_BACK})

# From the owner's side. An adjustment goes either way.
ONLY_ADDS = frozenset({PostingKind.EARN, PostingKind.GIVE_BACK})
ONLY_TAKES = frozenset({PostingKind.TAKE_BACK, PostingKind.SPEND, PostingKind.EXPIRE})


class NotEnoughPointsError(Refusal):
    """The balance does not cover what should be spent."""

    def __init__(self, account_id: UUID, balance: int, needed: int) -> None:
        super().__init__(
            _("The balance of {balance} points does not cover {needed}.").format(
                balance=balance, needed=needed
            )
        )
        self.account_id = account_id
        self.balance = balance
        self.needed = needed


@dataclass(frozen=True, slots=True)
class PostingDraft:
    """A posting as asked for. `points` are signed from the owner's side and never zero.

    `key` is unique per source: the same key moves points once. Raises ValueError for no points, or points of
    the wrong sign for the kind.
    """

    key: str
    account_id: UUID
    company_id: UUID
    kind: PostingKind
    points: int
    happened_at: datetime
    expires_on: date | None = None

    def __post_init__(self) -> None:
        if self.points == 0:
            raise ValueError("a posting moves at least one point")
        if (self.kind in ONLY_ADDS and self.points < 0) or (self.kind in ONLY_TAKES and self.points > 0):
            raise ValueError(f"{self.kind} can't move {self.points} points")


@dataclass(slots=True)
class OpenLot:
    """A lot with points left. `ref` is the database's id, or None while it is new in this batch."""

    ref: int | None
    posting_index: int | None
    points: int
    remaining: int
    expires_on: date | None


@dataclass(slots=True)
class AccountState:
    """An account while a batch runs over it. `lots` are its open lots, soonest expiry first."""

    account_id: UUID
    balance: int
    version: int
    lots: list[OpenLot] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Leg:
    """One entry: points onto an account, with what the account holds after it."""

    posting_index: int
    account_id: UUID
    company_id: UUID
    points: int
    balance_after: int
    account_version: int


@dataclass(slots=True)
class LotUse:
    """Points of a lot that a debit consumed, or that paid a debt as the lot came in."""

    lot: OpenLot
    posting_index: int
    company_id: UUID
    points: int


@dataclass(slots=True)
class Batch:
    """What a batch of postings comes to: legs, new lots and uses, each in the order of the drafts."""

    legs: list[Leg] = field(default_factory=list)
    new_lots: list[tuple[PostingDraft, OpenLot]] = field(default_factory=list)
    uses: list[LotUse] = field(default_factory=list)


def _soonest_expiry_first(lots: Iterable[OpenLot]) -> list[OpenLot]:
    return sorted(lots, key=lambda lot: (lot.expires_on is None, lot.expires_on or date.max))


def _credit(batch: Batch, state: AccountState, index: int, draft: PostingDraft) -> None:
    debt = max(0, -state.balance)
    lot = OpenLot(None, index, draft.points, max(0, draft.points - debt), draft.expires_on)
    batch.new_lots.append((draft, lot))
    if lot.remaining < lot.points:
        batch.uses.append(LotUse(lot, index, draft.company_id, lot.points - lot.remaining))
    if lot.remaining:
        state.lots = _soonest_expiry_first([*state.lots, lot])


def _debit(batch: Batch, state: AccountState, index: int, draft: PostingDraft) -> None:
    wanted = -draft.points
    if draft.kind not in MAY_LEAVE_DEBT and state.balance < wanted:
        raise NotEnoughPointsError(state.account_id, state.balance, wanted)
    for lot in state.lots:
        taken = min(lot.remaining, wanted)
        lot.remaining -= taken
        wanted -= taken
        batch.uses.append(LotUse(lot, index, draft.company_id, taken))
        if not wanted:
            break
    state.lots = [lot for lot in state.lots if lot.remaining]


def run_batch(
    drafts: Sequence[PostingDraft],
    owners: dict[UUID, AccountState],
    counters: dict[SystemAccount, AccountState],
) -> Batch:
    """Apply drafts in order to the accounts' states, which change in place, and return what to write.

    Raises NotEnoughPointsError at the first draft that would spend below zero.
    """
    batch = Batch()
    for index, draft in enumerate(drafts):
        owner, counter = owners[draft.account_id], counters[COUNTER_ACCOUNT[draft.kind]]
        if draft.points > 0:
            _credit(batch, owner, index, draft)
        else:
            _debit(batch, owner, index, draft)
        for state, points in ((owner, draft.points), (counter, -draft.points)):
            state.balance += points
            state.version += 1
            batch.legs.append(
                Leg(index, state.account_id, draft.company_id, points, state.balance, state.version)
            )
    return batch
