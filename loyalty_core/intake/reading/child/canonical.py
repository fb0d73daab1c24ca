"""Cells as they stand in a file become canonical text that PostgreSQL's COPY takes as it is."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import polars as pl

from .orders import ColumnOrder, FileRefused

BEYOND_LAST_COLUMN = "beyond_last_column"
"""Under this name `unreadable` keeps what a row holds to the right of the last header."""

RAW_TEXT_LENGTH = 200
EARLIEST_YEAR, LATEST_YEAR = 1900, 2199
WHOLE_DIGITS, FRACTION_DIGITS = 18, 20

_DATE_CELL_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S%.f")

_NUMBER = re.compile(r"(?P<sign>[+-]?)(?P<whole>\d*)(?:\.(?P<fraction>\d*))?(?:[eE](?P<power>[+-]?\d{1,3}))?")
_SPACES = "\u0020\u00a0\u2009\u202f"


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


def column_style(column: ColumnOrder, of_file: NumberStyle) -> NumberStyle:
    """Return how the column writes numbers: its own way where the mapping names one, else the file's."""
    if column.decimal_separator is None:
        return of_file
    return NumberStyle(column.decimal_separator, column.thousands_separator)


def read_number(raw: str, style: NumberStyle) -> str | None:
    """Return the exact decimal that the text stands for, shortest form, or None where it is no number.

    Accepts a sign before or behind, parentheses for a negative, thousands separators in threes, a power of
    ten; at most 18 digits before and 20 after the point. Never passes through a float.
    """
    text = raw.strip().replace("\u2212", "-")
    if text.startswith("(") and text.endswith(")"):
        inner = text[1:-1].strip()
        if inner[:1] in ("-", "+"):
            return None
        text = "-" + inner
    elif text[-1:] in ("-", "+") and text[:1] not in ("-", "+"):
        text = text[-1] + text[:-1].rstrip()
    if style.thousands is not None:
        separators = (
            _SPACES if style.thousands == " " else "'’" if style.thousands in "'’" else style.thousands
        )
        whole, mark, rest = text.partition(style.decimal)
        if any(sign in separators for sign in whole):
            if not re.fullmatch(rf"[+-]?\d{{1,3}}(?:[{re.escape(separators)}]\d{{3}})+", whole):
                return None
            whole = re.sub(f"[{re.escape(separators)}]", "", whole)
        text = whole + mark + rest
    if style.decimal != ".":
        if "." in text:
            return None
        text = text.replace(style.decimal, ".")
    match = _NUMBER.fullmatch(text) if text.isascii() else None
    if match is None or not (match["whole"] or match["fraction"]):
        return None
    if len(text) > 60 or abs(int(match["power"] or 0)) > 40:
        return None
    try:
        plain = format(Decimal(text), "f")
    except InvalidOperation:
        return None
    return _shortest(plain)


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
        time_style = TimeStyle((*_DATE_CELL_FORMATS, *time_style.formats), time_style.zone)
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
