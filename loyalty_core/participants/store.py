"""Every query on participants, on companies that ask to join, and on who is responsible for a company."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Row, text

from loyalty_core.access import Role, ScopeKind, UserState
from loyalty_core.kernel import NotFoundError, Scope, Sort, Sorts, StateError, _, payload_hash
from loyalty_core.organisation import CompanyKind
from loyalty_core.participants.policy import ParticipantGroup
from loyalty_core.participants.states import (
    PARTICIPANT_MOVES,
    REGISTRATION_MOVES,
    ParticipantState,
    RegistrationState,
)


@dataclass(frozen=True, slots=True)
class Participant:
    """A person who takes part, tied to a company. `user_id` is who signs in as this participant."""

    id: UUID
    code: str
    company_id: UUID
    company_code: str
    company_name: str
    group: ParticipantGroup
    is_owner: bool
    user_id: UUID | None
    state: ParticipantState
    display_name: str
    phone: str | None
    email: str | None
    requested_by: UUID | None
    requested_by_name: str
    requested_at: datetime
    decided_by_name: str | None
    decided_at: datetime | None
    decision_reason: str | None

    @property
    def payload_hash(self) -> str:
        """The hash of who this is and what for, as the row stands: a decision names the one that was shown."""
        return payload_hash(
            {
                "id": self.id,
                "code": self.code,
                "company": self.company_id,
                "group": self.group,
                "is_owner": self.is_owner,
                "user": self.user_id,
                "display_name": self.display_name,
                "phone": self.phone,
                "email": self.email,
                "requested_by": self.requested_by,
            }
        )


@dataclass(frozen=True, slots=True)
class CompanyRegistration:
    """A company that asks to join, and what became of it."""

    id: UUID
    code: str
    name: str
    kind: CompanyKind
    region_id: UUID
    region_name: str
    state: RegistrationState
    created_company_id: UUID | None
    requested_by: UUID | None
    requested_by_name: str
    requested_at: datetime
    decided_by_name: str | None
    decided_at: datetime | None
    decision_reason: str | None

    @property
    def payload_hash(self) -> str:
        """The hash of which company asks to join, as the row stands: a decision names the one that was shown."""
        return payload_hash(
            {
                "id": self.id,
                "code": self.code,
                "name": self.name,
                "kind": self.kind,
                "region": self.region_id,
                "requested_by": self.requested_by,
            }
        )


class Waiting(NamedTuple):
    """How many registrations wait, and since when the oldest one does."""

    registrations: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Salesperson:
    """A user who may be responsible for a company."""

    id: UUID
    display_name: str


class UnknownParticipantError(NotFoundError):
    """No such participant belongs to a company in the asker's scope."""

    def __init__(self, name: object) -> None:
        super().__init__(_("There is no participant “{name}” among those you see.").format(name=name))
        self.name = name


class UnknownRegistrationError(NotFoundError):
    """No such registration lies in the asker's scope."""

    def __init__(self, registration_id: UUID) -> None:
        super().__init__(_("There is no such registration among those you see."))
        self.registration_id = registration_id


_JOINED = """
from participant p
join company c on c.id = p.company_id
join participant_person n on n.participant_id = p.id
"""

_PARTICIPANT = (
    """
select p.id, p.code, p.company_id, c.code as company_code, c.name as company_name,
       p.participant_group as "group", p.is_owner, p.user_id, p.state,
       n.display_name, n.phone, n.email, p.requested_by, p.requested_by_name, p.requested_at,
       p.decided_by_name, p.decided_at, p.decision_reason
"""
    + _JOINED
)


def _participant(row: Row[Any]) -> Participant:
    values = row._asdict()
    return Participant(
        **{
            **values,
            "group": ParticipantGroup(values["group"]),
            "state": ParticipantState(values["state"]),
        }
    )


def participant_of_user(connection: Connection, user_id: UUID) -> Participant | None:
    """Return who signs in as this user, None where the user takes part in nothing."""
    row = connection.execute(text(_PARTICIPANT + "where p.user_id = :user_id"), {"user_id": user_id}).first()
    return _participant(row) if row else None


def participant_by_id(connection: Connection, participant_id: UUID) -> Participant:
    """Return the participant. Raises UnknownParticipantError."""
    row = connection.execute(text(_PARTICIPANT + "where p.id = :id"), {"id": participant_id}).first()
    if row is None:
        raise UnknownParticipantError(participant_id)
    return _participant(row)


def participant_by_code(connection: Connection, code: str) -> Participant:
    """Return the participant with this code. Raises UnknownParticipantError."""
    row = connection.execute(text(_PARTICIPANT + "where p.code = :code"), {"code": code}).first()
    if row is None:
        raise UnknownParticipantError(code)
    return _participant(row)


def participants_of_company(connection: Connection, company_id: UUID) -> list[Participant]:
    """Return the company's people in every state, its owners first, then by name."""
    rows = connection.execute(
        text(
            _PARTICIPANT + "where p.company_id = :company_id order by p.is_owner desc, n.display_name, p.code"
        ),
        {"company_id": company_id},
    )
    return [_participant(row) for row in rows]


_MATCHES = (
    "where :words = '' or position(folded(:words) in"
    " folded(p.code || ' ' || n.display_name || ' ' || c.code || ' ' || c.name)) > 0"
)


_FOUND_SORTS = Sorts(
    {"name": "folded(n.display_name)", "company": "folded(c.name)", "code": "p.code"},
    default="n.display_name, p.code",
)


def find_participants(
    connection: Connection, words: str, *, sort: Sort | None = None, limit: int, offset: int = 0
) -> list[Participant]:
    """Return participants of the scope whose code, name or company holds the words, by name; '' finds all.

    `sort` is by name, company or code.
    """
    order_by = _FOUND_SORTS.order_by(sort)
    rows = connection.execute(
        text(_PARTICIPANT + _MATCHES + f"{order_by} limit :limit offset :offset"),
        {"words": words, "limit": limit, "offset": offset},
    )
    return [_participant(row) for row in rows]


def count_participants(connection: Connection, words: str = "") -> int:
    """Return how many participants `find_participants` would find in all."""
    return int(
        connection.execute(
            text("select count(*)" + _JOINED + _MATCHES),
            {"words": words},
        ).scalar_one()
    )


def waiting_participants(connection: Connection) -> list[Participant]:
    """Return the participants that wait for approval, the oldest first."""
    rows = connection.execute(
        text(_PARTICIPANT + "where p.state = 'waiting' order by p.requested_at, p.code")
    )
    return [_participant(row) for row in rows]


_REGISTRATION = """
select q.id, q.code, q.name, q.kind, q.region_id, r.name as region_name, q.state, q.created_company_id,
       q.requested_by, q.requested_by_name, q.requested_at, q.decided_by_name, q.decided_at, q.decision_reason
from company_registration q
join region r on r.id = q.region_id
"""


def _registration(row: Row[Any]) -> CompanyRegistration:
    values = row._asdict()
    return CompanyRegistration(
        **{
            **values,
            "kind": CompanyKind(values["kind"]),
            "state": RegistrationState(values["state"]),
        }
    )


def waiting_companies(connection: Connection) -> list[CompanyRegistration]:
    """Return the companies that wait for approval, the oldest first."""
    rows = connection.execute(
        text(_REGISTRATION + "where q.state = 'waiting' order by q.requested_at, q.code")
    )
    return [_registration(row) for row in rows]


def decided_companies(connection: Connection, *, limit: int) -> list[CompanyRegistration]:
    """Return the companies that were approved or rejected, the last decided first."""
    rows = connection.execute(
        text(_REGISTRATION + "where q.state <> 'waiting' order by q.decided_at desc, q.code limit :limit"),
        {"limit": limit},
    )
    return [_registration(row) for row in rows]


def decided_participants(connection: Connection, *, limit: int) -> list[Participant]:
    """Return the participants about whom something was decided, the last decided first."""
    rows = connection.execute(
        text(_PARTICIPANT + "where p.state <> 'waiting' order by p.decided_at desc, p.code limit :limit"),
        {"limit": limit},
    )
    return [_participant(row) for row in rows]


def registration_by_id(connection: Connection, registration_id: UUID) -> CompanyRegistration:
    """Return the registration of a company. Raises UnknownRegistrationError."""
    row = connection.execute(text(_REGISTRATION + "where q.id = :id"), {"id": registration_id}).first()
    if row is None:
        raise UnknownRegistrationError(registration_id)
    return _registration(row)


def registration_by_key(connection: Connection, request_key: UUID) -> CompanyRegistration | None:
    """Return the registration that was asked for under this key, None when none is in sight."""
    row = connection.execute(text(_REGISTRATION + "where q.request_key = :key"), {"key": request_key}).first()
    return _registration(row) if row else None


def registrations_waiting(connection: Connection) -> Waiting:
    """Return how many companies and participants wait for approval, and since when the oldest one does."""
    row = connection.execute(
        text(
            "select count(*) as registrations, min(requested_at) as oldest_at from"
            " (select requested_at from company_registration where state = 'waiting'"
            " union all select requested_at from participant where state = 'waiting') w"
        )
    ).one()
    return Waiting(row.registrations, row.oldest_at)


def display_names(connection: Connection, participant_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return what the participants of the scope are called, by id; ids of nobody are left out."""
    rows = connection.execute(
        text(
            "select participant_id, display_name from participant_person"
            " where participant_id in (select unnest(cast(:ids as uuid[])))"
        ),
        {"ids": sorted(participant_ids)},
    )
    return {row.participant_id: row.display_name for row in rows}


def namesakes(connection: Connection) -> dict[UUID, str]:
    """Return, for each waiting registration that looks like one known already, the code of that one.

    A company looks like another by its name, a participant like one of the same company by name.
    """
    rows = connection.execute(
        text(
            "select q.id, min(c.code) as code from company_registration q"
            " join company c on lower(c.name) = lower(q.name) where q.state = 'waiting' group by q.id"
            " union all select p.id, min(o.code) from participant p"
            " join participant_person n on n.participant_id = p.id"
            " join participant_person m on m.company_id = p.company_id"
            " and lower(m.display_name) = lower(n.display_name) and m.participant_id <> p.id"
            " join participant o on o.id = m.participant_id and o.state <> 'rejected'"
            " where p.state = 'waiting' group by p.id"
        )
    )
    return {row.id: row.code for row in rows}


def insert_company_registration(
    connection: Connection,
    scope: Scope,
    *,
    id: UUID,
    request_key: UUID,
    code: str,
    name: str,
    kind: CompanyKind,
    region_id: UUID,
    requested_at: datetime,
) -> bool:
    """Add a company that asks to join; False, with nothing added, where key or waiting code is there already."""
    added = connection.execute(
        text(
            "insert into company_registration (id, request_key, code, name, kind, region_id, state, requested_by,"
            " requested_by_name, requested_at) values (:id, :request_key, :code, :name, :kind, :region_id,"
            " :state, :requested_by, :requested_by_name, :requested_at) on conflict do nothing"
        ),
        {
            "id": id,
            "request_key": request_key,
            "code": code,
            "name": name,
            "kind": kind.value,
            "region_id": region_id,
            "state": RegistrationState.WAITING.value,
            "requested_by": scope.user_id,
            "requested_by_name": scope.actor_name,
            "requested_at": requested_at,
        },
    )
    return bool(added.rowcount)


def company_code_is_taken(connection: Connection, code: str) -> bool:
    """Whether a company has the code. Asked under a scope that sees everything."""
    return bool(
        connection.execute(
            text("select exists (select from company where code = :code)"), {"code": code}
        ).scalar_one()
    )


def insert_participant(
    connection: Connection,
    scope: Scope,
    *,
    id: UUID,
    code: str,
    company_id: UUID,
    group: ParticipantGroup,
    is_owner: bool,
    user_id: UUID | None,
    display_name: str,
    phone: str | None,
    email: str | None,
    requested_at: datetime,
) -> bool:
    """Add a waiting participant; False, with nothing added, where the code or the user is taken."""
    added = connection.execute(
        text(
            "insert into participant (id, code, company_id, participant_group, is_owner, user_id, state,"
            " requested_by, requested_by_name, requested_at) values (:id, :code, :company_id, :group, :is_owner,"
            " :user_id, :state, :requested_by, :requested_by_name, :requested_at) on conflict do nothing"
        ),
        {
            "id": id,
            "code": code,
            "company_id": company_id,
            "group": group.value,
            "is_owner": is_owner,
            "user_id": user_id,
            "state": ParticipantState.WAITING.value,
            "requested_by": scope.user_id,
            "requested_by_name": scope.actor_name,
            "requested_at": requested_at,
        },
    )
    if not added.rowcount:
        return False
    connection.execute(
        text(
            "insert into participant_person (participant_id, company_id, display_name, phone, email, recorded_at)"
            " values (:id, :company_id, :display_name, :phone, :email, :recorded_at)"
        ),
        {
            "id": id,
            "company_id": company_id,
            "display_name": display_name,
            "phone": phone,
            "email": email,
            "recorded_at": requested_at,
        },
    )
    return True


def lock_participant(connection: Connection, participant_id: UUID) -> Participant:
    """Hold the participant's row until the transaction ends. Raises UnknownParticipantError."""
    connection.execute(text("select 1 from participant where id = :id for update"), {"id": participant_id})
    return participant_by_id(connection, participant_id)


def lock_registration(connection: Connection, registration_id: UUID) -> CompanyRegistration:
    """Hold the registration's row until the transaction ends. Raises UnknownRegistrationError."""
    connection.execute(
        text("select 1 from company_registration where id = :id for update"), {"id": registration_id}
    )
    return registration_by_id(connection, registration_id)


def move_participant(
    connection: Connection,
    scope: Scope,
    found: Participant,
    state: ParticipantState,
    *,
    reason: str | None,
    decided_at: datetime,
) -> None:
    """Move a participant, whose row the caller has locked. Raises StateError where no such move exists."""
    if state not in PARTICIPANT_MOVES[found.state]:
        sentence = {
            ParticipantState.WAITING: _("{name} still waits for approval."),
            ParticipantState.ACTIVE: _("{name} takes part already."),
            ParticipantState.SUSPENDED: _("{name} is suspended."),
            ParticipantState.REJECTED: _("{name} was rejected already."),
        }[found.state]
        raise StateError(sentence.format(name=found.display_name))
    connection.execute(
        text(
            "update participant set state = :state, decided_by = :decided_by, decided_by_name = :decided_by_name,"
            " decided_at = :decided_at, decision_reason = :reason where id = :id"
        ),
        {"id": found.id, "state": state.value, **_decision(scope, reason, decided_at)},
    )


def move_registration(
    connection: Connection,
    scope: Scope,
    found: CompanyRegistration,
    state: RegistrationState,
    *,
    reason: str | None,
    decided_at: datetime,
    created_company_id: UUID | None = None,
) -> None:
    """Move a registration, whose row the caller has locked. Raises StateError where no such move exists."""
    if state not in REGISTRATION_MOVES[found.state]:
        sentence = (
            _("{name} was approved already.")
            if found.state is RegistrationState.APPROVED
            else _("{name} was rejected already.")
        )
        raise StateError(sentence.format(name=found.name))
    connection.execute(
        text(
            "update company_registration set state = :state, created_company_id = :created_company_id,"
            " decided_by = :decided_by, decided_by_name = :decided_by_name, decided_at = :decided_at,"
            " decision_reason = :reason where id = :id"
        ),
        {
            "id": found.id,
            "state": state.value,
            "created_company_id": created_company_id,
            **_decision(scope, reason, decided_at),
        },
    )


def _decision(scope: Scope, reason: str | None, decided_at: datetime) -> dict[str, object]:
    return {
        "decided_by": scope.user_id,
        "decided_by_name": scope.actor_name,
        "decided_at": decided_at,
        "reason": reason,
    }


def user_can_be_linked(connection: Connection, user_id: UUID) -> bool:
    """Whether the user exists and may sign in."""
    return bool(
        connection.execute(
            text("select exists (select from app_user where id = :id and state = :state)"),
            {"id": user_id, "state": UserState.ACTIVE.value},
        ).scalar_one()
    )


def set_user(connection: Connection, participant_id: UUID, user_id: UUID) -> None:
    """Let the user sign in as this participant. A unique key keeps a user from being two."""
    connection.execute(
        text("update participant set user_id = :user_id where id = :id"),
        {"id": participant_id, "user_id": user_id},
    )


def lock_link(connection: Connection, user_id: UUID) -> None:
    """Let only one transaction at a time link the user to a participant."""
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended('laurel.participant_of:' || :id, 0))"),
        {"id": str(user_id)},
    )


def user_takes_part(connection: Connection, user_id: UUID) -> bool:
    """Whether the user is a participant somewhere. Asked under a scope that sees everything."""
    return bool(
        connection.execute(
            text("select exists (select from participant where user_id = :user_id)"), {"user_id": user_id}
        ).scalar_one()
    )


def salespeople_for(connection: Connection, company_id: UUID) -> list[Salesperson]:
    """Return who may be responsible for the company, by name: active sales staff that see it.

    Asked under a scope that sees everything: the regions above the company count too.
    """
    rows = connection.execute(
        text(
            "with recursive above as ("
            " select r.id, r.parent_id from company c join region r on r.id = c.region_id where c.id = :company_id"
            " union select r.id, r.parent_id from above a join region r on r.id = a.parent_id)"
            " select distinct u.id, u.display_name from app_user u"
            " join user_role o on o.user_id = u.id and o.role in (:sales, :head)"
            " join user_scope g on g.user_id = u.id and (g.kind = :everything"
            " or g.kind = :region and g.target_id in (select id from above)"
            " or g.kind = :company and g.target_id = :company_id)"
            " where u.state = :active order by u.display_name, u.id"
        ),
        {
            "company_id": company_id,
            "sales": Role.SALES.value,
            "head": Role.HEAD_OF_SALES.value,
            "everything": ScopeKind.EVERYTHING.value,
            "region": ScopeKind.REGION.value,
            "company": ScopeKind.COMPANY.value,
            "active": UserState.ACTIVE.value,
        },
    )
    return [Salesperson(row.id, row.display_name) for row in rows]


def known_participant_codes(connection: Connection, codes: Collection[str]) -> set[str]:
    """Return those of the codes that are those of participants in the scope."""
    rows = connection.execute(
        text("select code from participant where code = any(cast(:codes as text[]))"), {"codes": list(codes)}
    )
    return set(rows.scalars())
