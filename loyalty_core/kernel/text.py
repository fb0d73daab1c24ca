"""Every text that a person sees passes through `_`."""

import gettext
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
