"""What the performance explorer shows: figures over time, by part, and the rows behind a bar."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from loyalty_core import programmes
from loyalty_core.kernel import Cell, Money, Scope, Sort, _, current_database
from loyalty_core.organisation import CompanyKind
from loyalty_core.programmes import Programme
from ui import explored, list_export, wording
from ui.elements import Figure
from ui.spans import Days, Span, Step, compared, covers, goal_of_days, spans, steps

MOST_PARTS = 10_000
# Beyond so many lines distinct receipts are estimated: counted one by one they would take seconds.
MOST_LINES_COUNTED_EXACTLY = 2_000_000
NOBODY = UUID(int=0)


class Measure(StrEnum):
    """What is measured."""

    SALES = "sales"
    RECEIPTS = "receipts"
    POINTS = "points"
    RETURNS = "returns"
    REWARDS = "rewards"


class Dimension(StrEnum):
    """What a measure is split by; the values are what the queries call them."""

    REGION = "region"
    PRODUCT_GROUP = "product_group"
    BRAND = "brand"
    PRODUCT = "product"
    COMPANY = "company"
    GROUP = "group"
    SALESPERSON = "salesperson"
    CATEGORY = "category"


OF_PRODUCTS = frozenset({Dimension.PRODUCT_GROUP, Dimension.BRAND, Dimension.PRODUCT})


def measure_titles() -> dict[str, str]:
    """Return the measures in words, in their order."""
    return {
        Measure.SALES: _("Sales"),
        Measure.RECEIPTS: _("Receipts"),
        Measure.POINTS: _("Points"),
        Measure.RETURNS: _("Returns"),
        Measure.REWARDS: _("Rewards"),
    }


def dimension_titles(measure: Measure) -> dict[str, str]:
    """Return what the measure can be split by, in words: rewards know no products, the others no category."""
    every = {
        Dimension.REGION: _("Region"),
        Dimension.PRODUCT_GROUP: _("Product group"),
        Dimension.BRAND: _("Brand"),
        Dimension.PRODUCT: _("Product"),
        Dimension.COMPANY: _("Company"),
        Dimension.GROUP: _("Participant group"),
        Dimension.SALESPERSON: _("Salesperson"),
        Dimension.CATEGORY: _("Reward category"),
    }
    left_out = OF_PRODUCTS if measure is Measure.REWARDS else {Dimension.CATEGORY}
    return {one: title for one, title in every.items() if one not in left_out}


def group_title(kind: str) -> str:
    """Return a participant group in words."""
    return {
        CompanyKind.DISTRIBUTOR.value: _("Distributors"),
        CompanyKind.WHOLESALER.value: _("Wholesalers"),
        CompanyKind.SERVICE_PROVIDER.value: _("Service providers"),
    }.get(kind, kind)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the reader narrowed the figures to; None in a part: all of it."""

    programme: Programme
    region_ids: tuple[UUID, ...] | None = None
    kind: str | None = None
    company_id: UUID | None = None
    salesperson_id: UUID | None = None
    product_group: str | None = None
    brand: str | None = None
    product_id: UUID | None = None
    category: str | None = None

    @property
    def of_companies(self) -> dict[str, object]:
        """The values that narrow companies."""
        return {
            "region_ids": self.region_ids,
            "kind": self.kind,
            "company_id": self.company_id,
            "salesperson_id": self.salesperson_id,
        }

    @property
    def of_products(self) -> dict[str, object]:
        """The values that narrow products."""
        return {"product_group": self.product_group, "brand": self.brand, "product_id": self.product_id}

    @property
    def of_orders(self) -> dict[str, object]:
        """The values that narrow orders of rewards."""
        return {
            "programme_id": self.programme.id,
            "region_ids": self.region_ids,
            "participant_group": self.kind,
            "company_id": self.company_id,
            "salesperson_id": self.salesperson_id,
            "category": self.category,
            "time_zone": self.programme.time_zone or "UTC",
        }

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the programme was chosen."""
        return self != Asked(self.programme)

    @property
    def names_products(self) -> bool:
        """Whether products are narrowed."""
        return any(value is not None for value in self.of_products.values())

    def narrowed_to(self, dimension: Dimension, key: str) -> "Asked":
        """Return the same with one part of a dimension: what is behind its bar."""
        if dimension is Dimension.REGION:
            return replace(self, region_ids=(UUID(key),))
        if dimension is Dimension.COMPANY:
            return replace(self, company_id=UUID(key))
        if dimension is Dimension.SALESPERSON:
            return replace(self, salesperson_id=UUID(key) if key else NOBODY)
        if dimension is Dimension.PRODUCT:
            return replace(self, product_id=UUID(key))
        if dimension is Dimension.PRODUCT_GROUP:
            return replace(self, product_group=key)
        if dimension is Dimension.BRAND:
            return replace(self, brand=key)
        if dimension is Dimension.CATEGORY:
            return replace(self, category=key)
        return replace(self, kind=key)


@dataclass(frozen=True, slots=True)
class Part:
    """One bar: a region, a brand and so on. Money is in minor units; `year_before` where it is asked."""

    key: str
    label: str
    value: int
    before: int
    year_before: int | None = None


def is_money(measure: Measure) -> bool:
    """Whether the measure is in minor units of the programme's currency."""
    return measure in {Measure.SALES, Measure.RETURNS, Measure.REWARDS}


def in_words(measure: Measure, value: int, currency: str, *, short: bool = False) -> str:
    """Return a value of the measure as text; `short` for narrow places."""
    if is_money(measure):
        amount = Money(value, currency)
        return wording.short_money(amount) if short else wording.money(amount)
    return wording.short_number(value) if short else wording.number(value)


def drawn(measure: Measure, value: int, currency: str) -> float:
    """Return a value as the height of a bar: money in major units."""
    return float(Money(value, currency).decimal) if is_money(measure) else float(value)


def count_lines(scope: Scope, asked: Asked, days: Days) -> int:
    """Return how many sales lines lie behind the figures."""
    return sum(int(row["lines"]) for row in _sales_over_time(scope, asked, days, Step.MONTH))


def is_estimated(
    scope: Scope, measure: Measure, asked: Asked, days: Days, dimension: Dimension | None
) -> bool:
    """Whether receipts are estimated: those of products, in many lines."""
    return (
        measure is Measure.RECEIPTS
        and (asked.names_products or dimension in OF_PRODUCTS)
        and count_lines(scope, asked, days) > MOST_LINES_COUNTED_EXACTLY
    )


def _span_of(days: Days) -> dict[str, object]:
    return {"since": days[0], "until": days[1]}


def _sales_over_time(scope: Scope, asked: Asked, days: Days, step: Step) -> explored.Rows:
    return explored.ask(
        scope,
        "sales_over_time",
        {
            "bucket": step.value,
            "currency": asked.programme.currency,
            **_span_of(days),
            **asked.of_companies,
            **asked.of_products,
        },
    )


def over_time(scope: Scope, measure: Measure, asked: Asked, days: Days, step: Step) -> dict[date, int]:
    """Return the measure of each step of the days that has any, by its first day."""
    common: dict[str, object] = {"bucket": step.value, **_span_of(days)}
    if measure in {Measure.SALES, Measure.RETURNS}:
        column = "amount_minor" if measure is Measure.SALES else "returned_minor"
        rows = _sales_over_time(scope, asked, days, step)
    elif measure is Measure.POINTS:
        column = "points"
        rows = explored.ask(
            scope,
            "points_over_time",
            {**common, "programme_id": asked.programme.id, **asked.of_companies, **asked.of_products},
        )
    elif measure is Measure.REWARDS:
        column = "cost_minor"
        rows = explored.ask(scope, "rewards_over_time", {**common, **asked.of_orders})
    else:
        column = "receipts"
        common |= {"currency": asked.programme.currency, **asked.of_companies}
        if asked.names_products:
            roughly = "_roughly" if is_estimated(scope, measure, asked, days, None) else ""
            rows = explored.ask(
                scope, f"receipts_of_products_over_time{roughly}", {**common, **asked.of_products}
            )
        else:
            rows = explored.ask(scope, "receipts_over_time", common)
    return {row["bucket"]: int(row[column]) for row in rows}


def spans_of(scope: Scope, programme: Programme, measure: Measure = Measure.SALES) -> list[Span]:
    """Return what can be looked at of a measure, the last thirteen weeks first; [] where nothing was sold.

    Sales are known up to the last day with one, orders of rewards up to today. Nothing is compared with days that
    have no data: before the first sale or order, before the programme where it gives the points, in whole months
    without any sale.
    """
    sold = sold_days(scope, programme)
    if sold is None:
        return []
    first, last = sold
    months = None
    if measure is Measure.REWARDS:
        last = max(last, wording.today())
        ordered = over_time(scope, measure, Asked(programme), (programme.starts_on, last), Step.DAY)
        first = min(ordered, default=last)
    else:
        months = {
            row["bucket"]
            for row in _sales_over_time(scope, Asked(programme), sold, Step.MONTH)
            if row["lines"]
        }
    known_since = max(first, programme.starts_on) if measure in {Measure.POINTS, Measure.REWARDS} else first
    return [
        compared(one, lambda days: covers(known_since, days, months))
        for one in spans(programme.starts_on, programme.ends_on, (sold[0], last))
    ]


@dataclass(frozen=True, slots=True)
class MeasureTotal:
    """A measure of a span, by step and in all, beside that of the days before and of the year before.

    `before` and `year_before` are None where nothing is compared.
    """

    by_step: Mapping[date, int]
    year_by_step: Mapping[date, int]
    total: int
    before: int | None
    year_before: int | None


def measured(scope: Scope, measure: Measure, asked: Asked, span: Span) -> MeasureTotal:
    """Return the measure of a span: the one figure that every page shows of it."""

    def of(days: Days | None) -> dict[date, int]:
        return over_time(scope, measure, asked, days, span.step) if days is not None else {}

    values, year = of((span.since, span.until)), of(span.year_before)
    return MeasureTotal(
        values,
        year,
        sum(values.values()),
        sum(of(span.before).values()) if span.before is not None else None,
        sum(year.values()) if span.year_before is not None else None,
    )


def change_in_words(found: MeasureTotal) -> str | None:
    """Return the change against the days before in percent; None where there is nothing to compare with."""
    return wording.change(found.total, found.before) if found.before is not None else None


def uncovered_in_words(span: Span) -> str | None:
    """Return why a span is not compared with the days before it; None where it is, or has none."""
    if span.uncovered is None:
        return None
    return _("no data for all of {first} – {last} to compare with").format(
        first=wording.day(span.uncovered[0]), last=wording.day(span.uncovered[1])
    )


@dataclass(frozen=True, slots=True)
class GoalAttainment:
    """Net sales of some of the programme's days beside the part of its goal that falls on them, in minor units."""

    sold_minor: int
    due_minor: int

    @property
    def share(self) -> float:
        """The part that is reached; above 1 where it is surpassed."""
        return self.sold_minor / self.due_minor


def goal_minor_of(scope: Scope, programme: Programme) -> int | None:
    """Return the programme's goal for net sales in minor units, for who sees all of its sales."""
    if not scope.sees_everything:
        return None
    with current_database().snapshot(scope) as connection:
        document = programmes.document_of(connection, scope, programme.id, programme.current_version)
    return document.goal_sales_minor


def goal_attainment(scope: Scope, programme: Programme, span: Span) -> GoalAttainment | None:
    """Return how far the goal is reached in the span, None where no goal falls on it.

    Days outside the programme have no goal: what was sold on them counts for neither side.
    """
    goal = goal_minor_of(scope, programme)
    days = max(span.since, programme.starts_on), min(span.until, programme.ends_on)
    if not goal or days[0] > days[1]:
        return None
    due = goal_of_days(goal, programme.starts_on, programme.ends_on, *days)
    if not due:
        return None
    return GoalAttainment(
        sum(over_time(scope, Measure.SALES, Asked(programme), days, span.step).values()), due
    )


def goal_figure(found: GoalAttainment, programme: Programme, span: Span) -> Figure:
    """Return the goal attainment as a figure that names its span."""
    is_whole = span.is_whole_programme
    due = in_words(Measure.SALES, found.due_minor, programme.currency, short=True)
    return Figure(
        _("Goal (whole programme)") if is_whole else _("Goal (this period)"),
        wording.percent(found.share),
        _("{goal} due by now").format(goal=due) if is_whole else _("{goal} for these days").format(goal=due),
        delta_color="off",
        help=_(
            "Net sales of the programme's days from {first} to {last}, against as many days' part of its goal,"
            " which is spread evenly over its days."
        ).format(
            first=wording.day(max(span.since, programme.starts_on)),
            last=wording.day(min(span.until, programme.ends_on)),
        ),
    )


def whole_programme(spans_to_choose: Sequence[Span]) -> Span | None:
    """Return the span of the whole programme among those to choose from."""
    return next((one for one in spans_to_choose if one.is_whole_programme), None)


def along(span: Days, step: Step, values: Mapping[date, int]) -> list[int]:
    """Return the values of every step of the days, 0 where there is none."""
    return [values.get(first, 0) for first in steps(*span, step)]


def parts(scope: Scope, measure: Measure, dimension: Dimension, asked: Asked, span: Span) -> list[Part]:
    """Return the measure by part, the largest first, beside the days before, and a year before for sales."""
    before = span.before or (None, None)
    last_year = span.year_before or (None, None)
    common: dict[str, object] = {
        "dimension": dimension.value,
        "since": span.since,
        "until": span.until,
        "before_since": before[0],
        "before_until": before[1],
        "limit": MOST_PARTS,
    }
    sold: dict[str, object] = {**asked.of_companies, **asked.of_products}
    year = None
    if measure in {Measure.SALES, Measure.RETURNS}:
        rows = explored.ask(
            scope,
            "sales_by",
            {
                **common,
                **sold,
                "currency": asked.programme.currency,
                "year_since": last_year[0],
                "year_until": last_year[1],
            },
        )
        now, then = ("amount_minor", "before_minor")
        if measure is Measure.RETURNS:
            now, then = ("returned_minor", "before_returned_minor")
        else:
            year = "year_minor"
    elif measure is Measure.POINTS:
        rows = explored.ask(scope, "points_by", {**common, **sold, "programme_id": asked.programme.id})
        now, then = ("points", "before_points")
    elif measure is Measure.REWARDS:
        rows = explored.ask(scope, "rewards_by", {**common, **asked.of_orders})
        now, then = ("cost_minor", "before_cost_minor")
    else:
        now, then = ("receipts", "before_receipts")
        counted = {**common, "currency": asked.programme.currency, **asked.of_companies}
        if asked.names_products or dimension in OF_PRODUCTS:
            days = (span.since, span.until)
            roughly = "_roughly" if is_estimated(scope, measure, asked, days, dimension) else ""
            rows = explored.ask(scope, f"receipts_of_products_by{roughly}", {**counted, **asked.of_products})
        else:
            rows = explored.ask(scope, "receipts_by", counted)
    found = [
        Part(
            row["key"] or "",
            part_label(dimension, row["label"] or ""),
            int(row[now]),
            int(row[then]),
            int(row[year]) if year else None,
        )
        for row in rows
    ]
    # What had nothing in all of the days is no part of them.
    found = [one for one in found if one.value or one.before or one.year_before]
    return sorted(found, key=lambda one: (-one.value, -one.before, one.label))


# From these on a company is worth a look: what it lost against the days before, and what came back of its sales.
FELL_BY = 0.2
RETURNED = 0.05


class Watch(StrEnum):
    """Which companies are worth a look."""

    FALLING = "falling"
    RETURNING = "returning"


def watch_titles() -> dict[str, str]:
    """Return what companies are worth a look for, in words."""
    return {
        Watch.FALLING: _("Falling sales"),
        Watch.RETURNING: _("Many returns"),
    }


@dataclass(frozen=True, slots=True)
class WatchedCompany:
    """A company with what it sold in a span and before, and what came back, in minor units."""

    company_id: UUID
    name: str
    sold_minor: int
    before_minor: int
    returned_minor: int


def watched(scope: Scope, asked: Asked, span: Span, watch: Watch) -> list[WatchedCompany]:
    """Return the companies that sold at least a fifth less than before, or that more than a twentieth came back of.

    The largest amounts come first. Where nothing is compared, none falls.
    """
    sold = {one.key: one for one in parts(scope, Measure.SALES, Dimension.COMPANY, asked, span)}
    back = {one.key: one for one in parts(scope, Measure.RETURNS, Dimension.COMPANY, asked, span)}
    found = [
        WatchedCompany(
            UUID(key),
            one.label,
            sold[key].value if key in sold else 0,
            sold[key].before if key in sold else 0,
            back[key].value if key in back else 0,
        )
        for key, one in {**back, **sold}.items()
    ]
    if watch is Watch.FALLING:
        falling = [
            one
            for one in found
            if span.before is not None
            and one.before_minor > 0
            and one.sold_minor <= (1 - FELL_BY) * one.before_minor
        ]
        return sorted(falling, key=lambda one: (one.sold_minor - one.before_minor, one.name))
    # Net sales are what is left after returns.
    many = [one for one in found if one.returned_minor > RETURNED * (one.sold_minor + one.returned_minor)]
    return sorted(many, key=lambda one: (-one.returned_minor, one.name))


def watched_table(found: Sequence[WatchedCompany], currency: str) -> dict[str, list[Any]]:
    """Return companies that are worth a look as columns."""
    return {
        _("Company"): [one.name for one in found],
        _("Net sales"): [wording.money(Money(one.sold_minor, currency)) for one in found],
        _("Before"): [wording.money(Money(one.before_minor, currency)) for one in found],
        _("Change"): [wording.change(one.sold_minor, one.before_minor) or "" for one in found],
        _("Returns"): [wording.money(Money(one.returned_minor, currency)) for one in found],
    }


def part_label(dimension: Dimension, label: str) -> str:
    """Return what a part is called: groups in words, and what stands for none."""
    if dimension is Dimension.GROUP:
        return group_title(label)
    if label:
        return label
    return {
        Dimension.BRAND: _("Without a brand"),
        Dimension.PRODUCT_GROUP: _("Without a group"),
        Dimension.SALESPERSON: _("Nobody is responsible"),
        Dimension.REGION: _("A region that you don't see"),
    }.get(dimension, _("Without a name"))


def companies(
    scope: Scope,
    asked: Asked,
    days: Days,
    before: Days | None,
    *,
    words: str = "",
    only_sold: bool = True,
    sort: Sort | None = None,
    limit: int,
    offset: int = 0,
) -> explored.Rows:
    """Return companies with what they sold, those with the most sales first."""
    values = companies_values(asked, days, before, words=words, only_sold=only_sold)
    return explored.ask(scope, "companies", {**values, "limit": limit, "offset": offset}, sort=sort)


def companies_values(
    asked: Asked, days: Days, before: Days | None, *, words: str = "", only_sold: bool = True
) -> dict[str, object]:
    """Return the values that find companies, but for which page of them."""
    return {
        **_of_companies(asked, days, words, only_sold),
        "before_since": before[0] if before else None,
        "before_until": before[1] if before else None,
    }


def company_sort_titles() -> dict[str, str]:
    """Return the columns that companies can be sorted by."""
    return {
        "name": _("Company"),
        "sales": _("Net sales"),
        "returns": _("Returns"),
        "points": _("Points"),
        "salesperson": _("Responsible"),
        "region": _("Region"),
    }


Listed = dict[str, Any]


def exported_companies(currency: str, *, has_before: bool) -> list_export.Columns[Listed]:
    """Return the columns of the exported list of companies."""
    columns: list[tuple[str, Callable[[Listed], Cell]]] = [
        (_("Code"), lambda row: row["code"]),
        (_("Company"), lambda row: row["name"]),
        (_("Net sales"), lambda row: Money(row["amount_minor"], currency).decimal),
    ]
    if has_before:
        columns.append((_("Before"), lambda row: Money(row["before_minor"], currency).decimal))
    return [
        *columns,
        (_("Returns"), lambda row: Money(row["returned_minor"], currency).decimal),
        (_("Currency"), lambda _row: currency),
        (_("Points"), lambda row: row["points"]),
        (_("Responsible"), lambda row: row["salesperson_name"]),
        (_("Region"), lambda row: row["region_name"]),
        (_("Id"), lambda row: row["company_id"]),
    ]


def count_companies(
    scope: Scope, asked: Asked, days: Days, *, words: str = "", only_sold: bool = True
) -> int:
    """Return how many companies `companies` would return in all."""
    (row,) = explored.ask(scope, "companies_count", _of_companies(asked, days, words, only_sold))
    return int(row["companies"])


def _of_companies(asked: Asked, days: Days, words: str, only_sold: bool) -> dict[str, object]:
    return {
        **_span_of(days),
        "currency": asked.programme.currency,
        "programme_id": asked.programme.id,
        **asked.of_companies,
        **asked.of_products,
        "words": words,
        "only_sold": only_sold,
    }


def count_sales_lines(scope: Scope, asked: Asked, days: Days, *, only_returns: bool) -> int:
    """Return how many lines `sales_lines` would return in all."""
    column = "return_lines" if only_returns else "lines"
    return sum(int(row[column]) for row in _sales_over_time(scope, asked, days, Step.MONTH))


def sales_lines(
    scope: Scope,
    asked: Asked,
    days: Days,
    *,
    only_returns: bool,
    sort: Sort | None = None,
    limit: int,
    offset: int,
) -> explored.Rows:
    """Return the lines behind the figures, those sold last first."""
    values = lines_values(asked, days, only_returns=only_returns)
    return explored.ask(scope, "sales_lines", {**values, "limit": limit, "offset": offset}, sort=sort)


def lines_values(asked: Asked, days: Days, *, only_returns: bool) -> dict[str, object]:
    """Return the values that find the lines behind the figures, but for which page of them."""
    return {
        **_span_of(days),
        "currency": asked.programme.currency,
        "programme_id": asked.programme.id,
        **asked.of_companies,
        **asked.of_products,
        "only_returns": only_returns,
    }


def line_sort_titles() -> dict[str, str]:
    """Return the columns that lines can be sorted by."""
    return {
        "sold": _("Sold"),
        "company": _("Company"),
        "invoice": _("Invoice"),
        "product": _("Product"),
        "quantity": _("Quantity"),
        "amount": _("Amount"),
    }


def exported_lines() -> list_export.Columns[Listed]:
    """Return the columns of the exported lines."""
    return [
        (_("Sold"), lambda row: row["sold_on"]),
        (_("Company code"), lambda row: row["company_code"]),
        (_("Company"), lambda row: row["company_name"]),
        (_("Invoice"), lambda row: row["invoice_no"]),
        (_("Product code"), lambda row: row["product_code"]),
        (_("Product"), lambda row: row["product_name"]),
        (_("Quantity"), lambda row: row["quantity"]),
        (_("Amount"), lambda row: Money(row["amount_minor"], row["currency"]).decimal),
        (_("Currency"), lambda row: row["currency"]),
        (_("Points"), lambda row: row["points"]),
        (_("Sheet"), lambda row: row["sheet"]),
        (_("Row"), lambda row: row["row_no"]),
        (_("Id"), lambda row: row["id"]),
    ]


def orders(
    scope: Scope, asked: Asked, days: Days, *, participant_id: UUID | None = None, limit: int, offset: int = 0
) -> explored.Rows:
    """Return orders of rewards, the newest first."""
    return explored.ask(
        scope,
        "reward_orders",
        {
            **_span_of(days),
            **asked.of_orders,
            "participant_id": participant_id,
            "limit": limit,
            "offset": offset,
        },
    )


def sold_days(scope: Scope, programme: Programme) -> Days | None:
    """Return the first and the last day with a sale in the programme's currency; None without one."""
    (row,) = explored.ask(scope, "sold_days", {"currency": programme.currency})
    return (row["first_sold_on"], row["last_sold_on"]) if row["first_sold_on"] is not None else None


def product_choices(scope: Scope, programme: Programme) -> tuple[list[str], list[str]]:
    """Return the product groups and the brands that were sold."""
    rows = explored.ask(scope, "product_choices", {"currency": programme.currency})
    return (
        sorted({row["product_group"] for row in rows if row["product_group"]}),
        sorted({row["brand"] for row in rows if row["brand"]}),
    )


def step_label(first: date, step: Step) -> str:
    """Return what a bar over time is called."""
    return wording.month(first) if step is Step.MONTH else wording.day_of_year(first)


def companies_table(rows: explored.Rows, currency: str, *, has_before: bool) -> dict[str, list[Any]]:
    """Return companies as columns."""
    table: dict[str, list[Any]] = {
        _("Company"): [row["name"] for row in rows],
        _("Net sales"): [wording.money(Money(row["amount_minor"], currency)) for row in rows],
    }
    if has_before:
        table[_("Change")] = [wording.change(row["amount_minor"], row["before_minor"]) or "" for row in rows]
    table |= {
        _("Returns"): [wording.money(Money(row["returned_minor"], currency)) for row in rows],
        _("Points"): [wording.number(row["points"]) for row in rows],
        _("Responsible"): [row["salesperson_name"] for row in rows],
        _("Region"): [row["region_name"] for row in rows],
        _("Code"): [row["code"] for row in rows],
    }
    return table


def lines_table(rows: explored.Rows) -> dict[str, list[Any]]:
    """Return sales lines as columns."""
    return {
        _("Sold"): [wording.day(row["sold_on"]) for row in rows],
        _("Company"): [row["company_name"] for row in rows],
        _("Invoice"): [row["invoice_no"] for row in rows],
        _("Product"): [row["product_name"] for row in rows],
        _("Quantity"): [wording.decimal(row["quantity"]) for row in rows],
        _("Amount"): [wording.money(Money(row["amount_minor"], row["currency"])) for row in rows],
        _("Points"): [wording.number(row["points"]) for row in rows],
    }


def order_state_title(state: str) -> str:
    """Return where an order stands, in words."""
    return {
        "awaiting_code": _("waits for its code"),
        "awaiting_finance": _("waits for finance"),
        "approved": _("approved"),
    }.get(state, state)


def orders_table(rows: explored.Rows) -> dict[str, list[Any]]:
    """Return orders of rewards as columns."""
    return {
        _("Order"): [f"R-{row['number']}" for row in rows],
        _("Ordered"): [wording.moment(row["ordered_at"]) for row in rows],
        _("For"): [row["participant_name"] for row in rows],
        _("Company"): [row["company_name"] for row in rows],
        _("Reward"): [row["reward_name"] for row in rows],
        _("Category"): [row["category"] for row in rows],
        _("Points"): [wording.number(row["points"]) for row in rows],
        _("Cost"): [wording.money(Money(row["cost_minor"], row["currency"])) for row in rows],
        _("State"): [order_state_title(row["state"]) for row in rows],
    }


def workbook_header(measure: Measure, dimension: str, *, has_before: bool, has_year: bool) -> list[str]:
    """Return the columns of the workbook of parts."""
    title = measure_titles()[measure]
    header = [dimension, title]
    if has_before:
        header.append(_("{measure} before").format(measure=title))
    if has_year:
        header.append(_("{measure} a year before").format(measure=title))
    return [*header, _("Currency")] if is_money(measure) else header


def workbook_rows(
    measure: Measure, found: Sequence[Part], currency: str, *, has_before: bool, has_year: bool
) -> Iterator[list[Cell]]:
    """Yield the rows of the workbook of parts."""

    def cell(value: int | None) -> int | Decimal | None:
        return Money(value, currency).decimal if value is not None and is_money(measure) else value

    for one in found:
        row: list[Cell] = [one.label, cell(one.value)]
        if has_before:
            row.append(cell(one.before))
        if has_year:
            row.append(cell(one.year_before))
        if is_money(measure):
            row.append(currency)
        yield row
