"""Cells as they stand in a file become canonical text that PostgreSQL's COPY takes as it is."""

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cache

import polars as pl

from .moments import FIRST_DAY_1900, LANGUAGES, moment_of, without_marks
from .orders import ColumnOrder, FileRefused

BEYOND_LAST_COLUMN = "beyond_last_column"
"""Under this name `unreadable` keeps what a row holds to the right of the last header."""

RAW_TEXT_LENGTH = 200
EARLIEST_YEAR, LATEST_YEAR = 1900, 2199
WHOLE_DIGITS, FRACTION_DIGITS = 18, 20

_DATE_CELL_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S%.f")

_NUMBER = re.compile(r"(?P<sign>[+-]?)(?P<whole>\d*)(?:\.(?P<fraction>\d*))?(?:[eE](?P<power>[+-]?\d{1,3}))?")
_SPACES = "\u0020\u00a0\u2007\u2009\u202f"
_DIGITS = "0123456789.,"
_AROUND = re.compile(
    r"(?P<before>[^\s\d.,()%+-]{1,5}\.?)?\s*(?P<number>[-+(.,\d].*?)\s*(?P<behind>[^\s\d.,()%+-]{1,5}\.?)?",
    re.DOTALL,
)
_LONGEST_NUMBER = 80
# A private mark: one group alone could be a fraction.
_AT_LEAST_TWO = "\ue000"


@dataclass(frozen=True)
class NumberStyle:
    """How a file writes numbers."""

    decimal: str = "."
    thousands: str | None = None


@dataclass(frozen=True)
class TimeStyle:
    """How a file writes times: strptime formats tried in order, and the zone of those without an offset."""

    formats: tuple[str, ...]
    zone: str
    first_day: datetime = FIRST_DAY_1900
    """The day that serial numbers of days count from."""


def column_style(column: ColumnOrder, of_file: NumberStyle) -> NumberStyle:
    """Return how the column writes numbers: its own way where the mapping names one, else the file's."""
    if column.decimal_separator is None:
        return of_file
    return NumberStyle(column.decimal_separator, column.thousands_separator)


def read_number(raw: str, style: NumberStyle) -> str | None:
    """Return the exact decimal that the text stands for, shortest form, or None where it is no number.

    Accepts a sign before or behind, parentheses for a negative, a currency's sign or code on either side, a
    percent sign (12% is 0.12, as a spreadsheet stores it), thousands separators in threes, a power of ten; at most
    18 digits before and 20 after the point. Spaces and apostrophes part thousands whatever the style says, and so
    does the sign that is not the decimal one where that cannot be misread: 1,234.50 and 1,234,567, but not 1,234.
    Never passes through a float.
    """
    if len(raw) > _LONGEST_NUMBER:
        return None
    peeled = _peeled(raw.strip().replace("\u2212", "-"))
    if peeled is None:
        return None
    text, is_negative, is_percent = peeled
    whole, mark, rest = text.partition(style.decimal)
    if not whole.isdigit():
        separators = next((one for one in _separators(style, bool(mark)) if _is_grouped(whole, one)), None)
        if separators is not None:
            whole = re.sub(f"[{re.escape(separators)}]", "", whole)
    text = whole + mark + rest
    if style.decimal != ".":
        if "." in text:
            return None
        text = text.replace(style.decimal, ".")
    match = _NUMBER.fullmatch(text) if text.isascii() else None
    if match is None or not (match["whole"] or match["fraction"]) or abs(int(match["power"] or 0)) > 40:
        return None
    try:
        value = Decimal(text).scaleb(-2) if is_percent else Decimal(text)
    except InvalidOperation:
        return None
    plain = _shortest(format(value, "f"))
    return f"-{plain}" if is_negative and plain not in (None, "0") else plain


def _peeled(text: str) -> tuple[str, bool, bool] | None:
    """Take sign, parentheses, currency and percent off a number, each at most once: (digits, negative, percent)."""
    signs: set[str] = set()
    currencies = percents = 0
    # A digit behind a letter belongs to a word, but for a power of ten: 1e5.
    while text and not (
        text[0] in _DIGITS and text[-1] in _DIGITS and (text[-2:-1] in "eE" or not text[-2:-1].isalpha())
    ):
        if text[0] == "(" and text[-1] == ")":
            text = text[1:-1].strip()
            if signs:
                return None
            signs.add("(")
        elif text[0] in "+-" or text[-1] in "+-":
            at_front = text[0] in "+-"
            if signs:
                return None
            signs.add(text[0] if at_front else text[-1])
            text = text[1:].lstrip() if at_front else text[:-1].rstrip()
        elif text[-1] == "%":
            percents += 1
            text = text[:-1].rstrip()
        else:
            match = _AROUND.fullmatch(text)
            words = [] if match is None else [one for one in match.group("before", "behind") if one]
            if match is None or len(words) != 1 or not is_currency(words[0]):
                return None
            currencies += 1
            text = match["number"].strip()
        if currencies > 1 or percents > 1:
            return None
    return text, bool(signs & {"-", "("}), percents > 0


def is_currency(word: str) -> bool:
    """Whether a word is a currency's sign, its ISO 4217 code, or what it is called beside amounts."""
    if len(word) == 1 and unicodedata.category(word) == "Sc":
        return True
    return word.rstrip(".") in _currencies()


@cache
def _currencies() -> frozenset[str]:
    from babel import Locale
    from babel.core import get_global

    words = {*get_global("all_currencies"), "zl", "din", "дин", "kr", "Rp", "EURO", "Euro", "euro"}
    for language in LANGUAGES:
        words.update(str(sign).rstrip(".") for sign in Locale.parse(language).currency_symbols.values())
    return frozenset(words)


def _separators(style: NumberStyle, has_fraction: bool) -> Iterator[str]:
    """Yield the signs that may part thousands, set by set."""
    if style.thousands is not None and style.thousands not in " '’":
        yield style.thousands
    yield _SPACES
    yield "'’"
    if style.thousands is None:
        yield ("," if style.decimal == "." else ".") + ("" if has_fraction else _AT_LEAST_TWO)


def _is_grouped(whole: str, separators: str) -> bool:
    at_least = 2 if separators.endswith(_AT_LEAST_TWO) else 1
    signs = separators.removesuffix(_AT_LEAST_TWO)
    return re.fullmatch(rf"\d{{1,3}}(?:[{re.escape(signs)}]\d{{3}}){{{at_least},}}", whole) is not None


def _shortest(plain: str) -> str | None:
    negative = plain.startswith("-")
    whole, _, fraction = plain.lstrip("+-").partition(".")
    whole, fraction = whole.lstrip("0") or "0", fraction.rstrip("0")
    if len(whole) > WHOLE_DIGITS or len(fraction) > FRACTION_DIGITS:
        return None
    short = f"{whole}.{fraction}" if fraction else whole
    return f"-{short}" if negative and short != "0" else short


def _mapped(series: pl.Series, function_of_unique: dict[str, str | None]) -> pl.Series:
    old = pl.Series(list(function_of_unique), dtype=pl.String)
    new = pl.Series(list(function_of_unique.values()), dtype=pl.String)
    return series.replace_strict(old, new, default=None, return_dtype=pl.String)


def numbers(series: pl.Series, style: NumberStyle) -> pl.Series:
    """Return `read_number` of every cell; the plain ones, which are nearly all, without leaving polars."""
    point = re.escape(style.decimal)
    plain = series.str.contains(rf"^-?[0-9]{{1,18}}(?:{point}[0-9]{{1,20}})?$")
    text = series
    if style.thousands in (",", ".") and not plain.all():
        comma = re.escape(style.thousands)
        grouped = series.str.contains(
            rf"^-?[0-9]{{1,3}}(?:{comma}[0-9]{{3}}){{1,5}}(?:{point}[0-9]{{1,20}})?$"
        )
        text = pl.select(
            pl.when(grouped).then(text.str.replace_all(style.thousands, "", literal=True)).otherwise(text)
        ).to_series()
        plain = plain | grouped
    odd = series.filter(~plain).unique().drop_nulls()
    if style.decimal != ".":
        text = text.str.replace(style.decimal, ".", literal=True)
    text = pl.select(
        pl.when(text.str.contains(".", literal=True))
        .then(text.str.strip_chars_end("0").str.strip_chars_end("."))
        .otherwise(text)
    ).to_series()
    if text.str.contains(r"^-?0[0-9]|^-0$").any():
        text = text.str.replace(r"^(-?)0+([0-9])", "${1}${2}").replace("-0", "0")
    if odd.len() == 0:
        return text
    other = _mapped(series, {raw: read_number(raw, style) for raw in odd.to_list()})
    return pl.select(pl.when(plain).then(text).otherwise(other)).to_series()


def _utc_text(times: pl.Series, zone: str) -> pl.Series:
    local = times.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return _formatted(local.dt.convert_time_zone("UTC"))


def _formatted(times: pl.Series) -> pl.Series:
    sane = times.dt.year().is_between(EARLIEST_YEAR, LATEST_YEAR)
    return pl.select(
        pl.when(sane).then(times.dt.strftime("%Y-%m-%d %H:%M:%S%.f+00")).otherwise(None)
    ).to_series()


def _times_of_text(unique: pl.Series, style: TimeStyle) -> pl.Series:
    done = _times_by_format(unique, style)
    left = unique.filter(done.is_null() & unique.is_not_null())
    if left.len() == 0:
        return done
    # Few texts come here, and each once: what no format fits may have a month's name or marks around it.
    plain = pl.Series([without_marks(text) for text in left.to_list()], dtype=pl.String)
    by_format = _times_by_format(plain, style)
    moments = pl.Series(
        [moment_of(text, style.first_day) for text in left.to_list()], dtype=pl.Datetime("us")
    )
    found = by_format.fill_null(_utc_text(moments, style.zone))
    return done.fill_null(unique.replace_strict(left, found, default=None, return_dtype=pl.String))


def _times_by_format(unique: pl.Series, style: TimeStyle) -> pl.Series:
    done = pl.repeat(None, unique.len(), dtype=pl.String, eager=True)
    for one in style.formats:
        with_offset = "%z" in one or "%:z" in one or "%#z" in one
        parsed = unique.str.to_datetime(one, strict=False, exact=True, time_unit="us")
        text = _formatted(parsed) if with_offset else _utc_text(parsed, style.zone)
        done = done.fill_null(text)
        if done.null_count() == 0:
            break
    return done


def times(series: pl.Series, style: TimeStyle) -> pl.Series:
    """Return every cell as a timestamptz text in UTC; null where no format fits or the local time never was.

    Of a local time that was twice, the earlier one is meant. Naive datetimes (date cells of a workbook) are
    local times too; they are rounded to the millisecond, as far as a workbook's day fractions are exact.
    """
    if series.dtype == pl.Date:
        series = series.cast(pl.Datetime("us"))
    unique = series.unique()
    if isinstance(series.dtype, pl.Datetime):
        whole = unique.cast(pl.Datetime("us")).dt.round("1ms")
        second = whole.dt.round("1s")
        near = (whole - second).dt.total_milliseconds().abs() <= 1
        text = _utc_text(pl.select(pl.when(near).then(second).otherwise(whole)).to_series(), style.zone)
    else:
        text = _times_of_text(unique, style)
    return series.replace_strict(unique, text, default=None, return_dtype=pl.String)


def as_text(series: pl.Series) -> pl.Series:
    """Return cells of any type as trimmed text: whole floats without a point, nothing for white space."""
    dtype = series.dtype
    if dtype == pl.Null:
        return series.cast(pl.String)
    if dtype.is_float():
        unique = series.unique().drop_nulls()
        words = {value: _float_text(value) for value in unique.to_list()}
        return series.replace_strict(
            unique, pl.Series(list(words.values()), dtype=pl.String), default=None, return_dtype=pl.String
        )
    if dtype == pl.Boolean:
        return pl.select(pl.when(series).then(pl.lit("true")).when(~series).then(pl.lit("false"))).to_series()
    if isinstance(dtype, pl.Datetime):
        return series.dt.strftime("%Y-%m-%d %H:%M:%S%.f")
    text = series if dtype == pl.String else series.cast(pl.String)
    text = text.str.strip_chars()
    return text.set(text == "", None) if (text == "").any() else text


def _float_text(value: float) -> str | None:
    """The shortest decimal that reads back as this float: 2.55, not 2.5499999999999998."""
    if value != value or value in (float("inf"), float("-inf")):
        return None
    return _shortest(format(Decimal(repr(value)), "f")) or repr(value)


def _one_line(series: pl.Series) -> pl.Series:
    # A line break within a cell is layout; as a space it survives COPY, exports and comparison alike.
    if series.str.contains(r"[\r\n]").any():
        return series.str.replace_all(r"\s*[\r\n]+\s*", " ")
    return series


def canonical_frame(
    raw: pl.DataFrame,
    row_numbers: pl.Series,
    sheet: str | None,
    columns: Sequence[ColumnOrder],
    positions: dict[str, int],
    number_style: NumberStyle | None,
    time_style: TimeStyle,
    overflow: int | None,
    from_workbook: bool = False,
) -> pl.DataFrame:
    """Return one row for every raw row that is not blank: row_no, sheet, the canonical columns, unreadable.

    `positions` gives the raw column of each mapped canonical column, `overflow` the raw column that holds
    what stood beyond the last header. Without a `number_style` all numbers carry a point already. In a
    workbook's column that mixes date cells with texts, the date cells have become ISO texts. FileRefused where a
    workbook's cell holds a NUL, which PostgreSQL has no text for.
    """
    if from_workbook:
        _refuse_nul(raw, row_numbers, sheet)
        time_style = replace(time_style, formats=(*_DATE_CELL_FORMATS, *time_style.formats))
    made: list[pl.Series] = [
        row_numbers.alias("row_no"),
        pl.repeat(sheet, raw.height, dtype=pl.String, eager=True),
    ]
    made[1] = made[1].alias("sheet")
    failures: dict[str, tuple[pl.Series, pl.Series]] = {}
    any_filled = pl.repeat(False, raw.height, dtype=pl.Boolean, eager=True)
    for column in columns:
        if column.name not in positions:
            made.append(
                pl.repeat(column.constant, raw.height, dtype=pl.String, eager=True).alias(column.name)
            )
            continue
        cells = raw.to_series(positions[column.name])
        text = as_text(cells)
        filled = text.is_not_null()
        any_filled = any_filled | filled
        if column.kind == "number":
            # What a workbook holds as a number is written with a point, whatever the mapping says of texts.
            plain = not cells.dtype.is_numeric()
            style = column_style(column, number_style) if plain and number_style else NumberStyle()
            value = numbers(text, style)
        elif column.kind == "timestamp":
            is_time = isinstance(cells.dtype, pl.Datetime) or cells.dtype == pl.Date
            value = times(cells if is_time else text, time_style)
        else:
            value = _one_line(text)
            if column.constant is not None:
                value = value.fill_null(column.constant)
        failed = filled & value.is_null()
        if failed.any():
            failures[column.name] = (failed, text)
        made.append(value.alias(column.name))
    if overflow is not None:
        text = as_text(raw.to_series(overflow))
        if text.null_count() < text.len():
            failures[BEYOND_LAST_COLUMN] = (text.is_not_null(), text)
            any_filled = any_filled | text.is_not_null()
    made.append(_unreadable(raw.height, failures).alias("unreadable"))
    frame = pl.DataFrame(made)
    if any_filled.all():
        return frame
    return frame.filter(any_filled | _not_blank(raw))


def _refuse_nul(raw: pl.DataFrame, row_numbers: pl.Series, sheet: str | None) -> None:
    for cells in raw.get_columns():
        if cells.dtype == pl.String:
            place = cells.str.contains("\0", literal=True).arg_max()
            if place is not None and "\0" in (cells[place] or ""):
                raise FileRefused("nul_bytes", row=row_numbers[place], sheet=sheet)


def _not_blank(raw: pl.DataFrame) -> pl.Series:
    filled = pl.repeat(False, raw.height, dtype=pl.Boolean, eager=True)
    for cells in raw.get_columns():
        filled = filled | as_text(cells).is_not_null()
    return filled


def _unreadable(height: int, failures: dict[str, tuple[pl.Series, pl.Series]]) -> pl.Series:
    if not failures:
        return pl.repeat(None, height, dtype=pl.String, eager=True)
    told: dict[int, dict[str, str]] = {}
    for name, (failed, text) in failures.items():
        for index, raw in zip(failed.arg_true().to_list(), text.filter(failed).to_list(), strict=True):
            told.setdefault(index, {})[name] = raw[:RAW_TEXT_LENGTH]
    indexes = pl.Series(list(told), dtype=pl.UInt32)
    values = pl.Series([json.dumps(one, ensure_ascii=False) for one in told.values()], dtype=pl.String)
    return pl.repeat(None, height, dtype=pl.String, eager=True).scatter(indexes, values)
