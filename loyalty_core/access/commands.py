"""What administrators do with users, and how a person signs in, stays in and leaves.

Every command that changes somebody's rights asks the database, in its own transaction, whether the actor may:
what a page knew when it was drawn does not count. The command line and Laurel's own jobs may do everything.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import bcrypt
from sqlalchemy import Connection

from loyalty_core import audit
from loyalty_core.access import store
from loyalty_core.access.policy import (
    DECIDING,
    DEVICE_LIFE,
    DEVICES_OF_A_USER,
    EXPORT_LIFE,
    FAILURES_FORGOTTEN_AFTER,
    HOLD_BACK,
    SESSION_IDLE,
    SESSION_LIFE,
    TICKET_LIFE,
    UNSCOPED,
    USER_MOVES,
    EndReason,
    FailureKind,
    Permission,
    Role,
    ScopeKind,
    UserState,
    address_group,
    check_password_rules,
    permissions_of,
    prehash,
    sign_in_name,
    wait_after,
)
from loyalty_core.access.store import ScopeGrant, User
from loyalty_core.kernel import (
    ActorKind,
    Database,
    NotAllowedError,
    NotFoundError,
    Refusal,
    Scope,
    StateError,
    _,
    new_id,
    ngettext,
    now,
)
from loyalty_core.organisation import region_ids_below

BCRYPT_ROUNDS = 12
_SESSION_TOUCH_SECONDS = 60

# A well-formed hash that no password is known to have, checked in the place of one that does not exist.
_NOBODYS_HASH = f"$2b${BCRYPT_ROUNDS}$1QLRYZ3LX0cZwbVpCzj4guX9F7Jt5vQnKsE2aHdWm8oTiLyBrPkSe"


class NameTakenError(Refusal):
    """Another user has the sign-in name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            _("There is a user “{name}” already. Choose another sign-in name.").format(name=name)
        )
        self.name = name


class LastAdministratorError(Refusal):
    """The change would leave nobody who can manage users."""

    def __init__(self, user: User) -> None:
        super().__init__(
            _("{name} is the only active administrator. Make somebody else one first.").format(
                name=user.display_name
            )
        )
        self.user = user


class RestrictedAdministratorError(Refusal):
    """Users and the audit know no regions: a restriction of who manages them would be none."""

    def __init__(self, name: str) -> None:
        super().__init__(
            _(
                "{name} can't be an administrator for a part: whoever manages users and reads the audit sees"
                " everything. Give an administrator every region and programme, or choose another role."
            ).format(name=name)
        )
        self.name = name


class DecisionsHeldError(NotAllowedError):
    """An administrator made the account one that decides, or took it over, less than a day ago."""

    def __init__(self, until: datetime) -> None:
        super().__init__(
            _(
                "An administrator gave your account a role that decides, or a new password. What you decide counts"
                " from {moment} (UTC) on. Decide then, or let somebody else decide."
            ).format(moment=f"{until.astimezone(UTC):%Y-%m-%d %H:%M}")
        )
        self.until = until


class WaitBeforeSignInError(Refusal):
    """Too many failed sign-ins for this name or from this address."""

    def __init__(self, seconds: int) -> None:
        super().__init__(
            ngettext(
                "Too many tries. Try again in {seconds} second.",
                "Too many tries. Try again in {seconds} seconds.",
                seconds,
            ).format(seconds=seconds)
        )
        self.seconds = seconds


class SignInRefused(Refusal):
    """Name or password is wrong, or the user is disabled: all told in the same words."""

    def __init__(self) -> None:
        super().__init__(_("Sign-in name or password is not right."))


class TicketRefused(Refusal):
    """The ticket is unknown, used, late, or was given to another browser."""

    def __init__(self) -> None:
        super().__init__(_("This sign-in took too long or was used already. Please sign in again."))


class ExportGoneError(NotFoundError):
    """The export expired, is somebody else's, or never was."""

    def __init__(self) -> None:
        super().__init__(_("This export is no longer there. Please make it again."))


@dataclass(frozen=True, slots=True)
class SignedInUser:
    """Who acts now: read anew from the database for every run of a page and every request."""

    id: UUID
    name: str
    display_name: str
    locale: str
    session_id: UUID
    roles: frozenset[Role]
    permissions: frozenset[Permission]
    scope: Scope
    password_is_temporary: bool = False
    decisions_from: datetime | None = None

    def may(self, permission: Permission) -> bool:
        """Whether any of the roles allows it."""
        return permission in self.permissions


def hash_password(password: str) -> str:
    """Return the bcrypt hash of the password's prehash."""
    return bcrypt.hashpw(prehash(password).encode(), bcrypt.gensalt(BCRYPT_ROUNDS)).decode()


def password_matches(password: str, password_hash: str) -> bool:
    """Whether the bcrypt hash is of this password. Takes the same time either way."""
    return bcrypt.checkpw(prehash(password).encode(), password_hash.encode())


def check_permission(connection: Connection, scope: Scope, permission: Permission) -> None:
    """Refuse unless the actor's roles, as they are now, allow it.

    What is decided as a second person also has to wait until the account decides. Raises NotAllowedError,
    DecisionsHeldError.
    """
    if scope.actor_kind is not ActorKind.USER:
        return
    if scope.user_id is None or permission not in store.permissions_now(connection, scope.user_id):
        raise NotAllowedError(_("Your roles don't allow this. Ask an administrator."))
    if permission in DECIDING:
        check_decides_by_now(connection, scope)


def check_decides_by_now(connection: Connection, scope: Scope) -> None:
    """Refuse while the actor's account is held back from acting as a second person. Raises DecisionsHeldError."""
    if scope.user_id is None:
        return
    until = store.decisions_from(connection, scope.user_id)
    if until is not None and until > now():
        raise DecisionsHeldError(until)


def _hold_back(connection: Connection, scope: Scope, user_id: UUID) -> dict[str, str]:
    """Hold back what the user decides for a day and return what the audit tells of it.

    Else one administrator would be two people. Whoever has the command line has the database as well: it is not held.
    """
    if scope.actor_kind is not ActorKind.USER:
        return {}
    until = now() + HOLD_BACK
    store.hold_decisions(connection, user_id, until)
    return {"decisions_from": until.isoformat()}


def _check_not_restricted(name: str, roles: Iterable[Role], grants: Iterable[ScopeGrant]) -> None:
    if permissions_of(roles) & UNSCOPED and not store.sees_all(grants):
        raise RestrictedAdministratorError(name)


def _user(connection: Connection, user_id: UUID) -> User:
    user = store.user_by_id(connection, user_id)
    if user is None:
        raise NotFoundError(_("There is no such user."))
    return user


def _grant_texts(grants: Iterable[ScopeGrant]) -> list[str]:
    return sorted(f"{grant.kind}:{grant.target_id}" if grant.target_id else grant.kind for grant in grants)


def _role_texts(roles: Iterable[Role]) -> list[str]:
    return sorted(role.value for role in roles)


# Administration


def create_user(
    database: Database,
    scope: Scope,
    *,
    name: str,
    display_name: str,
    password: str,
    roles: Iterable[Role],
    grants: Iterable[ScopeGrant],
    password_is_temporary: bool = False,
    locale: str = "en",
) -> UUID:
    """Add an active user and return the id.

    Where a role decides, what the user decides counts a day later, but for users of the command line. With
    `password_is_temporary` the user must replace the password after the first sign-in. Raises
    SignInNameRefused, PasswordRefused, NameTakenError, RestrictedAdministratorError, NotAllowedError.
    """
    name = sign_in_name(name)
    display_name = display_name.strip() or name
    check_password_rules(password, sign_in_name=name, display_name=display_name)
    roles, grants = frozenset(roles), frozenset(grants)
    _check_not_restricted(display_name, roles, grants)
    password_hash = hash_password(password)
    user_id, moment = new_id(), now()
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.MANAGE_USERS)
        if not store.insert_user(
            connection,
            id=user_id,
            name=name,
            display_name=display_name,
            password_hash=password_hash,
            password_is_temporary=password_is_temporary,
            locale=locale,
            created_at=moment,
        ):
            raise NameTakenError(name)
        store.replace_roles(connection, user_id, roles, moment)
        store.replace_grants(connection, user_id, grants, moment)
        held = _hold_back(connection, scope, user_id) if permissions_of(roles) & DECIDING else {}
        audit.record(
            connection,
            scope,
            "access.user_created",
            "app_user",
            user_id,
            {"roles": _role_texts(roles), "scope": _grant_texts(grants), **held},
        )
    return user_id


def set_roles(database: Database, scope: Scope, user_id: UUID, roles: Iterable[Role]) -> None:
    """Make these the user's roles, at once; exports made under others end.

    Raises LastAdministratorError, RestrictedAdministratorError, NotFoundError, NotAllowedError.
    """
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.MANAGE_USERS)
        wanted = frozenset(roles)
        store.lock_user(connection, user_id)
        user = _user(connection, user_id)
        _check_not_restricted(user.display_name, wanted, user.grants)
        _write_roles(connection, scope, user_id, wanted)


def set_grants(database: Database, scope: Scope, user_id: UUID, grants: Iterable[ScopeGrant]) -> None:
    """Make these what the user sees, at once; exports of what was seen before end.

    Raises RestrictedAdministratorError, NotFoundError, NotAllowedError.
    """
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.MANAGE_USERS)
        wanted = frozenset(grants)
        store.lock_user(connection, user_id)
        user = _user(connection, user_id)
        _check_not_restricted(user.display_name, user.roles, wanted)
        _write_grants(connection, scope, user_id, wanted)


def set_rights(
    database: Database, scope: Scope, user_id: UUID, *, roles: Iterable[Role], grants: Iterable[ScopeGrant]
) -> None:
    """Make these the user's roles and what the user sees, both at once or neither.

    Raises LastAdministratorError, RestrictedAdministratorError, NotFoundError, NotAllowedError.
    """
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.MANAGE_USERS)
        wanted_roles, wanted_grants = frozenset(roles), frozenset(grants)
        _check_not_restricted(_user(connection, user_id).display_name, wanted_roles, wanted_grants)
        _write_roles(connection, scope, user_id, wanted_roles)
        _write_grants(connection, scope, user_id, wanted_grants)


def _write_roles(connection: Connection, scope: Scope, user_id: UUID, wanted: frozenset[Role]) -> None:
    store.lock_administrators(connection)
    store.lock_user(connection, user_id)
    user = _user(connection, user_id)
    if wanted == user.roles:
        return
    if Role.ADMIN not in wanted and store.active_administrators(connection) == {user_id}:
        raise LastAdministratorError(user)
    store.replace_roles(connection, user_id, wanted, now())
    store.delete_exports_of(connection, user_id)
    gained = (permissions_of(wanted) - permissions_of(user.roles)) & DECIDING
    held = _hold_back(connection, scope, user_id) if gained else {}
    audit.record(
        connection,
        scope,
        "access.roles_set",
        "app_user",
        user_id,
        {"from": _role_texts(user.roles), "to": _role_texts(wanted), **held},
    )


def _write_grants(connection: Connection, scope: Scope, user_id: UUID, wanted: frozenset[ScopeGrant]) -> None:
    store.lock_user(connection, user_id)
    user = _user(connection, user_id)
    if wanted == user.grants:
        return
    store.replace_grants(connection, user_id, wanted, now())
    store.delete_exports_of(connection, user_id)
    audit.record(
        connection,
        scope,
        "access.scope_set",
        "app_user",
        user_id,
        {"from": _grant_texts(user.grants), "to": _grant_texts(wanted)},
    )


def disable_user(database: Database, scope: Scope, user_id: UUID) -> None:
    """Keep the user from signing in and end the sessions.

    Raises LastAdministratorError, StateError, NotFoundError, NotAllowedError.
    """
    _move(database, scope, user_id, UserState.DISABLED)


def enable_user(database: Database, scope: Scope, user_id: UUID) -> None:
    """Let a disabled user sign in again; what somebody decides counts a day later.

    Raises StateError, NotFoundError, NotAllowedError.
    """
    _move(database, scope, user_id, UserState.ACTIVE)


def _move(database: Database, scope: Scope, user_id: UUID, state: UserState) -> None:
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.MANAGE_USERS)
        store.lock_administrators(connection)
        store.lock_user(connection, user_id)
        user = _user(connection, user_id)
        if state not in USER_MOVES[user.state]:
            sentence = (
                _("{name} is disabled already.")
                if user.state is UserState.DISABLED
                else _("{name} is active already.")
            )
            raise StateError(sentence.format(name=user.display_name))
        detail: dict[str, Any] = {"from": user.state.value, "to": state.value}
        if state is UserState.DISABLED:
            if store.active_administrators(connection) == {user_id}:
                raise LastAdministratorError(user)
            store.delete_exports_of(connection, user_id)
            detail["sessions_ended"] = store.end_sessions_of(connection, user_id, EndReason.DISABLED, now())
            store.forget_devices(connection, user_id, but=None)
        elif permissions_of(user.roles) & DECIDING:
            detail |= _hold_back(connection, scope, user_id)
        store.update_state(connection, user_id, state)
        action = "access.user_disabled" if state is UserState.DISABLED else "access.user_enabled"
        audit.record(connection, scope, action, "app_user", user_id, detail)


def reset_password(
    database: Database, scope: Scope, user_id: UUID, password: str, *, temporary: bool = True
) -> None:
    """Give the user another password and end the sessions; a temporary one must be replaced after sign-in.

    What somebody decides who got it from an administrator counts a day later.

    Raises PasswordRefused, NotFoundError, NotAllowedError.
    """
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.MANAGE_USERS)
        user = _user(connection, user_id)
    check_password_rules(password, sign_in_name=user.name, display_name=user.display_name)
    password_hash = hash_password(password)
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.MANAGE_USERS)
        store.lock_user(connection, user_id)
        decides = permissions_of(_user(connection, user_id).roles) & DECIDING
        held = _hold_back(connection, scope, user_id) if decides else {}
        _replace_password(
            connection,
            scope,
            user_id,
            password_hash,
            temporary=temporary,
            action="access.password_reset",
            detail=held,
        )


def _replace_password(
    connection: Connection,
    scope: Scope,
    user_id: UUID,
    password_hash: str,
    *,
    temporary: bool,
    action: str,
    detail: Mapping[str, str] | None = None,
    device: str | None = None,
) -> None:
    store.lock_user(connection, user_id)
    moment = now()
    store.update_password(connection, user_id, password_hash, temporary=temporary, changed_at=moment)
    ended = store.end_sessions_of(connection, user_id, EndReason.PASSWORD_CHANGED, moment)
    store.forget_devices(connection, user_id, but=_key(device) if device else None)
    audit.record(connection, scope, action, "app_user", user_id, {"sessions_ended": ended, **(detail or {})})


def list_users(database: Database, scope: Scope) -> list[User]:
    """Return every user by name. Raises NotAllowedError."""
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.MANAGE_USERS)
        return store.all_users(connection)


def find_user(database: Database, scope: Scope, name: str) -> User:
    """Return the user of the sign-in name. Raises NotFoundError, NotAllowedError."""
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.MANAGE_USERS)
        user = store.user_by_name(connection, name.strip().lower())
    if user is None:
        raise NotFoundError(_("There is no user “{name}”.").format(name=name))
    return user


# Signing in


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """One try at a name, counted as failed until it succeeds.

    `password_hash` is nobody's where there is no active user of the name: it is checked all the same.
    """

    name: str
    address: str
    password_hash: str
    user_id: UUID | None
    counters: Mapping[FailureKind, bytes]


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def begin_sign_in(database: Database, *, name: str, address: str, device: str | None = None) -> SignInAttempt:
    """Count a try and return what the password is to be checked against.

    Counting before checking leaves no gap for tries made at once. `device` is the browser's cookie of that name,
    unverified: where the user signed in with it before, the browser has a counter of its own in place of the
    account's, which all others share. Raises WaitBeforeSignInError, which says nothing of whether the name exists.
    """
    return _begin(
        database,
        name,
        address,
        lambda connection, plain, moment: (
            store.known_device(connection, _key(device), plain, moment) if device else None
        ),
    )


def _begin(
    database: Database,
    name: str,
    address: str,
    known: Callable[[Connection, str, datetime], UUID | None],
) -> SignInAttempt:
    name, address = name.strip().lower(), address_group(address)
    system = Scope.of_system("sign-in")
    with database.transaction(system) as connection:
        moment = now()
        keys = {FailureKind.ADDRESS: _key(address)}
        device_id = known(connection, name, moment)
        if device_id is None:
            keys[FailureKind.ACCOUNT] = _key(name)
        else:
            keys[FailureKind.DEVICE] = _key(str(device_id))
        held = store.lock_failures(connection, keys, moment)
        blocked_until = max(blocked for _failures, _last, blocked in held.values())
        if blocked_until > moment:
            raise WaitBeforeSignInError(_whole_seconds(blocked_until, moment))
        for kind, (failures, last_failed_at, _blocked) in held.items():
            forgotten = moment - last_failed_at > FAILURES_FORGOTTEN_AFTER
            count = 1 if forgotten else failures + 1
            store.set_failures(
                connection,
                kind,
                keys[kind],
                failures=count,
                last_failed_at=moment,
                blocked_until=moment + wait_after(kind, count),
            )
        found = store.password_hash_of(connection, name)
    if found is None:
        return SignInAttempt(name, address, _NOBODYS_HASH, None, keys)
    return SignInAttempt(name, address, found[1], found[0], keys)


def _whole_seconds(until: datetime, moment: datetime) -> int:
    return max(1, -int((moment - until).total_seconds() // 1))


def fail_sign_in(database: Database, attempt: SignInAttempt) -> None:
    """Put a failed try on record; begin_sign_in has counted it already."""
    system = Scope.of_system("sign-in")
    with database.transaction(system) as connection:
        audit.record(
            connection,
            system,
            "access.sign_in_failed",
            "app_user",
            attempt.user_id or "unknown",
            {"address": attempt.address},
        )


def issue_ticket(database: Database, attempt: SignInAttempt, *, visit: str) -> str:
    """Return a ticket for a try whose password was right, and forget the failures of the account or known browser.

    `visit` is the value of the cookie that the browser got with the sign-in page: only it can redeem the
    ticket, once, within 30 seconds. Raises SignInRefused when the try was nobody's.
    """
    if attempt.user_id is None:
        raise SignInRefused
    ticket = secrets.token_urlsafe(32)
    system = Scope.of_system("sign-in")
    with database.transaction(system) as connection:
        moment = now()
        keys = attempt.counters
        held = store.lock_failures(connection, keys, moment)
        for kind, (failures, last_failed_at, _blocked) in held.items():
            count = max(failures - 1, 0) if kind is FailureKind.ADDRESS else 0
            store.set_failures(
                connection,
                kind,
                keys[kind],
                failures=count,
                last_failed_at=last_failed_at,
                blocked_until=moment,
            )
        store.insert_ticket(
            connection,
            ticket_hash=_key(ticket),
            binding_hash=_key(visit),
            user_id=attempt.user_id,
            issued_at=moment,
            expires_at=moment + TICKET_LIFE,
        )
    return ticket


def redeem_ticket(database: Database, ticket: str, *, visit: str) -> str:
    """Begin a session and return its token, which is told nowhere else. Raises TicketRefused."""
    system = Scope.of_system("sign-in")
    token, session_id = secrets.token_urlsafe(32), new_id()
    with database.transaction(system) as connection:
        moment = now()
        user_id = store.use_ticket(connection, _key(ticket), _key(visit), moment)
        if user_id is not None:
            store.insert_session(
                connection,
                id=session_id,
                token_hash=_key(token),
                user_id=user_id,
                created_at=moment,
                expires_at=moment + SESSION_LIFE,
            )
            audit.record(
                connection, system, "access.signed_in", "app_user", user_id, {"session": str(session_id)}
            )
    if user_id is None:
        raise TicketRefused
    return token


def remember_device(database: Database, session_token: str, *, earlier: str | None) -> str | None:
    """Make the browser of a living session a known one of its user and return the new value of its cookie.

    `earlier` is the value that it had, unverified. It is replaced at every sign-in, so that one that somebody
    planted or copied is worth nothing afterwards. None where the session is over.
    """
    device = secrets.token_urlsafe(32)
    with database.transaction(Scope.of_system("sign-in")) as connection:
        moment = now()
        row = store.living_session(
            connection, token_hash=_key(session_token), moment=moment, idle=SESSION_IDLE
        )
        if row is None:
            return None
        # A new password that comes at this moment ends the session, or finds the browser and forgets it.
        store.lock_user(connection, row.user_id)
        if not store.living_session(
            connection, token_hash=_key(session_token), moment=moment, idle=SESSION_IDLE
        ):
            return None
        store.remember_device(
            connection,
            id=new_id(),
            user_id=row.user_id,
            earlier_hash=_key(earlier) if earlier else None,
            token_hash=_key(device),
            moment=moment,
            expires_at=moment + DEVICE_LIFE,
            most=DEVICES_OF_A_USER,
        )
    return device


def find_session(database: Database, token: str) -> SignedInUser | None:
    """Return who holds the token of a living session, else None."""
    return _signed_in(database, token_hash=_key(token))


def find_session_by_id(database: Database, session_id: UUID) -> SignedInUser | None:
    """Return whose living session this is, else None.

    The id is no secret that signs in: only call it with one that came from a verified cookie.
    """
    return _signed_in(database, session_id=session_id)


def _signed_in(
    database: Database, *, token_hash: bytes | None = None, session_id: UUID | None = None
) -> SignedInUser | None:
    with database.transaction(Scope.of_system("sign-in")) as connection:
        moment = now()
        row = store.living_session(
            connection, token_hash=token_hash, session_id=session_id, moment=moment, idle=SESSION_IDLE
        )
        if row is None:
            return None
        if (moment - row.last_seen_at).total_seconds() > _SESSION_TOUCH_SECONDS:
            store.touch_session(connection, row.session_id, moment)
        scope = _scope_of(connection, row.user_id, row.name, row.grants)
    return SignedInUser(
        id=row.user_id,
        name=row.name,
        display_name=row.display_name,
        locale=row.locale,
        session_id=row.session_id,
        roles=row.roles,
        permissions=store.permissions_with(row.roles, row.grants),
        scope=scope,
        password_is_temporary=row.password_is_temporary,
        decisions_from=row.decisions_from,
    )


def _scope_of(connection: Connection, user_id: UUID, name: str, grants: frozenset[ScopeGrant]) -> Scope:
    targets: dict[ScopeKind, set[UUID]] = {kind: set() for kind in ScopeKind}
    sees_everything = False
    for grant in grants:
        if grant.target_id is None:
            sees_everything = True
        else:
            targets[grant.kind].add(grant.target_id)
    regions = targets[ScopeKind.REGION]
    programmes = targets[ScopeKind.PROGRAMME]
    return Scope(
        ActorKind.USER,
        name,
        user_id=user_id,
        sees_everything=sees_everything,
        region_ids=region_ids_below(connection, regions) if regions else frozenset(),
        company_ids=frozenset(targets[ScopeKind.COMPANY]),
        programme_ids=frozenset(programmes) if programmes or not grants else None,
    )


def scope_of_user(database: Database, user_id: UUID) -> Scope:
    """Return what a user sees now, for work that a job does in the user's name. Raises NotFoundError."""
    with database.transaction(Scope.of_system("scope of a user")) as connection:
        user = _user(connection, user_id)
        return _scope_of(connection, user.id, user.name, user.grants)


def end_session(database: Database, user: SignedInUser) -> None:
    """Sign the user's session out; one that has ended already stays as it is."""
    with database.transaction(user.scope) as connection:
        if store.end_session(connection, user.session_id, EndReason.SIGNED_OUT, now()) is not None:
            audit.record(
                connection,
                user.scope,
                "access.signed_out",
                "app_user",
                user.id,
                {"session": str(user.session_id)},
            )


def change_password(
    database: Database, user: SignedInUser, *, current: str, new: str, device: str | None = None
) -> None:
    """Replace one's own password and end every session of one's own, this one included.

    Every known browser is forgotten but that of `device`, the cookie of the one it is done in. A wrong current
    password counts like a failed sign-in, of this session: failures of strangers don't keep anybody from it.
    Raises SignInRefused, PasswordRefused, WaitBeforeSignInError.
    """
    attempt = _begin(database, user.name, f"session {user.session_id}", lambda *_of_the_try: user.session_id)
    if not password_matches(current, attempt.password_hash) or attempt.user_id != user.id:
        fail_sign_in(database, attempt)
        raise SignInRefused
    _forget_failures(database, attempt)
    check_password_rules(new, sign_in_name=user.name, display_name=user.display_name)
    password_hash = hash_password(new)
    with database.transaction(user.scope) as connection:
        _replace_password(
            connection,
            user.scope,
            user.id,
            password_hash,
            temporary=False,
            action="access.password_changed",
            device=device,
        )


def _forget_failures(database: Database, attempt: SignInAttempt) -> None:
    with database.transaction(Scope.of_system("sign-in")) as connection:
        moment = now()
        keys = attempt.counters
        for kind in store.lock_failures(connection, keys, moment):
            store.set_failures(
                connection, kind, keys[kind], failures=0, last_failed_at=moment, blocked_until=moment
            )


# Exports


@dataclass(frozen=True, slots=True)
class Export:
    """A file that one user may fetch now."""

    path: Path
    file_name: str
    media_type: str


XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"


def make_export(
    database: Database,
    user: SignedInUser,
    folder: Path,
    *,
    permission: Permission,
    file_name: str,
    media_type: str,
    write: Callable[[Path], object],
) -> UUID:
    """Write a file for the user, who can fetch it at /exports/<id> for 15 minutes, and return its id.

    `write` fills the path it is given, and may return how many rows it wrote, for the record; `permission` is asked
    now and again when the file is fetched. A change of roles or sight ends the export, also one that comes while the
    file is written. Raises NotAllowedError, ExportGoneError.
    """
    export_id, moment = new_id(), now()
    path = folder / f"{export_id.hex}.export"
    with database.transaction(user.scope) as connection:
        check_permission(connection, user.scope, permission)
    path.touch(mode=0o600, exist_ok=False)
    try:
        written = write(path)
        path.chmod(0o600)
        with database.transaction(user.scope) as connection:
            # Held until the row is there: a change of rights is seen here, or finds the row.
            store.lock_user(connection, user.id)
            check_permission(connection, user.scope, permission)
            found = _user(connection, user.id)
            if _scope_of(connection, found.id, found.name, found.grants) != user.scope:
                raise ExportGoneError
            store.insert_export(
                connection,
                id=export_id,
                user_id=user.id,
                permission=permission,
                path=path.name,
                file_name=file_name,
                media_type=media_type,
                created_at=moment,
                expires_at=moment + EXPORT_LIFE,
            )
            audit.record(
                connection,
                user.scope,
                "access.export_made",
                "export_file",
                export_id,
                {
                    "file_name": file_name,
                    "bytes": path.stat().st_size,
                    **({"rows": written} if isinstance(written, int) else {}),
                },
            )
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return export_id


def fetch_export(database: Database, user: SignedInUser, folder: Path, export_id: UUID) -> Export:
    """Return the user's own export and put that on record. Raises ExportGoneError, NotAllowedError."""
    with database.transaction(user.scope) as connection:
        row = store.export_of(connection, export_id, user.id, now())
        if row is None or not (folder / row.path).exists():
            raise ExportGoneError
        check_permission(connection, user.scope, row.permission)
        audit.record(
            connection,
            user.scope,
            "access.export_fetched",
            "export_file",
            export_id,
            {"file_name": row.file_name},
        )
    return Export(folder / row.path, row.file_name, row.media_type)


def forget_expired(database: Database, exports_folder: Path) -> int:
    """Delete expired exports with their files, tickets, known browsers and old failures; return how many rows went.

    Files without a row (of a process that died while writing) go when they are older than an export lives.
    """
    moment = now()
    with database.transaction(Scope.of_system("housekeeping")) as connection:
        paths, gone = store.delete_expired(
            connection, moment=moment, failures_before=moment - FAILURES_FORGOTTEN_AFTER
        )
    for name in paths:
        (exports_folder / name).unlink(missing_ok=True)
    oldest = (moment - 2 * EXPORT_LIFE).timestamp()
    for path in exports_folder.glob("*.export"):
        if path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
    return gone
