"""How the cells of a column look: as dates, as numbers, as currency codes, as codes or as words."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from typing import Literal

from babel.numbers import list_currencies

DecimalSign = Literal[".", ","]
GroupSign = Literal[".", ",", " ", "'", "’"]

_DAYS = (
    "%Y-%m-%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%d.%m.%Y.",
    "%d %B %Y",
    "%d. %B %Y",
    "%d. %B %Y.",
    "%d-%b-%Y",
    "%d %b %Y",
    "%B %d, %Y",
    "%d/%m/%y",
    "%d.%m.%y",
)
_TIMES = ("", " %H:%M", " %H:%M:%S", "T%H:%M:%S", "T%H:%M")
_FIRST_YEAR, _LAST_YEAR = 1900, 2200
_MAY_BE_A_DATE = re.compile(r"(?=.*\d)[\w./,:+\- ]{6,40}")

# A month's number to how its name may begin in English, Polish, Serbian and Indonesian, without accents.
_MONTHS = (
    ("jan", "sty", "januar", "januari"),
    ("feb", "lut", "februar", "pebruari"),
    ("mar", "mart", "maret"),
    ("apr", "kwi"),
    ("may", "maj", "mei"),
    ("jun", "cze", "jun", "juni"),
    ("jul", "lip", "juli"),
    ("aug", "sie", "avg", "agu", "agt", "ags"),
    ("sep", "wrz"),
    ("oct", "paz", "okt"),
    ("nov", "lis"),
    ("dec", "gru", "des"),
)
_ENGLISH_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)
_WORD = re.compile(r"[^\W\d_]{3,}\.?")
_LETTERS = str.maketrans({"ł": "l", "Ł": "L", "đ": "dj", "Đ": "Dj", "ø": "o", "ß": "ss"})
_CYRILLIC = {
    **dict(zip("абвгдезијклмнопрстуфх", "abvgdezijklmnoprstufh", strict=True)),
    "ђ": "dj",
    "ж": "z",
    "љ": "lj",
    "њ": "nj",
    "ћ": "c",
    "ц": "c",
    "ч": "c",
    "џ": "dz",
    "ш": "s",
}

_SIGNS = {
    "€": "EUR",
    "£": "GBP",
    "zł": "PLN",
    "zl": "PLN",
    "rp": "IDR",
    "din": "RSD",
    "дин": "RSD",
    "¥": "JPY",
}
_AROUND_A_NUMBER = re.compile(
    r"^(?:[€£$¥%]|rp\.?|[a-z]{3}|zł|zl|kn|din\.?)\s*|\s*(?:[€£$¥%]|zł|zl|[a-z]{3}|kn|din\.?)$", re.IGNORECASE
)
_NUMBER = re.compile(r"[-+(]?\d[\d.,'’ \u00a0\u202f]*[)-]?")


def plain_letters(text: str) -> str:
    """Return the text in small letters without accents, Serbian Cyrillic in Latin letters."""
    latin = "".join(_CYRILLIC.get(letter, letter) for letter in text.casefold())
    apart = unicodedata.normalize("NFKD", latin.translate(_LETTERS))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


@lru_cache(maxsize=10_000)
def _month(word: str) -> str:
    """Return the English name of the month, the word as it is where it names none."""
    bare = plain_letters(word).rstrip(".")
    for number, starts in enumerate(_MONTHS):
        if any(bare.startswith(start) for start in starts):
            return _ENGLISH_MONTHS[number]
    return word


def _in_english(cell: str) -> str:
    return _WORD.sub(lambda found: _month(found.group()), cell)


@lru_cache(maxsize=100_000)
def _fits(format_: str, cell: str) -> bool:
    has_name = "%B" in format_ or "%b" in format_
    text = _in_english(cell) if has_name else cell
    try:
        year = datetime.strptime(text, format_.replace("%b", "%B")).year  # noqa: DTZ007 - only asked whether
    except ValueError:
        return False
    return _FIRST_YEAR <= year < _LAST_YEAR


@lru_cache(maxsize=10_000)
def looks_like_date(cell: str) -> bool:
    """Whether the cell is a day, or a day and time, in one of the usual ways of writing."""
    if _MAY_BE_A_DATE.fullmatch(cell) is None:
        return False
    return any(_fits(day + hour, cell) for day in _DAYS for hour in _TIMES)


def date_formats(cells: Sequence[str]) -> tuple[str, ...]:
    """Return the strptime formats that together read most of the cells, the one that reads most first."""
    left = [cell for cell in cells if looks_like_date(cell)]
    found: list[str] = []
    while left:
        scores = {
            day + hour: sum(_fits(day + hour, cell) for cell in left) for day in _DAYS for hour in _TIMES
        }
        best = max(scores, key=lambda one: scores[one])
        if not scores[best]:
            break
        found.append(best)
        left = [cell for cell in left if not _fits(best, cell)]
    return tuple(found)


def reads_date(cell: str, formats: Iterable[str]) -> bool:
    """Whether one of the strptime formats reads the cell; months may be named in English, Polish, Serbian and
    Indonesian."""
    for one in formats:
        try:
            datetime.strptime(_in_english(cell.strip()), one.replace("%b", "%B"))  # noqa: DTZ007 only asked whether
        except ValueError:
            continue
        return True
    return False


def bare_number(cell: str) -> str:
    """Return a number without the currency's or percent's sign beside it; any other text as it is."""
    text = cell.strip().replace("\u00a0", " ").replace("\u202f", " ")
    for _side in range(2):
        bare = _AROUND_A_NUMBER.sub("", text, count=1).strip()
        if bare and bare != text and any(letter.isdigit() for letter in bare):
            text = bare
    return text


def looks_like_number(cell: str) -> bool:
    """Whether the cell is a number in some way of writing, a currency's or percent's sign beside it included."""
    return _NUMBER.fullmatch(bare_number(cell)) is not None


def reads_number(cell: str, decimal_separator: str, thousands_separator: str | None) -> bool:
    """Whether the cell is a number in this way of writing."""
    text = bare_number(cell)
    if thousands_separator:
        text = text.replace(thousands_separator, "")
    if decimal_separator != "." and "." in text:
        return False
    try:
        return Decimal(text.replace(decimal_separator, ".")).is_finite()
    except InvalidOperation:
        return False


def number_signs(cells: Iterable[str]) -> tuple[DecimalSign, GroupSign | None]:
    """Tell the decimal and the thousands separator from how the cells look."""
    points = commas = 0
    groups: set[str] = set()
    for cell in cells:
        text = bare_number(cell).strip("-+() ")
        last = max(text.rfind("."), text.rfind(","))
        if re.search(r"\d[ '’]\d{3}(?!\d)", text):
            groups.add(next(one for one in text if one in " '’"))
        if last < 0:
            continue
        sign, before, behind = text[last], text[:last], text[last + 1 :]
        if re.search(r"\d[.,]\d{3}", before) or before.count(sign):
            groups.add(next(one for one in before if one in "., "))
        if sign in before or (len(behind) == 3 and len(before) < 4 and before.strip("0")):
            continue
        points += sign == "."
        commas += sign == ","
    decimal: DecimalSign = "," if commas > points else "."
    other: GroupSign = "." if decimal == "," else ","
    signs: tuple[GroupSign, ...] = (other, " ", "'", "’")
    return decimal, next((sign for sign in signs if sign in groups), None)


@cache
def _currencies() -> frozenset[str]:
    return frozenset(list_currencies())


def is_currency_code(cell: str) -> bool:
    """Whether the cell is the code of a currency, as ISO 4217 has it."""
    return cell.strip().upper() in _currencies()


def currency_beside(texts: Iterable[str]) -> str | None:
    """Return the one currency whose sign or code stands in the texts, cells or a header; None where none or two do."""
    found = set()
    for text in texts:
        for word in re.findall(r"[€£¥]|[^\W\d_]+", text):
            if word.upper() in _currencies() and word.isupper():
                found.add(word.upper())
            elif word.casefold() in _SIGNS:
                found.add(_SIGNS[word.casefold()])
    return found.pop() if len(found) == 1 else None
