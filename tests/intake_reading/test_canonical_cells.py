"""Numbers, dates and records against plain Python: whatever polars does fast must be what is meant."""

# Cells hold local times without a zone: that is what these tests are about.
# ruff: noqa: DTZ001

import csv
import io
import re
import tempfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from babel.dates import format_date
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from loyalty_core.intake.reading.child.canonical import (
    NumberStyle,
    TimeStyle,
    as_text,
    numbers,
    read_number,
    times,
)
from loyalty_core.intake.reading.child.csv_reader import Dialect, records
from loyalty_core.intake.reading.child.moments import LANGUAGES
from loyalty_core.intake.reading.child.orders import ReadLimits
from tests.intake_reading.files import read_small

STYLES = st.sampled_from(
    [
        NumberStyle(),
        NumberStyle(".", ","),
        NumberStyle(",", "."),
        NumberStyle(",", " "),
        NumberStyle(",", None),
        NumberStyle(".", "'"),
    ]
)
ODD_CELLS = st.text(alphabet="0123456789.,- +()eE'  −x", max_size=14)


def one_by_one(cell: str | None, style: NumberStyle) -> str | None:
    return None if cell is None or not cell.strip() else read_number(cell.strip(), style)


@given(st.lists(ODD_CELLS, min_size=1, max_size=30), STYLES)
@example(
    ["1,234", "-0.00", "007", "1.", ".5", "1e3", "(2)", "3-", "1,23", "1,234,567.80"], NumberStyle(".", ",")
)
def test_a_column_of_numbers_is_read_as_each_number_by_itself(cells: list[str], style: NumberStyle) -> None:
    got = numbers(as_text(pl.Series(cells, dtype=pl.String)), style).to_list()
    assert got == [one_by_one(cell, style) for cell in cells]


@given(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=6),
    STYLES,
)
def test_a_number_comes_back_exactly_however_it_was_written(value: Decimal, style: NumberStyle) -> None:
    written = f"{value:,.6f}"
    written = written.replace(",", "T").replace(".", style.decimal).replace("T", style.thousands or "")
    read = read_number(written, style)
    assert read is not None
    assert Decimal(read) == value
    assert re.fullmatch(r"-?(0|[1-9]\d*)(\.\d*[1-9])?", read)


@given(st.floats(min_value=1e-4, max_value=1e15) | st.floats(min_value=-1e15, max_value=-1e-4) | st.just(0.0))
def test_a_workbook_number_becomes_the_shortest_decimal_that_reads_back_as_it(value: float) -> None:
    [text] = as_text(pl.Series([value])).to_list()
    assert text is not None
    assert float(text) == value
    assert len(text.strip("-").replace(".", "").strip("0")) <= 17


@pytest.mark.parametrize(
    ("raw", "style"),
    [
        ("1,5", NumberStyle()),
        ("1,23,456", NumberStyle(".", ",")),
        ("1.5", NumberStyle(",", None)),
        ("--1", NumberStyle()),
        ("(-1)", NumberStyle()),
        ("1e999", NumberStyle()),
        ("9" * 19, NumberStyle()),
        ("£5£", NumberStyle()),
        ("XYZ 5", NumberStyle()),
        ("5%%", NumberStyle()),
        ("1,234", NumberStyle()),
        ("1.234", NumberStyle(",", None)),
        ("NaN", NumberStyle()),
        ("Infinity", NumberStyle()),
        ("٣", NumberStyle()),
        ("0x10", NumberStyle()),
        ("1_000", NumberStyle()),
    ],
)
def test_what_is_no_number_is_not_made_one(raw: str, style: NumberStyle) -> None:
    assert read_number(raw, style) is None
    assert numbers(pl.Series([raw]), style).to_list() == [None]


COMMA = NumberStyle(",", None)


@pytest.mark.parametrize(
    ("raw", "style", "meant"),
    [
        ("1.234,56", COMMA, "1234.56"),
        ("1.234.567", COMMA, "1234567"),
        ("1,234.56", NumberStyle(), "1234.56"),
        ("1 234,56", COMMA, "1234.56"),
        ("1\u00a0234\u00a0567,8", COMMA, "1234567.8"),
        ("1\u202f234,56", COMMA, "1234.56"),
        ("1'234.50", NumberStyle(), "1234.5"),
        ("1.234,56-", COMMA, "-1234.56"),
        ("(1.234,56)", COMMA, "-1234.56"),
        ("\u2212 5", NumberStyle(), "-5"),
        ("€ 1.234,56", COMMA, "1234.56"),
        ("1 234,56 zł", COMMA, "1234.56"),
        ("1.234,56\u00a0RSD", COMMA, "1234.56"),
        ("500 din.", COMMA, "500"),
        ("500 дин", COMMA, "500"),
        ("Rp1.234.567", COMMA, "1234567"),
        ("Rp 1.234.567,00", COMMA, "1234567"),
        ("-$1,234.50", NumberStyle(), "-1234.5"),
        ("($ 5)", NumberStyle(), "-5"),
        ("£-5", NumberStyle(), "-5"),
        ("EUR 12", NumberStyle(), "12"),
        ("12,5 %", COMMA, "0.125"),
        ("100%", NumberStyle(), "1"),
        ("-0.07%", NumberStyle(), "-0.0007"),
    ],
)
def test_numbers_are_read_in_every_way_that_people_write_them(
    raw: str, style: NumberStyle, meant: str
) -> None:
    assert read_number(raw, style) == meant
    assert numbers(pl.Series([raw]), style).to_list() == [meant]


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        ("12 stycznia 2026", (2026, 1, 12)),
        ("12 sty 2026", (2026, 1, 12)),
        ("1 października 2026 r.", (2026, 10, 1)),
        ("1 pazdziernika 2026", (2026, 10, 1)),
        ("pon., 12 stycznia 2026", (2026, 1, 12)),
        ("12. januar 2026.", (2026, 1, 12)),
        ("12. januara 2026. godine", (2026, 1, 12)),
        ("3. maja 2026.", (2026, 5, 3)),
        ("1. септембра 2026.", (2026, 9, 1)),
        ("12. јан 2026", (2026, 1, 12)),
        ("17 Agustus 2026", (2026, 8, 17)),
        ("17 Agt 2026", (2026, 8, 17)),
        ("Senin, 5 Mei 2026", (2026, 5, 5)),
        ("January 5, 2026", (2026, 1, 5)),
        ("5-Jan-26", (2026, 1, 5)),
        ("2026 Okt 3", (2026, 10, 3)),
        ("12 lipca 2026 14:30", (2026, 7, 12, 14, 30)),
        ("46034", (2026, 1, 12)),
        ("46034.5", (2026, 1, 12, 12)),
        ("46034,25", (2026, 1, 12, 6)),
        ("31.12.2026", (2026, 12, 31)),
        ("31.12.2026.", (2026, 12, 31)),
        ("31. 12. 2026.", (2026, 12, 31)),
        ("31.12.2026 r.", (2026, 12, 31)),
        ("2026/12/31", (2026, 12, 31)),
    ],
)
def test_days_are_read_in_every_way_that_people_write_them(raw: str, meant: tuple[int, ...]) -> None:
    style = TimeStyle(("%d.%m.%Y", "%Y/%m/%d"), "UTC")
    [got] = times(pl.Series([raw]), style).to_list()
    year, month, day, hour, minute = (*meant, 0, 0)[:5]
    assert got == f"{year}-{month:02}-{day:02} {hour:02}:{minute:02}:00+00"


@pytest.mark.parametrize(
    "raw", ["30 lutego 2026", "12 foo 2026", "stycznia 2026", "12345", "123456", "99999", "A46034", "2026"]
)
def test_what_is_no_day_is_not_made_one(raw: str) -> None:
    assert times(pl.Series([raw]), TimeStyle(("%d.%m.%Y",), "UTC")).to_list() == [None]


@given(st.dates(datetime(1990, 1, 1).date(), datetime(2060, 12, 31).date()), st.sampled_from(LANGUAGES))
def test_a_day_that_babel_writes_in_a_language_is_read_back(day: date, language: str) -> None:
    for format_ in ("long", "full", "d MMM y", "d. MMMM y."):
        written = format_date(day, format_, locale=language)
        [got] = times(pl.Series([written]), TimeStyle(("%Y-%m-%d",), "UTC")).to_list()
        assert got == f"{day} 00:00:00+00", written


ZONES = st.sampled_from(["Europe/London", "Europe/Warsaw", "America/St_Johns", "Australia/Lord_Howe", "UTC"])
MOMENTS = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2037, 12, 31)).map(
    lambda moment: moment.replace(microsecond=0)
)
# Half of them lie in the hours in which clocks change.
CHANGES = st.builds(
    lambda day, minutes: day + timedelta(minutes=minutes),
    st.sampled_from(
        [datetime(2011, 3, 27), datetime(2011, 10, 30), datetime(2011, 4, 3), datetime(2011, 11, 6)]
    ),
    st.integers(0, 300),
)


def in_utc(local: datetime, zone: str) -> str | None:
    """The earlier moment at which clocks of the zone show this time; None where they never do."""
    aware = local.replace(tzinfo=ZoneInfo(zone), fold=0)
    moment = aware.astimezone(UTC)
    if moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local:
        return None
    return moment.strftime("%Y-%m-%d %H:%M:%S+00")


@given(
    st.lists(MOMENTS | CHANGES, min_size=1, max_size=20),
    ZONES,
    st.sampled_from(["%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S"]),
)
def test_local_times_become_the_moments_that_python_says(
    moments: list[datetime], zone: str, format_: str
) -> None:
    cells = pl.Series([moment.strftime(format_) for moment in moments])
    style = TimeStyle(("%Y/%m/%d", format_), zone)
    wanted = [in_utc(moment, zone) for moment in moments]
    assert times(cells, style).to_list() == wanted
    assert times(pl.Series(moments), style).to_list() == wanted


CELLS = st.text(alphabet='ab" \n,;é', max_size=6)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(1, 999), CELLS), min_size=1, max_size=20), st.booleans())
def test_records_are_those_of_pythons_own_reader(rows: list[tuple[int, str]], quote_all: bool) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL)
    writer.writerow(["Code", "Note", "Qty", "When"])
    writer.writerows([[f"C{number}", note, number, "2011-07-03"] for number, note in rows])
    with tempfile.TemporaryDirectory() as folder:
        got = read_small(Path(folder), text.getvalue())
    assert [row.row_no for row in got] == list(range(2, len(rows) + 2))
    for row, (number, note) in zip(got, rows, strict=True):
        assert row.cells["code"] == f"C{number}"
        assert row.cells["quantity"] == str(number)
        assert row.cells["note"] == (re.sub(r"\s*[\r\n]+\s*", " ", note.strip()) or None)


@given(st.lists(st.text(alphabet='ab",\n ', max_size=12), max_size=8))
def test_any_text_at_all_is_parsed_without_a_crash(lines: list[str]) -> None:
    text = io.StringIO("\n".join(lines), newline="\n")
    assert list(records(text, Dialect(","), ReadLimits())) is not None
