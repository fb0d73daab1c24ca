"""Who may do what, what a password must be, and how long one waits after a failed sign-in."""

import base64
import hashlib
import hmac
import ipaddress
import re
import unicodedata
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files
from itertools import pairwise

from loyalty_core.kernel import Refusal, _


class UserState(StrEnum):
    """Whether a person may sign in."""

    ACTIVE = "active"
    DISABLED = "disabled"


USER_MOVES: dict[UserState, frozenset[UserState]] = {
    UserState.ACTIVE: frozenset({UserState.DISABLED}),
    UserState.DISABLED: frozenset({UserState.ACTIVE}),
}


class ScopeKind(StrEnum):
    """What a grant of scope points at."""

    EVERYTHING = "everything"
    REGION = "region"
    COMPANY = "company"
    PROGRAMME = "programme"


class EndReason(StrEnum):
    """Why a session ended before its time."""

    SIGNED_OUT = "signed_out"
    DISABLED = "disabled"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a reason, not a password


class FailureKind(StrEnum):
    """What failed sign-ins are counted by."""

    ACCOUNT = "account"
    ADDRESS = "address"
    DEVICE = "device"


class Permission(StrEnum):
    """One thing that a role may allow. Each page and each route asks for exactly one."""

    SEE_HOME = "see_home"
    UPLOAD_FILES = "upload_files"
    DECIDE_IMPORTS = "decide_imports"
    MANAGE_SOURCES = "manage_sources"
    SEE_IMPORTS = "see_imports"
    DOWNLOAD_ORIGINALS = "download_originals"
    UNDO_IMPORTS = "undo_imports"
    IMPORT_MASTER_DATA = "import_master_data"
    SEE_PRODUCTS = "see_products"
    SEE_STANDINGS = "see_standings"
    EXPORT_STANDINGS = "export_standings"
    SEE_COMPANIES = "see_companies"
    SEE_PROGRAMMES = "see_programmes"
    APPLY_PROGRAMMES = "apply_programmes"
    SETTLE_PROGRAMMES = "settle_programmes"
    MANAGE_USERS = "manage_users"
    SEE_AUDIT = "see_audit"
    VERIFY_AUDIT = "verify_audit"
    USE_PORTAL = "use_portal"
    SEE_CLAIMS = "see_claims"
    ENTER_CLAIMS = "enter_claims"
    UPLOAD_OWN_CLAIMS = "upload_own_claims"
    DECIDE_CLAIMS = "decide_claims"
    SEE_WORKLOAD = "see_workload"
    REGISTER_PARTNERS = "register_partners"
    DECIDE_REGISTRATIONS = "decide_registrations"
    ASSIGN_SALESPEOPLE = "assign_salespeople"
    SEE_BUDGETS = "see_budgets"
    ASK_FOR_BUDGETS = "ask_for_budgets"
    DECIDE_BUDGETS = "decide_budgets"
    SEE_REWARDS = "see_rewards"
    MANAGE_REWARDS = "manage_rewards"
    ORDER_REWARDS = "order_rewards"
    ORDER_FOR_OTHERS = "order_for_others"
    ENTITLE_PEOPLE = "entitle_people"
    SEE_ORDERS = "see_orders"
    DECIDE_ORDERS = "decide_orders"
    SEE_PERFORMANCE = "see_performance"
    EXPORT_PERFORMANCE = "export_performance"
    SEE_REGIONS = "see_regions"
    SEE_PARTICIPANTS = "see_participants"
    EXPORT_LISTS = "export_lists"


# What a second person decides about. An account that was set up or taken over by somebody else waits with it.
DECIDING = frozenset(
    {
        Permission.DECIDE_IMPORTS,
        Permission.UNDO_IMPORTS,
        Permission.DECIDE_CLAIMS,
        Permission.DECIDE_REGISTRATIONS,
        Permission.DECIDE_BUDGETS,
        Permission.DECIDE_ORDERS,
    }
)
HOLD_BACK = timedelta(hours=24)

# What knows no region, company or programme: whoever may do it sees all there is.
UNSCOPED = frozenset({Permission.MANAGE_USERS, Permission.SEE_AUDIT, Permission.VERIFY_AUDIT})


class Role(StrEnum):
    """A person's job. One person may have several."""

    ADMIN = "admin"
    OPERATOR = "operator"
    PROGRAMME_MANAGER = "programme_manager"
    HEAD_OF_SALES = "head_of_sales"
    SALES = "sales"
    ADMIN_MARKETING = "admin_marketing"
    ADMIN_FINANCE = "admin_finance"
    ANALYST = "analyst"
    PARTICIPANT = "participant"


PERMISSIONS_OF_ROLE: dict[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset(Permission),
    Role.OPERATOR: frozenset(
        {
            Permission.SEE_HOME,
            Permission.EXPORT_LISTS,
            Permission.UPLOAD_FILES,
            Permission.DECIDE_IMPORTS,
            Permission.MANAGE_SOURCES,
            Permission.SEE_IMPORTS,
            Permission.DOWNLOAD_ORIGINALS,
            Permission.IMPORT_MASTER_DATA,
            Permission.SEE_PRODUCTS,
            Permission.SEE_COMPANIES,
            Permission.SEE_STANDINGS,
            Permission.SEE_PROGRAMMES,
            # Files come in through operators: what those of budgets ask for, finance or a manager decides.
            Permission.SEE_BUDGETS,
            Permission.ASK_FOR_BUDGETS,
            Permission.SEE_CLAIMS,
            Permission.ENTER_CLAIMS,
            Permission.DECIDE_CLAIMS,
            Permission.SEE_WORKLOAD,
            Permission.REGISTER_PARTNERS,
            Permission.DECIDE_REGISTRATIONS,
            Permission.SEE_PARTICIPANTS,
        }
    ),
    Role.PROGRAMME_MANAGER: frozenset(
        {
            Permission.SEE_HOME,
            Permission.EXPORT_LISTS,
            Permission.SEE_PRODUCTS,
            Permission.UNDO_IMPORTS,
            Permission.SEE_IMPORTS,
            Permission.SEE_STANDINGS,
            Permission.EXPORT_STANDINGS,
            Permission.SEE_COMPANIES,
            Permission.SEE_PROGRAMMES,
            Permission.APPLY_PROGRAMMES,
            Permission.SETTLE_PROGRAMMES,
            Permission.SEE_CLAIMS,
            Permission.SEE_WORKLOAD,
            Permission.SEE_BUDGETS,
            Permission.ASK_FOR_BUDGETS,
            Permission.DECIDE_BUDGETS,
            Permission.SEE_REWARDS,
            Permission.SEE_ORDERS,
            Permission.SEE_PERFORMANCE,
            Permission.EXPORT_PERFORMANCE,
            Permission.SEE_REGIONS,
            Permission.SEE_PARTICIPANTS,
        }
    ),
    Role.HEAD_OF_SALES: frozenset(
        {
            Permission.SEE_HOME,
            Permission.EXPORT_LISTS,
            Permission.SEE_PRODUCTS,
            Permission.SEE_STANDINGS,
            Permission.EXPORT_STANDINGS,
            Permission.SEE_COMPANIES,
            Permission.REGISTER_PARTNERS,
            Permission.ASSIGN_SALESPEOPLE,
            Permission.SEE_BUDGETS,
            Permission.ASK_FOR_BUDGETS,
            Permission.SEE_PERFORMANCE,
            Permission.EXPORT_PERFORMANCE,
            Permission.SEE_REGIONS,
            Permission.SEE_PARTICIPANTS,
        }
    ),
    Role.SALES: frozenset(
        {
            Permission.SEE_HOME,
            Permission.SEE_STANDINGS,
            Permission.SEE_COMPANIES,
            Permission.REGISTER_PARTNERS,
            Permission.ORDER_FOR_OTHERS,
            Permission.ENTITLE_PEOPLE,
            Permission.SEE_PERFORMANCE,
            Permission.SEE_REGIONS,
            Permission.SEE_PARTICIPANTS,
        }
    ),
    Role.ADMIN_MARKETING: frozenset(
        {
            Permission.SEE_HOME,
            Permission.EXPORT_LISTS,
            Permission.SEE_PRODUCTS,
            Permission.SEE_STANDINGS,
            Permission.SEE_PROGRAMMES,
            Permission.SEE_REWARDS,
            Permission.MANAGE_REWARDS,
            Permission.SEE_PERFORMANCE,
            Permission.EXPORT_PERFORMANCE,
            Permission.SEE_PARTICIPANTS,
        }
    ),
    Role.ADMIN_FINANCE: frozenset(
        {
            Permission.SEE_HOME,
            Permission.EXPORT_LISTS,
            Permission.SEE_PRODUCTS,
            Permission.SEE_COMPANIES,
            Permission.SEE_STANDINGS,
            Permission.SEE_BUDGETS,
            Permission.ASK_FOR_BUDGETS,
            Permission.DECIDE_BUDGETS,
            Permission.SEE_ORDERS,
            Permission.DECIDE_ORDERS,
            Permission.SEE_REWARDS,
            Permission.SEE_PERFORMANCE,
            Permission.EXPORT_PERFORMANCE,
        }
    ),
    Role.ANALYST: frozenset(
        {
            Permission.SEE_HOME,
            Permission.EXPORT_LISTS,
            Permission.SEE_PRODUCTS,
            Permission.SEE_IMPORTS,
            Permission.SEE_STANDINGS,
            Permission.EXPORT_STANDINGS,
            Permission.SEE_COMPANIES,
            Permission.SEE_PROGRAMMES,
            Permission.SEE_CLAIMS,
            Permission.SEE_BUDGETS,
            Permission.SEE_REWARDS,
            Permission.SEE_ORDERS,
            Permission.SEE_PERFORMANCE,
            Permission.EXPORT_PERFORMANCE,
            Permission.SEE_REGIONS,
            Permission.SEE_PARTICIPANTS,
        }
    ),
    Role.PARTICIPANT: frozenset(
        {
            Permission.SEE_HOME,
            Permission.USE_PORTAL,
            Permission.UPLOAD_OWN_CLAIMS,
            Permission.ORDER_REWARDS,
            Permission.ENTITLE_PEOPLE,
        }
    ),
}


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """Return everything that any of the roles allows."""
    return frozenset().union(*(PERMISSIONS_OF_ROLE[role] for role in roles))


def role_title(role: Role) -> str:
    """Return the role's name for people, in their language."""
    return {
        Role.ADMIN: _("Administrator"),
        Role.OPERATOR: _("Operator"),
        Role.PROGRAMME_MANAGER: _("Programme manager"),
        Role.HEAD_OF_SALES: _("Head of sales"),
        Role.SALES: _("Sales"),
        Role.ADMIN_MARKETING: _("Marketing"),
        Role.ADMIN_FINANCE: _("Finance"),
        Role.ANALYST: _("Analyst"),
        Role.PARTICIPANT: _("Participant"),
    }[role]


class SignInNameRefused(Refusal):
    """The text can't be a sign-in name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            _(
                "“{name}” can't be a sign-in name. Use 2 to 100 small letters, digits and the signs . _ - + @"
                " and begin with a letter or digit."
            ).format(name=name)
        )
        self.name = name


_NAME = re.compile(r"[a-z0-9][a-z0-9._+@-]{1,99}")


def sign_in_name(text: str) -> str:
    """Return the name in the one form in which it is stored and compared. Raises SignInNameRefused."""
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise SignInNameRefused(text)
    return name


MIN_PASSWORD_LENGTH = 12
MAX_PASSWORD_LENGTH = 128


class PasswordRefused(Refusal):
    """The password is too short, too long, or one that attackers try first."""


@cache
def _common_words() -> frozenset[str]:
    text = files("loyalty_core.access").joinpath("common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


# What zxcvbn looks at: more makes it slow, and a password is no easier for what follows.
_ESTIMATED_CHARACTERS = 72
_LOWEST_SCORE = 3
_SUBSTITUTES = str.maketrans("013457@$!", "oieastasi")


def _is_common(password: str) -> bool:
    """Whether the password is made of nothing but what everybody tries: see common_passwords.txt."""
    plain = password.casefold()
    words = _common_words()
    if plain in words or len(set(plain)) < 5:
        return True
    for length in range(1, len(plain) // 2 + 1):
        if plain == (plain[:length] * len(plain))[: len(plain)]:
            return True
    return _is_made_of(plain, words)


def _is_guessed_soon(password: str, own: Iterable[str]) -> bool:
    """Whether zxcvbn, which knows lists of leaked passwords, names and words, needs fewer than 10^8 guesses."""
    # Its lists take a third of a second to read, and only who sets a password needs them.
    from zxcvbn import zxcvbn  # type: ignore[import-untyped]

    estimate = zxcvbn(password[:_ESTIMATED_CHARACTERS], user_inputs=[*own, "laurel"])
    return int(estimate["score"]) < _LOWEST_SCORE


def _is_made_of(text: str, words: frozenset[str]) -> bool:
    """Whether the text is at most three of the words, p@ssw0rd included, and digits and signs around."""
    letters = text.translate(_SUBSTITUTES)
    longest = max(map(len, words))
    fewest: list[int] = [0]
    for end in range(1, len(text) + 1):
        counts = [fewest[end - 1]] if not text[end - 1].isalpha() else []
        counts += [
            fewest[start] + 1
            for start in range(max(0, end - longest), end)
            if text[start:end] in words or letters[start:end] in words
        ]
        fewest.append(min(counts, default=_TOO_MANY))
    if fewest[-1] == 0:
        return _is_a_run(re.sub(r"\D", "", text))
    return fewest[-1] <= 3


_TOO_MANY = 1000


def _is_a_run(digits: str) -> bool:
    """Whether every digit is the one before it plus the same step: 123456789012, 987654321098."""
    return len({(int(after) - int(before)) % 10 for before, after in pairwise(digits)}) <= 1


def check_password_rules(password: str, *, sign_in_name: str, display_name: str = "") -> None:
    """Refuse a password that is too easy: 12 to 128 characters, not common, not the person's own name.

    No kind of character is demanded (ASVS 5.0, 6.2.5). Raises PasswordRefused.
    """
    length = len(unicodedata.normalize("NFC", password))
    if length < MIN_PASSWORD_LENGTH:
        raise PasswordRefused(
            _(
                "This password has {length} characters. Use at least {least}; several plain words do well."
            ).format(length=length, least=MIN_PASSWORD_LENGTH)
        )
    if length > MAX_PASSWORD_LENGTH:
        raise PasswordRefused(
            _("This password has {length} characters. Use at most {most}.").format(
                length=length, most=MAX_PASSWORD_LENGTH
            )
        )
    own = {part for part in re.split(r"[\W\d_]+", f"{sign_in_name} {display_name}".casefold()) if part}
    stems = {part for part in re.split(r"[\W\d_]+", password.casefold()) if part}
    if (
        (stems and stems <= own)
        or password.casefold() == sign_in_name
        or _is_common(password)
        or _is_guessed_soon(password, [sign_in_name, *own])
    ):
        raise PasswordRefused(
            _("This password is among the first to be guessed. Use several words that don't belong together.")
        )


def prehash(password: str) -> str:
    """Return what bcrypt is given in place of the password: 64 ASCII characters, whatever its length.

    bcrypt reads no more than 72 bytes and newer versions refuse longer input. The HMAC's fixed key separates
    these values from plain SHA-384 hashes that leaked elsewhere.
    """
    normal = unicodedata.normalize("NFC", password).encode()
    return base64.b64encode(hmac.digest(b"laurel password 1", normal, hashlib.sha384)).decode()


# The cookie that every browser gets with its first page; a sign-in ticket is bound to it.
VISIT_COOKIE = "laurel_visit"
# The cookie of a browser in which somebody signed in; it signs nobody in.
DEVICE_COOKIE = "laurel_device"

SESSION_IDLE = timedelta(hours=2)
SESSION_LIFE = timedelta(hours=12)
TICKET_LIFE = timedelta(seconds=30)
EXPORT_LIFE = timedelta(minutes=15)
DEVICE_LIFE = timedelta(days=180)
DEVICES_OF_A_USER = 20

FREE_FAILURES = {FailureKind.ACCOUNT: 4, FailureKind.ADDRESS: 20, FailureKind.DEVICE: 4}
LONGEST_WAIT = timedelta(minutes=15)
FAILURES_FORGOTTEN_AFTER = timedelta(hours=24)


def wait_after(kind: FailureKind, failures: int) -> timedelta:
    """Return how long no sign-in is tried after this many failures in a row.

    The first four per account, four per known browser and twenty per address cost nothing; then 1 s, doubling to
    15 minutes.
    """
    beyond = failures - FREE_FAILURES[kind]
    if beyond <= 0:
        return timedelta(0)
    return min(timedelta(seconds=2 ** min(beyond - 1, 20)), LONGEST_WAIT)


def address_group(address: str) -> str:
    """Return what failures from this address are counted under: an IPv6 customer has a whole /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
