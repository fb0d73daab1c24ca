"""Eighteen months of made-up sales, drawn for all partners at once.

The lines depend on the last day, the scale and the seed, and on nothing else, so a demo that was interrupted draws
the same again. Money is whole thousandths and cents until it is written.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loyalty_core.demo import market
from loyalty_core.demo.market import CURRENCY, DemoCompany, companies, products
from loyalty_core.organisation import CompanyKind

LINES = 150_000

COLUMNS = (
    *("company_code", "company_name", "region", "outlet_code", "invoice_no", "line_no", "product_code"),
    *("product_name", "brand", "product_group", "sold_at", "quantity", "unit_price", "amount", "currency"),
)

_SEED = 2026
_LINES_AN_INVOICE = 4.0
_MOST_LINES = 8
_WEEKDAYS = (1.0, 1.1, 1.1, 1.2, 1.5, 0.7, 0.1)
_INVOICE_PREFIX = {"PL": "FV", "RS": "RN", "GB": "INV", "ID": "FJ"}
_RETURNED = 0.028
_YEARLY_GROWTH = 0.18
_PACKS = np.array([6, 6, 12, 12, 24])
# How many cases a line has at most, beside the partner's size.
_CASES = {CompanyKind.DISTRIBUTOR: 14.0, CompanyKind.WHOLESALER: 7.0, CompanyKind.SERVICE_PROVIDER: 3.0}

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]


def eighteen_months(last_day: date, scale: float = 1.0) -> pl.DataFrame:
    """Return some 1,000 lines for each company, 150,000 at scale 1, by time: the columns of a sales file, and `day`.

    Columns are text as the file has them, except `day` (date), `units` and `cents` (int64), which say the same
    as `sold_at`, `quantity` and `amount` for who computes with them. 3 % are returns; (company_code, invoice_no,
    line_no) is unique.
    """
    chance = np.random.default_rng(_SEED)
    partners = companies(scale)
    first_day = market.first_day_of(last_day)
    days = [first_day + timedelta(days=n) for n in range((last_day - first_day).days + 1)]
    wanted = LINES * len(partners) / len(companies())
    invoices = round(wanted * (1 - _RETURNED) / _LINES_AN_INVOICE)
    chosen = _invoices(chance, partners, days, invoices)
    lines = _lines(chance, partners, days, *chosen)
    return _as_text(pl.concat([lines, _returns(chance, lines, partners, days)]), partners, days, series="")


def invoices_of(
    last_day: date, partners: Sequence[DemoCompany], count: int, *, series: str, days_back: int = 7
) -> pl.DataFrame:
    """Return so many invoices of the last days before `last_day`, numbered in a series of their own."""
    chance = np.random.default_rng([_SEED, 1])
    days = [last_day - timedelta(days=n) for n in reversed(range(days_back))]
    chosen = _invoices(chance, partners, days, count)
    return _as_text(_lines(chance, partners, days, *chosen), partners, days, series=series)


def _invoices(
    chance: np.random.Generator, partners: Sequence[DemoCompany], days: Sequence[date], count: int
) -> tuple[_Ints, _Ints]:
    """Draw whose invoices are written on which day: (partner's place, day's place), by day."""
    place = np.arange(len(days))
    weekday = np.array([_WEEKDAYS[day.weekday()] for day in days])
    years = place / 365.25
    ago = len(days) - 1 - place
    size = np.array([partner.size for partner in partners])[:, None]
    trend = np.array([partner.trend for partner in partners])[:, None]
    weights = size * weekday * np.maximum(0.1, 1 + trend * years) * (1 + _YEARLY_GROWTH * years)
    for row, partner in enumerate(partners):
        if partner.stops:
            stopped = market.STOPPED_DAYS_AGO[row % len(market.STOPPED_DAYS_AGO)]
            weights[row, ago < stopped] = 0
        if partner.opens_outlets:
            weights[row, ago < market.NEW_OUTLETS_DAYS_AGO] *= 3.2
    heap = np.cumsum(weights.T.ravel())
    cells = np.searchsorted(heap, np.sort(chance.random(count)) * heap[-1], side="right")
    day, whose = np.divmod(cells, len(partners))
    return whose.astype(np.int64), day.astype(np.int64)


def _lines(
    chance: np.random.Generator,
    partners: Sequence[DemoCompany],
    days: Sequence[date],
    whose: _Ints,
    day: _Ints,
) -> pl.DataFrame:
    """Draw what stands on each invoice: different goods by season, campaign and fame, in whole packs."""
    goods = products()
    size = np.array([partner.size for partner in partners])
    lift = _lift(days)
    weights = lift * np.array([article.weight for article in goods])
    # The largest of logarithm plus Gumbel noise are a weighted draw without putting back.
    noise = np.log(weights)[day] + chance.gumbel(size=(len(day), len(goods)))
    ordered = np.argsort(-noise, axis=1)[:, :_MOST_LINES]
    wide = np.minimum(_MOST_LINES, 1 + chance.poisson(_LINES_AN_INVOICE - 1, len(day)))
    taken = np.arange(_MOST_LINES) < wide[:, None]
    article = ordered[taken]
    invoice = np.repeat(np.arange(len(day)), wide)
    line_no = np.broadcast_to(np.arange(1, _MOST_LINES + 1), taken.shape)[taken]
    at, bought_on = whose[invoice], day[invoice]
    cases = np.array([_CASES[partner.kind] for partner in partners]) * (0.4 + 0.15 * size)
    price = np.array([int(one.price * 1000) for one in goods])
    # Dear goods go in smaller numbers.
    dear = np.maximum(0.12, np.minimum(1.0, 3000 / price))
    many = 1 + chance.random(len(invoice)) * cases[at] * dear[article] * np.sqrt(lift[bought_on, article])
    units = many.astype(np.int64) * _PACKS[chance.integers(len(_PACKS), size=len(invoice))]
    discount = (np.arange(len(partners)) * 7) % 15
    # List prices rise by two percent with the year.
    years = np.array([one.year - days[0].year for one in days])
    mills = (price[article] * (100 - discount[at]) * (100 + 2 * years[bought_on]) + 5_000) // 10_000
    return pl.DataFrame(
        {
            "partner": at,
            "day_no": bought_on,
            "minute": (480 + chance.integers(600, size=len(day)))[invoice],
            "outlet": _outlets(chance, partners, days, whose, day)[invoice],
            "invoice": invoice,
            "line_no": line_no,
            "article": article,
            "units": units,
            "mills": mills,
        }
    )


def _lift(days: Sequence[date]) -> _Floats:
    """Return how well each article sells each day, beside its usual: (days, articles)."""
    goods = products()
    month = np.array([day.month - 1 for day in days])
    seasons = np.array([market.SEASONS[article.group] for article in goods]).T[month]
    ago = np.arange(len(days))[::-1]
    begun, ended = market.CAMPAIGN_DAYS_AGO
    runs = (ago <= begun) & (ago >= ended)
    named = np.array([article.brand == market.CAMPAIGN_BRAND for article in goods])
    lift: _Floats = seasons * np.where(runs[:, None] & named, market.CAMPAIGN_LIFT, 1.0)
    return lift


def _outlets(
    chance: np.random.Generator,
    partners: Sequence[DemoCompany],
    days: Sequence[date],
    whose: _Ints,
    day: _Ints,
) -> _Ints:
    """Draw the outlet of each invoice; one that opened two more lately sells most through them."""
    many = np.array([partner.outlets for partner in partners])[whose]
    opens = np.array([partner.opens_outlets for partner in partners])[whose]
    is_new = opens & (len(days) - 1 - day < market.NEW_OUTLETS_DAYS_AGO) & (chance.random(len(day)) < 0.65)
    usual = 1 + (chance.random(len(day)) * many).astype(np.int64)
    return np.where(is_new, many + 1 + chance.integers(2, size=len(day)), usual)


def _returns(
    chance: np.random.Generator, lines: pl.DataFrame, partners: Sequence[DemoCompany], days: Sequence[date]
) -> pl.DataFrame:
    """Draw what comes back some days after it was sold, part of a line each, on an invoice of its own."""
    count = lines.height
    takes_back = np.array([partner.takes_back for partner in partners])[lines["partner"].to_numpy()]
    ago = len(days) - 1 - lines["day_no"].to_numpy()
    often = np.where(takes_back & (ago < market.MUCH_TAKEN_BACK_DAYS_AGO + 14), 0.7, _RETURNED)
    back_on = lines["day_no"].to_numpy() + chance.integers(3, 21, size=count)
    back = (chance.random(count) < often) & (back_on < len(days))
    part = np.where(takes_back, 1, chance.integers(2, 7, size=count))
    kept = lines.filter(pl.Series(back))
    return kept.with_columns(
        day_no=pl.Series(back_on[back]),
        units=-pl.max_horizontal(pl.lit(1, pl.Int64), pl.col("units") // pl.Series(part[back])),
        # After all that was sold: each an invoice of one line.
        invoice=pl.Series(np.arange(1, kept.height + 1) + int(lines["invoice"].max() or 0)),  # type: ignore[arg-type]
        line_no=pl.lit(1, pl.Int64),
    )


def _as_text(
    lines: pl.DataFrame, partners: Sequence[DemoCompany], days: Sequence[date], *, series: str
) -> pl.DataFrame:
    """Number the invoices of each partner and write every column as the file has it."""
    of_partner = pl.DataFrame(
        {
            "partner": range(len(partners)),
            "company_code": [one.code for one in partners],
            "company_name": [one.name for one in partners],
            "region": [one.area for one in partners],
            "prefix": [_INVOICE_PREFIX[one.country] for one in partners],
        }
    )
    of_article = pl.DataFrame(
        {
            "article": range(len(products())),
            "product_code": [one.code for one in products()],
            "product_name": [one.name for one in products()],
            "brand": [one.brand for one in products()],
            "product_group": [one.group for one in products()],
        }
    )
    mills = pl.col("units").abs() * pl.col("mills")
    lines = lines.sort("day_no", "minute", "invoice", "line_no").with_columns(
        cents=pl.col("units").sign() * ((mills + 5) // 10),
        number=pl.col("invoice").rle_id().rank("dense").over("partner"),
    )
    lines = (
        lines.join(
            pl.DataFrame({"day_no": range(len(days)), "day": days}), on="day_no", maintain_order="left"
        )
        .join(of_partner, on="partner", maintain_order="left")
        .join(of_article, on="article", maintain_order="left")
    )
    kind = pl.when(pl.col("units") < 0).then(pl.lit("R")).otherwise(pl.lit(""))
    return lines.select(
        "company_code",
        "company_name",
        "region",
        pl.format("{}-{}", "company_code", _padded(pl.col("outlet"), 2)).alias("outlet_code"),
        pl.format(
            "{}{}" + series + "-{}-{}",
            "prefix",
            kind,
            pl.col("day").dt.strftime("%y%m"),
            _padded(pl.col("number"), 4),
        ).alias("invoice_no"),
        pl.col("line_no").cast(pl.String),
        "product_code",
        "product_name",
        "brand",
        "product_group",
        pl.format(
            "{} {}:{}",
            pl.col("day").cast(pl.String),
            _padded(pl.col("minute") // 60, 2),
            _padded(pl.col("minute") % 60, 2),
        ).alias("sold_at"),
        pl.col("units").cast(pl.String).alias("quantity"),
        _decimal(pl.col("mills"), 3).alias("unit_price"),
        _decimal(pl.col("cents"), 2).alias("amount"),
        pl.lit(CURRENCY).alias("currency"),
        "day",
        "units",
        "cents",
    )


def _decimal(whole: pl.Expr, places: int) -> pl.Expr:
    """Write a whole number of the smallest unit with so many places."""
    step = 10**places
    sign = pl.when(whole < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    return pl.format("{}{}.{}", sign, whole.abs() // step, _padded(whole.abs() % step, places))


def _padded(whole: pl.Expr, places: int) -> pl.Expr:
    return whole.cast(pl.String).str.zfill(places)
