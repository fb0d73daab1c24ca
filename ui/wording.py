"""Numbers, money, dates and ages in words, in the reader's locale and time zone."""

import re
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st
from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, get_date_format
from babel.numbers import (
    format_compact_currency,
    format_compact_decimal,
    format_currency,
    format_decimal,
    format_percent,
)

from loyalty_core.kernel import Money, _, clean_text, current_locale, ngettext, now


def reader_locale() -> Locale:
    """Return the locale of the texts on this page; English where it is not known to Babel."""
    try:
        return Locale.parse(current_locale.get(), sep="-" if "-" in current_locale.get() else "_")
    except (UnknownLocaleError, ValueError):
        return Locale("en", "GB")


def reader_time_zone() -> tzinfo:
    """Return the time zone of the reader's browser; UTC before the browser has told it."""
    name = st.context.timezone
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def number(value: int | Decimal) -> str:
    """Return the number with its groups marked: 389,644."""
    return format_decimal(value, locale=reader_locale())


def short_number(value: int) -> str:
    """Return the number in at most about six characters, for narrow places: 389,644 but 4.92M."""
    if abs(value) < 1_000_000:
        return number(value)
    return format_compact_decimal(value, locale=reader_locale(), fraction_digits=2)


def signed(value: int) -> str:
    """Return the number with its sign, an ASCII one: Streamlit colours a fall by it. Nothing for zero."""
    return f"{'+' if value > 0 else '-'}{number(abs(value))}" if value else ""


def money(amount: Money) -> str:
    """Return the whole amount with its currency: £4,919,107.73."""
    return format_currency(amount.decimal, amount.currency, locale=reader_locale())


def short_money(amount: Money) -> str:
    """Return the amount in at most about eight characters, for a metric: £4.92M."""
    if abs(amount.decimal) < 10_000:
        return format_currency(amount.decimal, amount.currency, locale=reader_locale())
    if abs(amount.decimal) < 1_000_000:
        return format_currency(
            amount.decimal.quantize(Decimal(1)),
            amount.currency,
            locale=reader_locale(),
            currency_digits=False,
            format="¤#,##0",
        )
    return format_compact_currency(amount.decimal, amount.currency, locale=reader_locale(), fraction_digits=2)


DateFormat = Literal["YYYY-MM-DD", "DD.MM.YYYY", "DD/MM/YYYY", "MM/DD/YYYY"]


def date_format() -> DateFormat:
    """Return how the reader writes a date into a field: its order and its sign between day, month and year.

    A field knows few forms: of the reader's own the order and the sign are kept where it can.
    """
    pattern = get_date_format("short", locale=reader_locale()).pattern
    if pattern.lower().startswith("y"):
        return "YYYY-MM-DD"
    if pattern.startswith("M"):
        return "MM/DD/YYYY"
    return "DD.MM.YYYY" if "." in pattern else "DD/MM/YYYY"


def today() -> date:
    """Return the day it is for the reader."""
    return now().astimezone(reader_time_zone()).date()


def day(value: date) -> str:
    """Return the date with the month in words: 1 Dec 2010."""
    return format_date(value, format="d MMM y", locale=reader_locale())


def day_of_year(value: date) -> str:
    """Return the day without its year, for the marks of a chart: 1 Dec."""
    return format_date(value, format="d MMM", locale=reader_locale())


def month(value: date) -> str:
    """Return the month of the date: Dec 2010."""
    return format_date(value, format="MMM y", locale=reader_locale())


def moment(value: datetime) -> str:
    """Return date and time to the minute in the reader's time zone. `value` must be timezone-aware."""
    return format_datetime(value, format="d MMM y, HH:mm", tzinfo=reader_time_zone(), locale=reader_locale())


def age(since: datetime) -> str:
    """Return how long ago a moment was, in one unit: “7 minutes”, “2 days”."""
    seconds = max(0, int((now() - since).total_seconds()))
    if seconds < 60:
        return _("less than a minute")
    if seconds < 3600:
        minutes = seconds // 60
        return ngettext("{count} minute", "{count} minutes", minutes).format(count=minutes)
    if seconds < 86_400:
        hours = seconds // 3600
        return ngettext("{count} hour", "{count} hours", hours).format(count=hours)
    days = seconds // 86_400
    return ngettext("{count} day", "{count} days", days).format(count=number(days))


def ago(since: datetime) -> str:
    """Return how long ago a moment was, as the end of a sentence: “just now”, “7 minutes ago”."""
    if (now() - since).total_seconds() < 60:
        return _("just now")
    return _("{age} ago").format(age=age(since))


_MARKS = str.maketrans({mark: f"\\{mark}" for mark in r"\`*_{}[]()<>#+-!|~$:"})


# What Markdown makes a link even where every mark is escaped, since it looks for addresses in the finished text.
_ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)
# Joins words and takes no room.
_WORD_JOINER = "\u2060"


def plain(text: str) -> str:
    """Return the text so that Markdown shows it as it is: what comes from data never formats, links or turns.

    Characters that `clean_text` removes are gone. An e-mail address stays one.
    """
    apart = _ADDRESS.sub(_WORD_JOINER, clean_text(text))
    return " ".join(apart.translate(_MARKS).split())


def plain_lines(text: str) -> str:
    """Return the text as `plain` does, keeping its lines."""
    return "  \n".join(plain(line) for line in text.splitlines())


def action(name: str) -> str:
    """Return an audited action for people: “programme.version_applied” reads “Programme: version applied”."""
    subdomain, _dot, verb = name.partition(".")
    text = f"{subdomain}: {verb}" if verb else subdomain
    return text.replace("_", " ").capitalize()


def percent(share: float) -> str:
    """Return a part of one as a percentage: 27.6%, and 0.04% rather than 0% where there is something."""
    digits = "0.##" if 0 < abs(share) < 0.001 else "0.#"
    return format_percent(share, format=f"{digits}%", locale=reader_locale())


def decimal(value: float | Decimal) -> str:
    """Return a number with at most two decimal places."""
    return format_decimal(value, format="#,##0.##", locale=reader_locale())


def change(value: int, before: int) -> str | None:
    """Return the change in percent with its sign, an ASCII one; None where nothing was there before."""
    if before <= 0:
        return None
    share = (value - before) / before
    return f"{'+' if share > 0 else '-' if share < 0 else ''}{percent(abs(share))}"


def exact(value: Decimal) -> str:
    """Return the number with all of its decimal places: 2.095."""
    places = max(0, -int(value.as_tuple().exponent))
    return format_decimal(
        value, format=f"#,##0.{'0' * places}" if places else "#,##0", locale=reader_locale()
    )


def size(size_bytes: int) -> str:
    """Return a file's size: 812 bytes, 4.4 MB."""
    if size_bytes < 1000:
        return ngettext("{count} byte", "{count} bytes", size_bytes).format(count=size_bytes)
    value, unit = size_bytes / 1000, "kB"
    for bigger in ("MB", "GB"):
        if value < 1000:
            break
        value, unit = value / 1000, bigger
    return f"{format_decimal(value, format='#,##0.#', locale=reader_locale())} {unit}"
