"""The programme document: what a programme is, as data that a person writes and Laurel versions.

A later kind of rule is a new optional key with the default None, which the canonical body leaves out:
documents applied before it keep their hash and their meaning.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal, Self
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    field_serializer,
    field_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from loyalty_core.kernel import Refusal, UnknownCurrencyError, _, minor_digits, ngettext, to_minor
from loyalty_core.programmes.yaml_tree import LONGEST_DOCUMENT, Fault, Place, Quoted, YamlTree, read_yaml

MOST_POINTS = 1_000_000
LARGEST_STEP_MINOR = 10**15
LARGEST_GOAL_MINOR = 10**16
LARGEST_POINT_VALUE = Decimal(1_000_000)
LONGEST_INACTIVITY_DAYS = 3650
LONGEST_TOLERANCE_DAYS = 31
LARGEST_TOLERANCE_UNITS = Decimal(1_000_000)
LARGEST_TOLERANCE_PERCENT = Decimal(50)
LARGEST_DECISION_MINOR = 10**15
LONGEST_OVERDUE_DAYS = 365
MOST_REASONS = 50
MOST_RULES = 200
FIRST_YEAR, LAST_YEAR = 1970, 2199


class Collects(StrEnum):
    """Whose account earns the points."""

    COMPANY = "company"
    PARTICIPANT = "participant"
    SALESPERSON = "salesperson"


class EarnsFrom(StrEnum):
    """What the rules run over."""

    SALES = "sales"
    CLAIMS = "claims"


# A participant is known for a claim only: a sales line names a company and no person.
SETTLED_PAIRS = frozenset(
    {
        (Collects.COMPANY, EarnsFrom.SALES),
        (Collects.COMPANY, EarnsFrom.CLAIMS),
        (Collects.PARTICIPANT, EarnsFrom.CLAIMS),
    }
)


class ProgrammeDocumentError(Refusal):
    """The document can't be taken; `faults` holds every mistake in the order of the document."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = sorted(set(faults))
        heading = ngettext(
            "The programme document has a mistake. Correct it and apply the document again.",
            "The programme document has {count} mistakes. Correct them and apply the document again.",
            len(self.faults),
        ).format(count=len(self.faults))
        super().__init__("\n".join([heading, *map(str, self.faults)]))


@dataclass(slots=True)
class _Reading:
    """What one validation has met so far, for checks that look at two places of the document."""

    currency: str | None = None
    rule_ids: set[str] = field(default_factory=set)


def _wrong(sentence: str) -> PydanticCustomError:
    return PydanticCustomError("document", "{sentence}", {"sentence": sentence})


def _text(value: object) -> object:
    if not isinstance(value, str):
        raise _wrong(_("This must be a text."))
    if not value.strip():
        raise _wrong(
            _("The value is missing. Write it behind the colon, or leave the line out if it is optional.")
        )
    return str(value).strip()


def _whole_number(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if (
        isinstance(value, str)
        and not isinstance(value, Quoted)
        and re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", value)
    ):
        return int(value)
    raise _wrong(_("This must be a whole number such as 1, without quotes, decimals or separators."))


def _decimal(value: object) -> object:
    if isinstance(value, Decimal):
        return value
    if (
        isinstance(value, str)
        and not isinstance(value, Quoted)
        and re.fullmatch(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,6})?", value)
    ):
        return Decimal(value)
    raise _wrong(_("This must be an amount such as 10.00: a decimal point, no quotes, no separators."))


def _date(value: object) -> object:
    if type(value) is date:
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise _wrong(_("There is no such day as {value}.").format(value=value)) from None
        if FIRST_YEAR <= day.year <= LAST_YEAR:
            return day
        raise _wrong(_("The year must be from {first} to {last}.").format(first=FIRST_YEAR, last=LAST_YEAR))
    raise _wrong(_("This must be a date such as 2026-01-31."))


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _code(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", value):
        raise _wrong(
            _("“{value}” can't be a code: use up to 64 letters a–z, digits and hyphens inside.").format(
                value=value
            )
        )
    return value


def _name(value: str) -> str:
    if len(value) > 200 or not value.isprintable():
        raise _wrong(_("A name is one line of up to 200 characters."))
    return value


Text = Annotated[str, BeforeValidator(_text)]
Code = Annotated[Text, AfterValidator(_code)]
Day = Annotated[date, BeforeValidator(_date)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _in_minor_units(amount: Decimal, info: ValidationInfo, most: int) -> Decimal:
    """Return the amount with its currency's decimals; refuse more of them, and what is not from 0 to `most`."""
    if amount <= 0:
        raise _wrong(_("The amount must be above zero."))
    currency = info.context.currency if isinstance(info.context, _Reading) else None
    if currency is None:
        return amount
    digits = minor_digits(currency)
    minor = amount.scaleb(digits)
    if minor != minor.to_integral_value():
        raise _wrong(
            ngettext(
                "{currency} has {count} decimal place; this amount has more.",
                "{currency} has {count} decimal places; this amount has more.",
                digits,
            ).format(currency=currency, count=digits)
        )
    if minor > most:
        raise _wrong(_("The amount is too large."))
    return amount.quantize(Decimal(1).scaleb(-digits))


class Award(_Part):
    """`points` for each whole `per_amount` (major units of the programme's currency), toward zero."""

    points: Annotated[int, BeforeValidator(_whole_number)]
    per_amount: Annotated[Decimal, BeforeValidator(_decimal)]

    @field_validator("points")
    @classmethod
    def _bounded(cls, points: int) -> int:
        if not 1 <= points <= MOST_POINTS:
            raise _wrong(_("Points must be from 1 to {most}.").format(most=MOST_POINTS))
        return points

    @field_validator("per_amount")
    @classmethod
    def _in_whole_minor_units(cls, per_amount: Decimal, info: ValidationInfo) -> Decimal:
        return _in_minor_units(per_amount, info, LARGEST_STEP_MINOR)

    @field_serializer("per_amount")
    def _as_text(self, per_amount: Decimal) -> str:
        return f"{per_amount:f}"


class Rule(_Part):
    """One rule: for what it looks at (`per`) and what it gives (`award`)."""

    id: Code
    per: Literal["line"]
    award: Award

    @field_validator("id")
    @classmethod
    def _once(cls, rule_id: str, info: ValidationInfo) -> str:
        if isinstance(info.context, _Reading):
            if rule_id in info.context.rule_ids:
                raise _wrong(
                    _("Another rule has the id “{id}” already: each needs its own.").format(id=rule_id)
                )
            info.context.rule_ids.add(rule_id)
        return rule_id


class Goals(_Part):
    """What a programme should reach: net `sales`, in major units, over its whole span, both days inclusive."""

    sales: Annotated[Decimal, BeforeValidator(_decimal)]

    @field_validator("sales")
    @classmethod
    def _in_whole_minor_units(cls, sales: Decimal, info: ValidationInfo) -> Decimal:
        return _in_minor_units(sales, info, LARGEST_GOAL_MINOR)

    @field_serializer("sales")
    def _as_text(self, sales: Decimal) -> str:
        return f"{sales:f}"


class RejectReason(_Part):
    """A reason that claims of the programme are rejected for, as the claimant reads it."""

    code: Code
    text: Annotated[Text, AfterValidator(_name)]


class VerificationRules(_Part):
    """How claims are compared with the reported sales, and who decides; what is left out has its default.

    A claim agrees with a sale within `tolerance_days` of its day and within the larger of `tolerance_units` and
    `tolerance_percent` of its units. Above `second_person_above` (major units of the programme's currency; None:
    never) a second person must agree, and nothing is approved by rule. A claim is overdue after
    `overdue_after_days`.
    """

    tolerance_days: Annotated[int, BeforeValidator(_whole_number)] = 3
    tolerance_units: Annotated[Decimal, BeforeValidator(_decimal)] = Decimal(0)
    tolerance_percent: Annotated[Decimal, BeforeValidator(_decimal)] = Decimal(0)
    second_person_above: Annotated[Decimal, BeforeValidator(_decimal)] | None = None
    overdue_after_days: Annotated[int, BeforeValidator(_whole_number)] = 3
    reject_reasons: tuple[RejectReason, ...] = ()

    @field_validator("tolerance_days")
    @classmethod
    def _days_apart(cls, days: int) -> int:
        if not 0 <= days <= LONGEST_TOLERANCE_DAYS:
            raise _wrong(_("Days must be from 0 to {most}.").format(most=LONGEST_TOLERANCE_DAYS))
        return days

    @field_validator("tolerance_units")
    @classmethod
    def _units_apart(cls, units: Decimal) -> Decimal:
        if not 0 <= units <= LARGEST_TOLERANCE_UNITS:
            raise _wrong(_("Units must be from 0 to {most}.").format(most=LARGEST_TOLERANCE_UNITS))
        return units

    @field_validator("tolerance_percent")
    @classmethod
    def _percent_apart(cls, percent: Decimal) -> Decimal:
        if not 0 <= percent <= LARGEST_TOLERANCE_PERCENT:
            raise _wrong(_("Percent must be from 0 to {most}.").format(most=LARGEST_TOLERANCE_PERCENT))
        return percent

    @field_validator("second_person_above")
    @classmethod
    def _in_whole_minor_units(cls, amount: Decimal | None, info: ValidationInfo) -> Decimal | None:
        return None if amount is None else _in_minor_units(amount, info, LARGEST_DECISION_MINOR)

    @field_validator("overdue_after_days")
    @classmethod
    def _some_days(cls, days: int) -> int:
        if not 1 <= days <= LONGEST_OVERDUE_DAYS:
            raise _wrong(_("Days must be from 1 to {most}.").format(most=LONGEST_OVERDUE_DAYS))
        return days

    @field_validator("reject_reasons")
    @classmethod
    def _each_once(cls, reasons: tuple[RejectReason, ...]) -> tuple[RejectReason, ...]:
        if len(reasons) > MOST_REASONS:
            raise _wrong(_("A programme keeps up to {most} reasons.").format(most=MOST_REASONS))
        if len({reason.code for reason in reasons}) < len(reasons):
            raise _wrong(_("Two reasons have the same code: each needs its own."))
        return reasons

    @field_serializer("tolerance_units", "tolerance_percent")
    def _without_zeros(self, value: Decimal) -> str:
        return f"{value.normalize():f}"

    @field_serializer("second_person_above")
    def _as_text(self, amount: Decimal | None) -> str | None:
        return None if amount is None else f"{amount:f}"


class ProgrammeDocument(_Part):
    """A programme: both dates inclusive; `time_zone` an IANA name, or None: a line's own local date counts.

    `point_value` is what one point is worth, in major units of the currency; `inactive_after_days` how long
    after the last sale a participant counts as inactive. Make one with `parse_document` or `from_body`: they
    check what concerns two places of the document, too.
    """

    code: Code
    name: Annotated[Text, AfterValidator(_name)]
    starts: Day
    ends: Day
    time_zone: Text | None = None
    currency: Text
    # Before `collects`, whose check looks at both.
    earns_from: EarnsFrom = EarnsFrom.SALES
    collects: Collects
    goals: Goals | None = None
    point_value: Annotated[Decimal, BeforeValidator(_decimal)] | None = None
    inactive_after_days: Annotated[int, BeforeValidator(_whole_number)] | None = None
    verification: VerificationRules | None = None
    rules: tuple[Rule, ...]

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """Return the document whose `canonical_body` this is. Raises ValueError when it is none."""
        return cls.model_validate(body, context=_Reading())

    @field_validator("ends")
    @classmethod
    def _not_before_start(cls, ends: date, info: ValidationInfo) -> date:
        starts = info.data.get("starts")
        if starts is not None and ends < starts:
            raise _wrong(
                _("The programme ends before it starts on {starts}.").format(starts=starts.isoformat())
            )
        return ends

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, time_zone: str | None) -> str | None:
        if time_zone is not None and time_zone not in _time_zones():
            raise _wrong(_("“{zone}” is not a time zone such as Europe/London.").format(zone=time_zone))
        return time_zone

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, currency: str, info: ValidationInfo) -> str:
        try:
            minor_digits(currency)
        except UnknownCurrencyError as error:
            raise _wrong(error.sentence) from None
        if isinstance(info.context, _Reading):
            info.context.currency = currency
        return currency

    @property
    def goal_sales_minor(self) -> int | None:
        """The net sales to reach over the whole span, in minor units of the currency."""
        return to_minor(self.goals.sales, self.currency) if self.goals else None

    @field_validator("collects")
    @classmethod
    def _settled_pair(cls, collects: Collects, info: ValidationInfo) -> Collects:
        earns_from = info.data.get("earns_from")
        if earns_from is None or (collects, earns_from) in SETTLED_PAIRS:
            return collects
        if collects is Collects.PARTICIPANT:
            raise _wrong(
                _(
                    "A participant can't collect from sales, which name no person: write “earns_from: claims”, "
                    "or let the company collect."
                )
            )
        raise _wrong(
            _(
                "Points for a {collects} can't be settled yet: “company” can collect, and from claims a "
                "“participant” too."
            ).format(collects=collects.value)
        )

    @field_validator("point_value")
    @classmethod
    def _worth_something(cls, point_value: Decimal | None) -> Decimal | None:
        if point_value is not None and not 0 < point_value <= LARGEST_POINT_VALUE:
            raise _wrong(_("What a point is worth must be above zero and at most 1000000."))
        return point_value

    @field_serializer("point_value")
    def _point_value_as_text(self, point_value: Decimal | None) -> str | None:
        # Without zeros at the end: 0.010 means what 0.01 means.
        return None if point_value is None else f"{point_value.normalize():f}"

    @field_validator("inactive_after_days")
    @classmethod
    def _some_days(cls, days: int | None) -> int | None:
        if days is not None and not 1 <= days <= LONGEST_INACTIVITY_DAYS:
            raise _wrong(_("Days must be from 1 to {most}.").format(most=LONGEST_INACTIVITY_DAYS))
        return days

    @field_validator("rules", mode="before")
    @classmethod
    def _some_rules(cls, rules: object) -> object:
        if isinstance(rules, list | tuple) and not 1 <= len(rules) <= MOST_RULES:
            raise _wrong(_("A programme has from 1 to {most} rules.").format(most=MOST_RULES))
        return rules


def parse_document(text: str) -> ProgrammeDocument:
    """Return the programme that the YAML text describes.

    Raises ProgrammeDocumentError, which names every mistake with its line and column.
    """
    tree = read_yaml(text)
    faults = list(tree.faults)
    document: ProgrammeDocument | None = None
    if tree.root is not None:
        try:
            document = ProgrammeDocument.model_validate(tree.root, context=_Reading())
        except ValidationError as error:
            faults += [_fault_of(detail, tree) for detail in error.errors(include_url=False)]
    if faults or document is None:
        raise ProgrammeDocumentError(faults)
    return document


def document_text(data: bytes) -> str:
    """Return the text of a document file, which is UTF-8. Raises ProgrammeDocumentError."""
    if len(data) > 4 * LONGEST_DOCUMENT:
        raise ProgrammeDocumentError(
            [Fault(Place(1, 1), _("The file is too large for a programme document. Is it the right one?"))]
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        place = Place(before.count(b"\n") + 1, len(before) - before.rfind(b"\n"))
        raise ProgrammeDocumentError(
            [Fault(place, _("This is not UTF-8 text. Save the file with the encoding UTF-8."))]
        ) from None


def canonical_body(document: ProgrammeDocument) -> dict[str, Any]:
    """Return the document as JSON values, defaults filled in, what is None left out, amounts as text.

    Two documents that mean the same have the same body.
    """
    return document.model_dump(mode="json", exclude_none=True)


def body_hash(body: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hex, of the body as JSON with sorted keys and no spaces, in UTF-8."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


_KNOWN_KEYS: dict[type[BaseModel], list[str]] = {
    part: list(part.model_fields)
    for part in (ProgrammeDocument, Goals, VerificationRules, RejectReason, Rule, Award)
}


def _part_at(path: tuple[str | int, ...]) -> type[BaseModel]:
    """Return the model whose keys stand at the path."""
    if not path:
        return ProgrammeDocument
    parts: dict[str, type[BaseModel]] = {"award": Award, "goals": Goals, "verification": VerificationRules}
    if path[:2] == ("verification", "reject_reasons"):
        return RejectReason
    return parts.get(path[-1], Rule) if isinstance(path[-1], str) else Rule


def _fault_of(detail: ErrorDetails, tree: YamlTree) -> Fault:
    path = detail["loc"]
    kind = detail["type"]
    if kind == "extra_forbidden":
        known = _KNOWN_KEYS[_part_at(path[:-1])]
        near = get_close_matches(str(path[-1]), known, n=1)
        if near:
            sentence = _("“{key}” is not known here. Did you mean “{near}”?").format(
                key=path[-1], near=near[0]
            )
        else:
            sentence = _("“{key}” is not known here. Known are: {known}.").format(
                key=path[-1], known=", ".join(known)
            )
        return Fault(tree.place_of(path, of_key=True), sentence)
    if kind == "missing":
        sentence = _("“{key}” is missing.").format(key=path[-1])
        return Fault(tree.place_of(path[:-1], of_key=True), sentence)
    if kind in {"enum", "literal_error"}:
        sentence = _("This must be one of: {expected}.").format(
            expected=str((detail.get("ctx") or {}).get("expected", "")).replace("'", "").replace(" or ", ", ")
        )
    elif kind in {"model_type", "model_attributes_type", "dict_type"}:
        sentence = _("A mapping of keys and values is expected here.")
    elif kind in {"tuple_type", "list_type"}:
        sentence = _("A list is expected here: begin each item with a hyphen.")
    else:
        sentence = detail["msg"]
    key = next((str(part) for part in reversed(path) if isinstance(part, str)), "")
    return Fault(tree.place_of(path), f"{key}: {sentence}" if key else sentence)
