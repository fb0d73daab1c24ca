"""Days as people write them where no strptime format fits: month names, serial numbers, marks around them."""

import re
import unicodedata
from datetime import datetime, timedelta
from functools import cache

LANGUAGES = ("en", "pl", "sr_Latn", "sr_Cyrl", "id")
"""The languages whose month names are read, full or short, in any case that they are written in."""

# A workbook's day 1 is 1 January 1900 and its 1900 a leap year, so days count from 30 December 1899.
FIRST_DAY_1900 = datetime(1899, 12, 30)  # noqa: DTZ001 - cells hold local times
FIRST_DAY_1904 = datetime(1904, 1, 1)  # noqa: DTZ001 - cells hold local times
# Serial numbers are taken for days from 1954 to 2119: smaller and bigger ones are counts and codes.
_SERIAL = re.compile(r"([2-7][0-9]{4})(?:[.,]([0-9]{1,12}))?")

_SPACES = re.compile(r"[\s\u00a0\u2007\u2009\u202f]+")
# “2026 r.” and “2026. godine” say that a year was meant, as the last point of “31.12.2026.” does.
_YEAR_MARK = re.compile(r"(?<=[0-9])\.? ?(?:r|roku|g|god|godine|г|год|године)?\.?$", re.IGNORECASE)
_POINT_AND_SPACE = re.compile(r"(?<=[0-9])\. (?=[0-9])")

_CLOCK = r"(?:,? (?:at )?(?P<hour>[0-9]{1,2})[:.](?P<minute>[0-9]{2})(?:[:.](?P<second>[0-9]{2}))?)?"
_NAME = r"(?P<month>[^\W\d_]{3,12})\.?"
_BETWEEN = r"[ .,/-]{1,3}"
_WITH_NAME = [
    re.compile(rf"(?:[^\W\d_]{{2,14}}\.?,? )?{body}{_CLOCK}")
    for body in (
        rf"(?P<day>[0-9]{{1,2}})(?:st|nd|rd|th)?(?:{_BETWEEN})?{_NAME}(?:{_BETWEEN})?(?P<year>[0-9]{{4}}|[0-9]{{2}})",
        rf"{_NAME} (?P<day>[0-9]{{1,2}})(?:st|nd|rd|th)?,? (?P<year>[0-9]{{4}})",
        rf"(?P<year>[0-9]{{4}}){_BETWEEN}{_NAME}{_BETWEEN}(?P<day>[0-9]{{1,2}})",
    )
]
_LONGEST = 60
_LONGEST_ENDING = 3


def without_marks(text: str) -> str:
    """Return the text with its spaces made plain and without the marks that only say that a year is one."""
    plain = _SPACES.sub(" ", text).strip()
    return _POINT_AND_SPACE.sub(".", _YEAR_MARK.sub("", plain))


def moment_of(text: str, first_day: datetime = FIRST_DAY_1900) -> datetime | None:
    """Return the local time that the text means by its month's name or as a serial number, else None.

    A serial number counts days from `first_day`: a spreadsheet's cell that lost its format. Which number is the
    day is certain where the month has a name; what is written in figures alone is left to formats.
    """
    if len(text) > _LONGEST:
        return None
    plain = without_marks(text)
    if serial := _SERIAL.fullmatch(plain):
        days = int(serial[1]) + (int(serial[2]) / 10 ** len(serial[2]) if serial[2] else 0.0)
        return first_day + timedelta(seconds=round(days * 86_400))
    for pattern in _WITH_NAME:
        match = pattern.fullmatch(plain)
        if match is None or (month := month_of(match["month"])) is None:
            continue
        year = int(match["year"])
        if len(match["year"]) == 2:
            year += 2000 if year < 70 else 1900
        hour, minute, second = (int(match[part] or 0) for part in ("hour", "minute", "second"))
        try:
            return datetime(year, month, int(match["day"]), hour, minute, second)  # noqa: DTZ001 - a local time
        except ValueError:
            return None
    return None


def month_of(word: str) -> int | None:
    """Return which month, from 1, a word names in one of the languages, inflected or cut short; else None."""
    key = _folded(word)
    names = _month_names()
    if key in names:
        return names[key]
    # “januara” and “stycznia” are forms of names: same beginning, another ending.
    found = {
        month
        for name, month in names.items()
        if len(name) > 3
        and key.startswith(name[: max(len(name) - 2, 3)])
        and len(key) <= len(name) + _LONGEST_ENDING
    }
    return found.pop() if len(found) == 1 else None


@cache
def _month_names() -> dict[str, int]:
    from babel import Locale

    names: dict[str, int] = {}
    for language in LANGUAGES:
        months = Locale.parse(language).months
        for context in ("stand-alone", "format"):
            for width in ("wide", "abbreviated"):
                for number, name in months[context][width].items():
                    names.setdefault(_folded(name), number)
    # Beside CLDR's “Agu” Indonesians write “Agt”, Serbs “sept”, and both borrow “nop”.
    return {"agt": 8, "ags": 8, "nop": 11, "sept": 9} | names


def _folded(word: str) -> str:
    apart = unicodedata.normalize("NFD", word.strip(". ").casefold())
    return unicodedata.normalize("NFC", "".join(sign for sign in apart if sign != "\u0301"))
