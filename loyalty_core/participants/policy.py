"""What participants are, as values, and what may be written down about them."""

import re
import unicodedata
from enum import StrEnum

from loyalty_core.kernel import Refusal, _


class ParticipantGroup(StrEnum):
    """What a participant does for the brand owner; rewards and charts go by it."""

    DISTRIBUTOR = "distributor"
    WHOLESALER = "wholesaler"
    SERVICE_PROVIDER = "service_provider"


MAX_CODE_LENGTH = 40
MAX_NAME_LENGTH = 200
MAX_REASON_LENGTH = 500
MIN_REASON_LENGTH = 3


class CodeRefused(Refusal):
    """The text can't be the code of a company or a participant."""

    def __init__(self, code: str) -> None:
        super().__init__(
            _(
                "“{code}” can't be a code. Use 1 to {most} letters, digits and the signs . _ - / without spaces,"
                " and begin with a letter or digit."
            ).format(code=code[:MAX_CODE_LENGTH], most=MAX_CODE_LENGTH)
        )
        self.code = code


class NameRefused(Refusal):
    """There is no name, or it is too long."""

    def __init__(self) -> None:
        super().__init__(_("Write a name of 1 to {most} characters.").format(most=MAX_NAME_LENGTH))


class ContactRefused(Refusal):
    """The text is no telephone number or no e-mail address."""


class ReasonMissingError(Refusal):
    """A decision that needs a reason came without one."""

    def __init__(self) -> None:
        super().__init__(
            _("Write the reason in {least} to {most} characters: who asked will read it.").format(
                least=MIN_REASON_LENGTH, most=MAX_REASON_LENGTH
            )
        )


_CODE = re.compile(rf"[^\W_][\w./-]{{0,{MAX_CODE_LENGTH - 1}}}")
_PHONE = re.compile(r"\+?[0-9][0-9 ()/.-]{4,28}[0-9]")
_EMAIL = re.compile(r"[^\s@<>\"]{1,64}@[^\s@<>\"]{1,185}\.[^\s@<>\".]{2,}")


def _one_line(text: str) -> str:
    """Return the text without signs that don't print, each run of blanks as one."""
    printed = "".join(sign if unicodedata.category(sign)[0] != "C" else " " for sign in text)
    return " ".join(unicodedata.normalize("NFC", printed).split())


def checked_code(text: str) -> str:
    """Return the code as it is stored. Raises CodeRefused."""
    code = unicodedata.normalize("NFC", text).strip()
    if not _CODE.fullmatch(code):
        raise CodeRefused(text)
    return code


def checked_name(text: str) -> str:
    """Return the name as it is stored. Raises NameRefused."""
    name = _one_line(text)
    if not 1 <= len(name) <= MAX_NAME_LENGTH:
        raise NameRefused
    return name


def checked_phone(text: str | None) -> str | None:
    """Return the telephone number as it is stored, None for a blank one. Raises ContactRefused."""
    phone = _one_line(text or "")
    if phone and not _PHONE.fullmatch(phone):
        raise ContactRefused(
            _("“{phone}” is no telephone number. Write it as in +48 601 234 567.").format(phone=phone[:30])
        )
    return phone or None


def checked_email(text: str | None) -> str | None:
    """Return the e-mail address as it is stored, None for a blank one. Raises ContactRefused."""
    email = _one_line(text or "")
    if email and not _EMAIL.fullmatch(email):
        raise ContactRefused(
            _("“{email}” is no e-mail address. Write it as in anna@example.com.").format(email=email[:60])
        )
    return email or None


def checked_reason(text: str | None) -> str:
    """Return the reason as it is stored. Raises ReasonMissingError."""
    reason = _one_line(text or "")
    if not MIN_REASON_LENGTH <= len(reason) <= MAX_REASON_LENGTH:
        raise ReasonMissingError
    return reason
