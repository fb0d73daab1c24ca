"""From a programme document to SQL: one relation, `outcome`, that both scoring and explaining read.

The SQL is the portable part (no QUALIFY, PIVOT, ASOF, list functions; `//` of two bigints cuts toward zero in
DuckDB as `DIV` does in Spark). Its text depends on nothing but how many rules there are and whether the
programme has its own time zone; every value of a document is a bound parameter.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from loyalty_core.kernel import to_minor
from loyalty_core.programmes import ProgrammeDocument
from loyalty_core.scoring.policy import Unscored, day_begins

Parameter = int | str | date | datetime


@dataclass(frozen=True, slots=True)
class CompiledRules:
    """Rules as SQL over a relation `line` (sales_line_id, amount_minor, currency, sold_on, sold_at).

    - `awards`: (sales_line_id, rule_no, points, basis_minor), a row for each line and rule that gives points
    - `unscored`: (sales_line_id, reason), a row for each line that no rule gives anything
    - `outcomes`: (sales_line_id, rule_no, points, basis_minor, reason), a row for each line and rule;
      points is null where reason is not
    - `too_large`: (sales_line_id, rule_no) of the first awards beyond its parameter `largest_award`

    `rule_no` counts from 0 into `rule_ids`. Each query takes all `parameters`.
    """

    document: ProgrammeDocument
    rule_ids: tuple[str, ...]
    parameters: Mapping[str, Parameter]
    awards: str
    unscored: str
    outcomes: str
    too_large: str


_OUTCOME = """
with rule (rule_no, points, per_minor) as (values {rules}),
judged as (
    select
        sales_line_id,
        amount_minor,
        case
            when currency <> $currency then '{other_currency}'
            when {before_start} then '{before_start_reason}'
            when {after_end} then '{after_end_reason}'
            when amount_minor = 0 then '{zero_amount}'
        end as line_reason
    from line
),
outcome as (
    select
        judged.sales_line_id,
        judged.amount_minor,
        rule.rule_no,
        rule.points,
        rule.per_minor,
        judged.line_reason,
        case
            when judged.amount_minor > -rule.per_minor and judged.amount_minor < rule.per_minor
                then '{less_than_one_step}'
        end as rule_reason
    from judged cross join rule
)
"""

_AWARDS = """
select sales_line_id, rule_no, points * (amount_minor // per_minor) as points, amount_minor as basis_minor
from outcome
where line_reason is null and rule_reason is null
"""

_UNSCORED = """
select sales_line_id, min(coalesce(line_reason, rule_reason)) as reason
from outcome
group by sales_line_id
having count(*) = count(coalesce(line_reason, rule_reason))
"""

_OUTCOMES = """
select
    sales_line_id,
    rule_no,
    case
        when line_reason is null and rule_reason is null then points * (amount_minor // per_minor)
    end as points,
    amount_minor as basis_minor,
    coalesce(line_reason, rule_reason) as reason
from outcome
order by sales_line_id, rule_no
"""

_TOO_LARGE = """
select sales_line_id, rule_no
from outcome
where line_reason is null
    and rule_reason is null
    and (amount_minor // per_minor > $largest_award // points
        or amount_minor // per_minor < -($largest_award // points))
order by sales_line_id, rule_no
limit 5
"""

_BY_LOCAL_DATE = {"before_start": "sold_on < $starts_on", "after_end": "sold_on > $ends_on"}
_BY_MOMENT = {"before_start": "sold_at < $starts_at", "after_end": "sold_at >= $ended_at"}


def compile_rules(document: ProgrammeDocument) -> CompiledRules:
    """Return the document's rules as SQL and parameters.

    A line's day is its own `sold_on`; if the programme has a time zone, the day of `sold_at` there.
    """
    parameters: dict[str, Parameter] = {"currency": document.currency}
    if document.time_zone is None:
        parameters |= {"starts_on": document.starts, "ends_on": document.ends}
    else:
        parameters |= {
            "starts_at": day_begins(document.starts, document.time_zone),
            "ended_at": day_begins(document.ends + timedelta(days=1), document.time_zone),
        }
    rows = []
    for number, rule in enumerate(document.rules):
        points, per_minor = f"cast($points_{number} as bigint)", f"cast($per_minor_{number} as bigint)"
        rows.append(f"(cast({number} as smallint), {points}, {per_minor})")
        parameters[f"points_{number}"] = rule.award.points
        parameters[f"per_minor_{number}"] = to_minor(rule.award.per_amount, document.currency)
    days = _BY_LOCAL_DATE if document.time_zone is None else _BY_MOMENT
    outcome = _OUTCOME.format(
        rules=", ".join(rows),
        **days,
        other_currency=Unscored.OTHER_CURRENCY.value,
        before_start_reason=Unscored.BEFORE_START.value,
        after_end_reason=Unscored.AFTER_END.value,
        zero_amount=Unscored.ZERO_AMOUNT.value,
        less_than_one_step=Unscored.LESS_THAN_ONE_STEP.value,
    )
    return CompiledRules(
        document=document,
        rule_ids=tuple(rule.id for rule in document.rules),
        parameters=parameters,
        awards=outcome + _AWARDS,
        unscored=outcome + _UNSCORED,
        outcomes=outcome + _OUTCOMES,
        too_large=outcome + _TOO_LARGE,
    )
