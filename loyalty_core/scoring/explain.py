"""What each rule made of one line, in words."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from loyalty_core.kernel import Money, _, current_locale, ngettext, to_minor
from loyalty_core.programmes import ProgrammeDocument, Rule
from loyalty_core.scoring.compiler import CompiledRules
from loyalty_core.scoring.engine import ScoringEngine
from loyalty_core.scoring.policy import Unscored


@dataclass(frozen=True, slots=True)
class LineToExplain:
    """What scoring reads of a sales line; `sold_at` is timezone-aware, `sold_on` the line's own local day.

    `is_claim`: the amount is what a claim has of the line, and `sales_line_id` the claim's number.
    """

    sales_line_id: int
    amount_minor: int
    currency: str
    sold_on: date
    sold_at: datetime
    is_claim: bool = False


@dataclass(frozen=True, slots=True)
class RuleExplanation:
    """What one rule of one version made of a line: `points` (never 0) or a `reason`, and a sentence."""

    rule_id: str
    version: int
    points: int | None
    reason: Unscored | None
    sentence: str


def explain_line(
    engine: ScoringEngine, rules: CompiledRules, version: int, line: LineToExplain
) -> list[RuleExplanation]:
    """Return what each rule gives the line, found by the SQL that scores, in the order of the rules."""
    frame = pa.table(
        {
            "sales_line_id": pa.array([line.sales_line_id], pa.int64()),
            "amount_minor": pa.array([line.amount_minor], pa.int64()),
            "currency": pa.array([line.currency], pa.string()),
            "sold_on": pa.array([line.sold_on], pa.date32()),
            "sold_at": pa.array([line.sold_at], pa.timestamp("us", "UTC")),
        }
    )
    by_id = {rule.id: rule for rule in rules.document.rules}
    explanations = []
    for row in engine.outcomes(rules, frame).to_pylist():
        reason = Unscored(row["reason"]) if row["reason"] else None
        rule = by_id[row["rule_id"]]
        if reason is None:
            sentence = _award_sentence(rules.document, rule, version, line, row["points"])
        else:
            sentence = _reason_sentence(rules.document, rule, line, reason)
        explanations.append(RuleExplanation(rule.id, version, row["points"], reason, sentence))
    return explanations


def _award_sentence(
    document: ProgrammeDocument, rule: Rule, version: int, line: LineToExplain, points: int
) -> str:
    steps = abs(line.amount_minor) // to_minor(rule.award.per_amount, document.currency)
    gives = ngettext(
        "Rule “{rule}”, version {version}, gives {each} point for each whole {step}.",
        "Rule “{rule}”, version {version}, gives {each} points for each whole {step}.",
        rule.award.points,
    ).format(
        rule=rule.id,
        version=version,
        each=_number(rule.award.points),
        step=_money(to_minor(rule.award.per_amount, document.currency), document.currency),
    )
    amount = _money(abs(line.amount_minor), line.currency)
    if line.is_claim:
        holds = ngettext(
            "The claim's {amount} hold {steps} of them: {points} point.",
            "The claim's {amount} hold {steps} of them: {points} points.",
            points,
        )
    elif points > 0:
        holds = ngettext(
            "The line's {amount} hold {steps} of them: {points} point.",
            "The line's {amount} hold {steps} of them: {points} points.",
            points,
        )
    else:
        holds = ngettext(
            "The return's {amount} hold {steps} of them: {points} point is taken back.",
            "The return's {amount} hold {steps} of them: {points} points are taken back.",
            -points,
        )
    return f"{gives} {holds.format(amount=amount, steps=_number(steps), points=_number(abs(points)))}"


def _reason_sentence(document: ProgrammeDocument, rule: Rule, line: LineToExplain, reason: Unscored) -> str:
    zone = document.time_zone
    sold_on = _day(line.sold_on if zone is None else line.sold_at.astimezone(ZoneInfo(zone)).date())
    if reason is Unscored.OTHER_CURRENCY:
        return _("The line is in {currency}; the programme counts {own} only.").format(
            currency=line.currency, own=document.currency
        )
    if reason is Unscored.BEFORE_START:
        return _("The line was sold on {day}, before the programme's first day, {first}.").format(
            day=sold_on, first=_day(document.starts)
        )
    if reason is Unscored.AFTER_END:
        return _("The line was sold on {day}, after the programme's last day, {last}.").format(
            day=sold_on, last=_day(document.ends)
        )
    if reason is Unscored.ZERO_AMOUNT:
        return _("The line's amount is zero.")
    less = (
        _("The claim's {amount} are less than the {step} that rule “{rule}” asks for.")
        if line.is_claim
        else _("The line's {amount} are less than the {step} that rule “{rule}” asks for.")
    )
    return less.format(
        amount=_money(line.amount_minor, line.currency),
        step=_money(to_minor(rule.award.per_amount, document.currency), document.currency),
        rule=rule.id,
    )


def _day(day: date) -> str:
    return format_date(day, format="medium", locale=current_locale.get())


def _number(number: int) -> str:
    return format_decimal(number, locale=current_locale.get())


def _money(minor: int, currency: str) -> str:
    return format_currency(Money(minor, currency).decimal, currency, locale=current_locale.get())
