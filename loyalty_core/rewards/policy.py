"""What rewards and orders are, as values: what a draft must be, what a picture is, what an order's hash is made of."""

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from loyalty_core.kernel import Refusal, _
from loyalty_core.participants import ParticipantGroup

MOST_PICTURE_BYTES = 2 * 1024**2
# Far beyond any reward, and far below where a bigint ends.
MOST_POINTS_OF_REWARD = 10**9
MOST_COST_MINOR = 10**12
MOST_STOCK = 10**9
REASON_LENGTHS = (3, 1000)


class RewardKind(StrEnum):
    """What is handed over."""

    MERCHANDISE = "merchandise"
    E_VOUCHER = "e_voucher"
    E_REWARD = "e_reward"


class StockMovementKind(StrEnum):
    """Why a reward's stock moves."""

    SET = "set"
    HOLD = "hold"
    GIVE_BACK = "give_back"


@dataclass(frozen=True, slots=True)
class RewardDraft:
    """A reward as marketing writes it.

    `cost_minor` is in minor units of the programme's currency; `stock` None: without limit; `for_groups` None:
    for everybody; both dates inclusive.
    """

    programme_id: UUID
    code: str
    name: str
    kind: RewardKind
    category: str
    points: int
    cost_minor: int
    starts_on: date
    ends_on: date
    description: str = ""
    stock: int | None = None
    for_groups: frozenset[ParticipantGroup] | None = None
    picture_id: UUID | None = None


class RewardDraftRefused(Refusal):
    """The reward can't be like this; `faults` holds a sentence for each thing that is wrong."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class PictureRefused(Refusal):
    """The file is no picture that the catalogue takes."""


class ReasonMissingError(Refusal):
    """A rejection says nothing to the person whose order it is."""

    def __init__(self) -> None:
        super().__init__(
            _("Say why, in {least} to {most} characters: the person reads it beside the order.").format(
                least=REASON_LENGTHS[0], most=REASON_LENGTHS[1]
            )
        )


def reason_of(reason: str | None) -> str:
    """Return the reason without space around it. Raises ReasonMissingError."""
    words = (reason or "").strip()
    if not REASON_LENGTHS[0] <= len(words) <= REASON_LENGTHS[1]:
        raise ReasonMissingError
    return words


def _is_line(text: str, longest: int) -> bool:
    return 0 < len(text) <= longest and text == text.strip() and text.isprintable()


def check_stock(stock: int | None) -> None:
    """Refuse a stock below zero or beyond reason. Raises RewardDraftRefused."""
    if stock is not None and not 0 <= stock <= MOST_STOCK:
        raise RewardDraftRefused([_("The stock is a number of pieces from 0 up, or without limit.")])


def check_draft(draft: RewardDraft) -> None:
    """Refuse a draft with mistakes, all of them told at once. Raises RewardDraftRefused."""
    wrong = {
        _("The code is one line of 1 to 40 characters."): not _is_line(draft.code, 40),
        _("The name is one line of 1 to 120 characters."): not _is_line(draft.name, 120),
        _("The category is one line of 1 to 60 characters."): not _is_line(draft.category, 60),
        _("The description has at most 2,000 characters."): len(draft.description) > 2000,
        _("A reward costs at least 1 point, and at most {most}.").format(
            most=f"{MOST_POINTS_OF_REWARD:,}"
        ): not (1 <= draft.points <= MOST_POINTS_OF_REWARD),
        _("The money cost can't be below zero, nor beyond what a budget can hold."): not (
            0 <= draft.cost_minor <= MOST_COST_MINOR
        ),
        _("The last day lies before the first one."): draft.ends_on < draft.starts_on,
        _("Choose at least one group that may order it, or leave it open to all."): (
            draft.for_groups is not None and not draft.for_groups
        ),
        _("The stock is a number of pieces from 0 up, or without limit."): (
            draft.stock is not None and not 0 <= draft.stock <= MOST_STOCK
        ),
    }
    faults = [sentence for sentence, is_wrong in wrong.items() if is_wrong]
    if faults:
        raise RewardDraftRefused(faults)


def picture_type(data: bytes) -> str:
    """Return the media type of a JPEG, PNG or WebP picture of at most 2 MB, told by its first bytes.

    Raises PictureRefused.
    """
    if len(data) > MOST_PICTURE_BYTES:
        raise PictureRefused(_("This picture is larger than 2 MB. Save it smaller and try again."))
    if data[:3] == b"\xff\xd8\xff":
        return "image/jpeg"
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR":
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    raise PictureRefused(_("This is no JPEG, PNG or WebP picture, whatever its name says."))


def day_of(moment: datetime, time_zone: str | None) -> date:
    """Return the day that it is in the programme's zone; in UTC where the programme names none."""
    return moment.astimezone(ZoneInfo(time_zone or "UTC")).date()


@dataclass(frozen=True, slots=True)
class OrderPayload:
    """What finance decides about: everything of an order that was fixed when it was placed."""

    id: UUID
    number: int
    programme_id: UUID
    company_id: UUID
    participant_id: UUID
    requested_by: UUID
    entitlement_id: UUID | None
    account_id: UUID
    reward_id: UUID
    points: int
    cost_minor: int
    currency: str
    spend_posting_id: int
    ordered_at: datetime


def payload_hash(payload: OrderPayload) -> str:
    """Return the SHA-256, in hex, of what finance decides about.

    Ids count as their text, times as microseconds since 1970.
    """
    canonical = {
        name: _canonical(getattr(payload, name)) for name in sorted(OrderPayload.__dataclass_fields__)
    }
    return hashlib.sha256(json.dumps(canonical, ensure_ascii=False).encode()).hexdigest()


def _canonical(value: object) -> object:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return int(value.timestamp()) * 1_000_000 + value.microsecond
    return value
