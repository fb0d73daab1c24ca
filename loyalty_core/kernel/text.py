"""Every text that a person sees passes through `_`; every text that one searches in, through `folded`."""

import gettext
import re
import unicodedata
from contextvars import ContextVar
from functools import cache
from pathlib import Path

LOCALES_FOLDER = Path(__file__).parent / "locales"

current_locale: ContextVar[str] = ContextVar("laurel_locale", default="en")


@cache
def _translations(locale: str) -> gettext.NullTranslations:
    return gettext.translation("laurel", LOCALES_FOLDER, languages=[locale], fallback=True)


def _(message: str) -> str:
    """Return the message in the current person's language; English where no translation exists."""
    return _translations(current_locale.get()).gettext(message)


def N_(message: str) -> str:  # noqa: N802 gettext's own name, which the extraction of messages looks for
    """Mark a message for translation that is written once and shown later, through `_`."""
    return message


def ngettext(singular: str, plural: str, number: int) -> str:
    """Return the form of the message that fits the number, in the current person's language."""
    return _translations(current_locale.get()).ngettext(singular, plural, number)


# Controls but tab and the two line ends, the marks that turn the direction of text, and halves of surrogate pairs.
_UNWANTED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def clean_text(text: str) -> str:
    """Return the text without control characters and direction marks; tabs and line ends stay.

    PostgreSQL takes no NUL, and a direction mark makes a name read as another one.
    """
    return _UNWANTED.sub("", text)


def is_clean(text: str) -> bool:
    """Whether the text holds none of the characters that `clean_text` removes."""
    return _UNWANTED.search(text) is None


# What has no parts to take a mark from. Kept like PostgreSQL's and the replica's functions of the same name.
_PLAIN = str.maketrans("łđøħŧıð", "ldohtid") | {ord("æ"): "ae", ord("œ"): "oe", ord("þ"): "th"}


def folded(words: str) -> str:
    """Return the words as they are searched by: without case and without marks on letters."""
    parts = unicodedata.normalize("NFKD", words)
    bare = "".join(letter for letter in parts if unicodedata.category(letter) != "Mn")
    return bare.casefold().translate(_PLAIN)
