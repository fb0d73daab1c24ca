"""Every query on users, their rights and their sessions."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core.access.policy import (
    UNSCOPED,
    EndReason,
    FailureKind,
    Permission,
    Role,
    ScopeKind,
    UserState,
    permissions_of,
)
from loyalty_core.kernel import new_id


@dataclass(frozen=True, slots=True, order=True)
class ScopeGrant:
    """One thing that a user may see; `target_id` is a region, company or programme, None for everything."""

    kind: ScopeKind
    target_id: UUID | None = None

    def __post_init__(self) -> None:
        if (self.kind is ScopeKind.EVERYTHING) != (self.target_id is None):
            raise ValueError("a grant of everything has no target, every other has one")


def sees_all(grants: Iterable[ScopeGrant]) -> bool:
    """Whether the grants keep their holder to nothing: every region and company, and every programme."""
    kinds = {grant.kind for grant in grants}
    return ScopeKind.EVERYTHING in kinds and ScopeKind.PROGRAMME not in kinds


def permissions_with(roles: Iterable[Role], grants: Iterable[ScopeGrant]) -> frozenset[Permission]:
    """Return what the roles allow to somebody with these grants: what knows no region only to who sees all."""
    allowed = permissions_of(roles)
    return allowed if sees_all(grants) else allowed - UNSCOPED


@dataclass(frozen=True, slots=True)
class User:
    """A person who may sign in, as an administrator sees them."""

    id: UUID
    name: str
    display_name: str
    state: UserState
    locale: str
    roles: frozenset[Role]
    grants: frozenset[ScopeGrant]
    created_at: datetime
    last_seen_at: datetime | None
    decisions_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A living session and whose it is."""

    session_id: UUID
    last_seen_at: datetime
    user_id: UUID
    name: str
    display_name: str
    locale: str
    password_is_temporary: bool
    roles: frozenset[Role]
    grants: frozenset[ScopeGrant]
    decisions_from: datetime | None


def _roles(values: Iterable[str]) -> frozenset[Role]:
    return frozenset(Role(value) for value in values)


def _grants(values: Iterable[str]) -> frozenset[ScopeGrant]:
    pairs = (value.split(":", 1) for value in values)
    return frozenset(ScopeGrant(ScopeKind(kind), UUID(target) if target else None) for kind, target in pairs)


def insert_user(
    connection: Connection,
    *,
    id: UUID,
    name: str,
    display_name: str,
    password_hash: str,
    password_is_temporary: bool,
    locale: str,
    created_at: datetime,
) -> bool:
    """Add an active user; False when the name is taken."""
    result = connection.execute(
        text(
            "insert into app_user (id, name, display_name, password_hash, password_is_temporary, state,"
            " locale, created_at, password_changed_at) values (:id, :name, :display_name, :password_hash,"
            " :password_is_temporary, 'active', :locale, :created_at, :created_at)"
            " on conflict (name) do nothing"
        ),
        {
            "id": id,
            "name": name,
            "display_name": display_name,
            "password_hash": password_hash,
            "password_is_temporary": password_is_temporary,
            "locale": locale,
            "created_at": created_at,
        },
    )
    return result.rowcount == 1


_USERS = """
select u.id, u.name, u.display_name, u.state, u.locale, u.created_at, u.decisions_from,
       array(select r.role from user_role r where r.user_id = u.id) as roles,
       array(select g.kind || ':' || coalesce(g.target_id::text, '')
             from user_scope g where g.user_id = u.id) as grants,
       (select max(s.last_seen_at) from web_session s where s.user_id = u.id) as last_seen_at
from app_user u
"""


def _user(row: Any) -> User:
    return User(
        id=row.id,
        name=row.name,
        display_name=row.display_name,
        state=UserState(row.state),
        locale=row.locale,
        roles=_roles(row.roles),
        grants=_grants(row.grants),
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        decisions_from=row.decisions_from,
    )


def all_users(connection: Connection) -> list[User]:
    """Return every user by name."""
    return [_user(row) for row in connection.execute(text(_USERS + "order by u.name"))]


def user_by_id(connection: Connection, user_id: UUID) -> User | None:
    """Return the user, or None."""
    row = connection.execute(text(_USERS + "where u.id = :id"), {"id": user_id}).one_or_none()
    return _user(row) if row else None


def user_by_name(connection: Connection, name: str) -> User | None:
    """Return the user of the sign-in name, or None."""
    row = connection.execute(text(_USERS + "where u.name = :name"), {"name": name}).one_or_none()
    return _user(row) if row else None


def display_name_of(connection: Connection, user_id: UUID) -> str | None:
    """Return what the user is called, or None where there is no such user."""
    name: str | None = connection.execute(
        text("select display_name from app_user where id = :id"), {"id": user_id}
    ).scalar_one_or_none()
    return name


def display_names(connection: Connection, user_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return what the users are called, by id; ids of nobody are left out."""
    rows = connection.execute(
        text("select id, display_name from app_user where id in (select unnest(cast(:ids as uuid[])))"),
        {"ids": sorted(user_ids)},
    )
    return {row.id: row.display_name for row in rows}


def lock_user(connection: Connection, user_id: UUID) -> UserState | None:
    """Hold the user's row until the transaction ends and return the state, or None when there is no user."""
    state = connection.execute(
        text("select state from app_user where id = :id for update"), {"id": user_id}
    ).scalar_one_or_none()
    return UserState(state) if state else None


def password_hash_of(connection: Connection, name: str) -> tuple[UUID, str] | None:
    """Return an active user's id and password hash, or None."""
    row = connection.execute(
        text("select id, password_hash from app_user where name = :name and state = 'active'"), {"name": name}
    ).one_or_none()
    return (row.id, row.password_hash) if row else None


def update_password(
    connection: Connection, user_id: UUID, password_hash: str, *, temporary: bool, changed_at: datetime
) -> None:
    """Replace the password."""
    connection.execute(
        text(
            "update app_user set password_hash = :hash, password_is_temporary = :temporary,"
            " password_changed_at = :changed_at where id = :id"
        ),
        {"id": user_id, "hash": password_hash, "temporary": temporary, "changed_at": changed_at},
    )


def hold_decisions(connection: Connection, user_id: UUID, until: datetime) -> None:
    """Let the user decide nothing before this moment; one that is later stays."""
    connection.execute(
        text("update app_user set decisions_from = greatest(decisions_from, :until) where id = :id"),
        {"id": user_id, "until": until},
    )


def decisions_from(connection: Connection, user_id: UUID) -> datetime | None:
    """Return from when on the user decides, None where that is at once."""
    moment: datetime | None = connection.execute(
        text("select decisions_from from app_user where id = :id"), {"id": user_id}
    ).scalar_one_or_none()
    return moment


def update_state(connection: Connection, user_id: UUID, state: UserState) -> None:
    """Set the user's state."""
    connection.execute(
        text("update app_user set state = :state where id = :id"), {"id": user_id, "state": state.value}
    )


def replace_roles(connection: Connection, user_id: UUID, roles: Iterable[Role], granted_at: datetime) -> None:
    """Make these the user's roles; those kept keep the time of their grant."""
    wanted = sorted(role.value for role in roles)
    connection.execute(
        text("delete from user_role where user_id = :id and role <> all(:roles)"),
        {"id": user_id, "roles": wanted},
    )
    connection.execute(
        text(
            "insert into user_role (user_id, role, granted_at) select :id, role, :granted_at"
            " from unnest(cast(:roles as text[])) as role on conflict do nothing"
        ),
        {"id": user_id, "roles": wanted, "granted_at": granted_at},
    )


def replace_grants(
    connection: Connection, user_id: UUID, grants: Iterable[ScopeGrant], granted_at: datetime
) -> None:
    """Make these the user's grants of scope."""
    connection.execute(text("delete from user_scope where user_id = :id"), {"id": user_id})
    rows = [
        {
            "id": new_id(),
            "user_id": user_id,
            "kind": grant.kind.value,
            "target_id": grant.target_id,
            "granted_at": granted_at,
        }
        for grant in set(grants)
    ]
    if rows:
        connection.execute(
            text(
                "insert into user_scope (id, user_id, kind, target_id, granted_at)"
                " values (:id, :user_id, :kind, :target_id, :granted_at)"
            ),
            rows,
        )


def lock_administrators(connection: Connection) -> None:
    """Let one transaction at a time change who is an administrator."""
    connection.execute(text("select pg_advisory_xact_lock(hashtextextended('laurel.administrators', 0))"))


def active_administrators(connection: Connection) -> frozenset[UUID]:
    """Return every active user with the administrator's role who sees everything."""
    rows = connection.execute(
        text(
            "select u.id from app_user u where u.state = 'active'"
            " and exists (select from user_role r where r.user_id = u.id and r.role = 'admin')"
            " and exists (select from user_scope g where g.user_id = u.id and g.kind = 'everything')"
            " and not exists (select from user_scope g where g.user_id = u.id and g.kind = 'programme')"
        )
    )
    return frozenset(rows.scalars())


def permissions_now(connection: Connection, user_id: UUID) -> frozenset[Permission]:
    """Return what roles and grants allow the user at this moment; nothing for one who is disabled."""
    row = connection.execute(
        text(
            "select array(select r.role from user_role r where r.user_id = u.id) as roles,"
            " array(select g.kind || ':' || coalesce(g.target_id::text, '') from user_scope g"
            " where g.user_id = u.id) as grants from app_user u where u.id = :id and u.state = 'active'"
        ),
        {"id": user_id},
    ).one_or_none()
    return permissions_with(_roles(row.roles), _grants(row.grants)) if row else frozenset()


# Sign-in


def lock_failures(
    connection: Connection, keys: Mapping[FailureKind, bytes], moment: datetime
) -> dict[FailureKind, tuple[int, datetime, datetime]]:
    """Hold the counters of the kinds given until the transaction ends: failures, last failure, blocked until.

    Always in one order, so that two sign-ins never wait for each other.
    """
    held = {}
    for kind in filter(keys.__contains__, FailureKind):
        connection.execute(
            text(
                "insert into sign_in_failure (kind, key_hash, failures, last_failed_at, blocked_until)"
                " values (:kind, :key, 0, :moment, :moment) on conflict do nothing"
            ),
            {"kind": kind.value, "key": keys[kind], "moment": moment},
        )
        row = connection.execute(
            text(
                "select failures, last_failed_at, blocked_until from sign_in_failure"
                " where kind = :kind and key_hash = :key for update"
            ),
            {"kind": kind.value, "key": keys[kind]},
        ).one()
        held[kind] = (row.failures, row.last_failed_at, row.blocked_until)
    return held


def set_failures(
    connection: Connection,
    kind: FailureKind,
    key: bytes,
    *,
    failures: int,
    last_failed_at: datetime,
    blocked_until: datetime,
) -> None:
    """Write one counter."""
    connection.execute(
        text(
            "update sign_in_failure set failures = :failures, last_failed_at = :last_failed_at,"
            " blocked_until = :blocked_until where kind = :kind and key_hash = :key"
        ),
        {
            "kind": kind.value,
            "key": key,
            "failures": failures,
            "last_failed_at": last_failed_at,
            "blocked_until": blocked_until,
        },
    )


def known_device(connection: Connection, token_hash: bytes, name: str, moment: datetime) -> UUID | None:
    """Return what this browser is known as to the user of the name, or None."""
    found: UUID | None = connection.execute(
        text(
            "select d.id from known_device d join app_user u on u.id = d.user_id"
            " where d.token_hash = :hash and u.name = :name and d.expires_at > :moment"
        ),
        {"hash": token_hash, "name": name, "moment": moment},
    ).scalar_one_or_none()
    return found


def remember_device(
    connection: Connection,
    *,
    id: UUID,
    user_id: UUID,
    earlier_hash: bytes | None,
    token_hash: bytes,
    moment: datetime,
    expires_at: datetime,
    most: int,
) -> None:
    """Make the browser a known one of the user, under a new token; all who it knows go with it.

    Of more than `most` browsers of the user those used longest ago are forgotten.
    """
    if earlier_hash is not None:
        connection.execute(
            text(
                "update known_device set token_hash = :hash where token_hash = :earlier and expires_at > :moment"
            ),
            {"hash": token_hash, "earlier": earlier_hash, "moment": moment},
        )
    connection.execute(
        text(
            "insert into known_device (id, token_hash, user_id, expires_at)"
            " values (:id, :hash, :user_id, :expires_at)"
            " on conflict (token_hash, user_id) do update set expires_at = excluded.expires_at"
        ),
        {"id": id, "hash": token_hash, "user_id": user_id, "expires_at": expires_at},
    )
    connection.execute(
        text(
            "delete from known_device where id in (select id from known_device where user_id = :user_id"
            " order by expires_at desc, id desc offset :most)"
        ),
        {"user_id": user_id, "most": most},
    )


def forget_devices(connection: Connection, user_id: UUID, *, but: bytes | None) -> None:
    """Forget every known browser of the user, but the one of this token's hash."""
    connection.execute(
        text(
            "delete from known_device where user_id = :user_id"
            " and token_hash is distinct from cast(:but as bytea)"
        ),
        {"user_id": user_id, "but": but},
    )


def insert_ticket(
    connection: Connection,
    *,
    ticket_hash: bytes,
    binding_hash: bytes,
    user_id: UUID,
    issued_at: datetime,
    expires_at: datetime,
) -> None:
    """Keep a ticket until it is used."""
    connection.execute(
        text(
            "insert into sign_in_ticket (ticket_hash, binding_hash, user_id, issued_at, expires_at)"
            " values (:ticket_hash, :binding_hash, :user_id, :issued_at, :expires_at)"
        ),
        {
            "ticket_hash": ticket_hash,
            "binding_hash": binding_hash,
            "user_id": user_id,
            "issued_at": issued_at,
            "expires_at": expires_at,
        },
    )


def use_ticket(
    connection: Connection, ticket_hash: bytes, binding_hash: bytes, moment: datetime
) -> UUID | None:
    """Use up a ticket and return whose it is; None when it is unknown, used, late, or another browser's.

    The user's row is held, so that a session never begins beside a disabling or a new password.
    """
    row = connection.execute(
        text(
            "update sign_in_ticket set used_at = :moment where ticket_hash = :ticket_hash"
            " and binding_hash = :binding_hash and used_at is null and expires_at > :moment"
            " returning user_id, issued_at"
        ),
        {"ticket_hash": ticket_hash, "binding_hash": binding_hash, "moment": moment},
    ).one_or_none()
    if row is None:
        return None
    user: UUID | None = connection.execute(
        text(
            "select id from app_user where id = :id and state = 'active'"
            " and password_changed_at <= :issued_at for update"
        ),
        {"id": row.user_id, "issued_at": row.issued_at},
    ).scalar_one_or_none()
    return user


def insert_session(
    connection: Connection,
    *,
    id: UUID,
    token_hash: bytes,
    user_id: UUID,
    created_at: datetime,
    expires_at: datetime,
) -> None:
    """Begin a session."""
    connection.execute(
        text(
            "insert into web_session (id, token_hash, user_id, created_at, last_seen_at, expires_at)"
            " values (:id, :token_hash, :user_id, :created_at, :created_at, :expires_at)"
        ),
        {
            "id": id,
            "token_hash": token_hash,
            "user_id": user_id,
            "created_at": created_at,
            "expires_at": expires_at,
        },
    )


_LIVING = """
select s.id as session_id, s.last_seen_at, u.id as user_id, u.name, u.display_name, u.locale,
       u.password_is_temporary, u.decisions_from,
       array(select r.role from user_role r where r.user_id = u.id) as roles,
       array(select g.kind || ':' || coalesce(g.target_id::text, '')
             from user_scope g where g.user_id = u.id) as grants
from web_session s join app_user u on u.id = s.user_id
where s.ended_at is null and s.expires_at > :moment and s.last_seen_at > :idle_since
  and u.state = 'active'
"""


def living_session(
    connection: Connection,
    *,
    token_hash: bytes | None = None,
    session_id: UUID | None = None,
    moment: datetime,
    idle: timedelta,
) -> SessionRow | None:
    """Return the session by its token's hash or its id while it lives, else None."""
    by, value = (
        ("and s.token_hash = :key", token_hash) if session_id is None else ("and s.id = :key", session_id)
    )
    row = connection.execute(
        text(_LIVING + by), {"key": value, "moment": moment, "idle_since": moment - idle}
    ).one_or_none()
    if row is None:
        return None
    return SessionRow(
        session_id=row.session_id,
        last_seen_at=row.last_seen_at,
        user_id=row.user_id,
        name=row.name,
        display_name=row.display_name,
        locale=row.locale,
        password_is_temporary=row.password_is_temporary,
        roles=_roles(row.roles),
        grants=_grants(row.grants),
        decisions_from=row.decisions_from,
    )


def touch_session(connection: Connection, session_id: UUID, moment: datetime) -> None:
    """Note that the session was used."""
    connection.execute(
        text("update web_session set last_seen_at = :moment where id = :id and last_seen_at < :moment"),
        {"id": session_id, "moment": moment},
    )


def end_session(connection: Connection, session_id: UUID, reason: EndReason, moment: datetime) -> UUID | None:
    """End one session where it has not ended yet; return whose it was."""
    user: UUID | None = connection.execute(
        text(
            "update web_session set ended_at = :moment, ended_reason = :reason"
            " where id = :id and ended_at is null returning user_id"
        ),
        {"id": session_id, "reason": reason.value, "moment": moment},
    ).scalar_one_or_none()
    return user


def end_sessions_of(connection: Connection, user_id: UUID, reason: EndReason, moment: datetime) -> int:
    """End every open session of the user; return how many."""
    result = connection.execute(
        text(
            "update web_session set ended_at = :moment, ended_reason = :reason"
            " where user_id = :id and ended_at is null"
        ),
        {"id": user_id, "reason": reason.value, "moment": moment},
    )
    return result.rowcount


# Exports


def insert_export(
    connection: Connection,
    *,
    id: UUID,
    user_id: UUID,
    permission: Permission,
    path: str,
    file_name: str,
    media_type: str,
    created_at: datetime,
    expires_at: datetime,
) -> None:
    """Remember a file made for one user."""
    connection.execute(
        text(
            "insert into export_file (id, user_id, permission, path, file_name, media_type, created_at,"
            " expires_at) values (:id, :user_id, :permission, :path, :file_name, :media_type, :created_at,"
            " :expires_at)"
        ),
        {
            "id": id,
            "user_id": user_id,
            "permission": permission.value,
            "path": path,
            "file_name": file_name,
            "media_type": media_type,
            "created_at": created_at,
            "expires_at": expires_at,
        },
    )


@dataclass(frozen=True, slots=True)
class ExportRow:
    """A file made for one user; `path` is relative to the exports folder."""

    id: UUID
    permission: Permission
    path: str
    file_name: str
    media_type: str


def export_of(connection: Connection, export_id: UUID, user_id: UUID, moment: datetime) -> ExportRow | None:
    """Return the user's export while it has not expired."""
    row = connection.execute(
        text(
            "select id, permission, path, file_name, media_type from export_file"
            " where id = :id and user_id = :user_id and expires_at > :moment"
        ),
        {"id": export_id, "user_id": user_id, "moment": moment},
    ).one_or_none()
    if row is None:
        return None
    return ExportRow(row.id, Permission(row.permission), row.path, row.file_name, row.media_type)


def delete_exports_of(connection: Connection, user_id: UUID) -> int:
    """Forget the user's exports and return how many there were; housekeeping takes the files away."""
    return connection.execute(
        text("delete from export_file where user_id = :user_id"), {"user_id": user_id}
    ).rowcount


def delete_expired(
    connection: Connection, *, moment: datetime, failures_before: datetime
) -> tuple[list[str], int]:
    """Forget what expired and old failures; return the exports' paths and how many rows went."""
    paths = list(
        connection.execute(
            text("delete from export_file where expires_at <= :moment returning path"), {"moment": moment}
        ).scalars()
    )
    tickets = connection.execute(
        text("delete from sign_in_ticket where expires_at <= :moment"), {"moment": moment}
    ).rowcount
    failures = connection.execute(
        text("delete from sign_in_failure where last_failed_at <= :before and blocked_until <= :moment"),
        {"before": failures_before, "moment": moment},
    ).rowcount
    devices = connection.execute(
        text("delete from known_device where expires_at <= :moment"), {"moment": moment}
    ).rowcount
    return paths, len(paths) + tickets + failures + devices
