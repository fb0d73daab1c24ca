"""What people do about those who take part: register, decide, suspend, link to a user, assign sales staff."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

from loyalty_core import audit
from loyalty_core.access import Permission, check_decides_by_now, check_permission
from loyalty_core.kernel import (
    ChangedSinceShownError,
    Database,
    NotAllowedError,
    NotFoundError,
    Refusal,
    Scope,
    StateError,
    _,
    new_id,
    now,
    set_scope,
)
from loyalty_core.organisation import (
    CompanyKind,
    all_regions,
    company_by_code,
    hold_company,
    insert_company,
    set_distributor,
    set_salesperson,
)
from loyalty_core.participants import policy, store
from loyalty_core.participants.policy import ParticipantGroup
from loyalty_core.participants.states import ParticipantState, RegistrationState
from loyalty_core.participants.store import CompanyRegistration, Participant, Salesperson


class CodeTakenError(Refusal):
    """A company, a participant or a waiting registration has the code."""

    def __init__(self, code: str) -> None:
        super().__init__(
            _(
                "The code “{code}” is taken, by one that waits or by one that is there. Choose another."
            ).format(code=code)
        )
        self.code = code


class RequestKeyReusedError(Refusal):
    """The form was sent before, with other contents."""

    def __init__(self) -> None:
        super().__init__(
            _("This form was sent already, with other contents. Open it anew and send it again.")
        )


class OwnRegistrationError(NotAllowedError):
    """Who registered a company or a person does not approve it."""

    def __init__(self, name: str) -> None:
        super().__init__(
            _("{name} was registered by you: somebody else has to approve it.").format(name=name)
        )


class OwnParticipationError(NotAllowedError):
    """Nobody lets themselves take part."""

    def __init__(self, name: str) -> None:
        super().__init__(
            _("{name} is yourself: somebody else has to decide whether you take part.").format(name=name)
        )


class OnlyPeopleApproveError(NotAllowedError):
    """Jobs and the command line let nobody in."""

    def __init__(self) -> None:
        super().__init__(
            _("Who takes part is approved by a person, and never by a command. Sign in to do it.")
        )


class UnknownUserError(NotFoundError):
    """There is no such user who may sign in."""

    def __init__(self, user_id: UUID) -> None:
        super().__init__(_("There is no such user who may sign in."))
        self.user_id = user_id


class UserTakesPartError(Refusal):
    """The user signs in as another participant, or the participant has another user."""

    def __init__(self) -> None:
        super().__init__(
            _("One user is one participant: this user or this participant is linked to another already.")
        )


class OwnLinkError(NotAllowedError):
    """Nobody makes themselves a participant."""

    def __init__(self) -> None:
        super().__init__(_("You can't link yourself to a participant: another administrator can."))


class NotADistributorError(Refusal):
    """The company can't buy through that one."""

    def __init__(self, code: str) -> None:
        super().__init__(
            _("“{code}” is no distributor that this company can buy through. Choose another.").format(
                code=code
            )
        )
        self.code = code


class NotASalespersonError(Refusal):
    """The user can't be responsible for the company."""

    def __init__(self) -> None:
        super().__init__(
            _("Only sales staff who may sign in and who see this company can be responsible for it.")
        )


@dataclass(frozen=True, slots=True)
class RegistrationOutcome:
    """What came of one decision: `refusal` tells why nothing was done, None that it was."""

    id: UUID
    name: str
    refusal: str | None


def register_company(
    database: Database,
    scope: Scope,
    *,
    code: str,
    name: str,
    kind: CompanyKind,
    region_id: UUID,
    request_key: UUID,
) -> UUID:
    """Ask that a company joins and return the registration's id; the same key again asks once.

    Raises NotAllowedError, CodeRefused, NameRefused, NotFoundError, CodeTakenError, RequestKeyReusedError.
    """
    code, name = policy.checked_code(code), policy.checked_name(name)
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.REGISTER_PARTNERS)
        if region_id not in {region.id for region in all_regions(connection)}:
            raise NotFoundError(_("There is no such region among those you see."))
        registration_id = new_id()
        added = store.insert_company_registration(
            connection,
            scope,
            id=registration_id,
            request_key=request_key,
            code=code,
            name=name,
            kind=kind,
            region_id=region_id,
            requested_at=now(),
        )
        if not added:
            earlier = store.registration_by_key(connection, request_key)
            if earlier is None:
                raise CodeTakenError(code)
            if (earlier.code, earlier.name, earlier.kind, earlier.region_id) != (code, name, kind, region_id):
                raise RequestKeyReusedError
            return earlier.id
        # A company out of sight has its code all the same; that it is taken is all that is told.
        set_scope(connection, scope.widened())
        if store.company_code_is_taken(connection, code):
            raise CodeTakenError(code)
        audit.record(
            connection,
            scope,
            "participants.company_registered",
            "company_registration",
            registration_id,
            {"code": code, "name": name, "kind": kind.value, "region_id": str(region_id)},
        )
    return registration_id


def register_participant(
    database: Database,
    scope: Scope,
    *,
    company_code: str,
    code: str,
    display_name: str,
    group: ParticipantGroup,
    is_owner: bool = False,
    phone: str | None = None,
    email: str | None = None,
    user_id: UUID | None = None,
) -> UUID:
    """Ask that a person of a company takes part and return the participant's id.

    The code is the key: the same once more, while it waits, changes nothing. `user_id` is who will sign in as
    the participant; whoever gives it manages users. Raises NotAllowedError, CodeRefused, NameRefused,
    ContactRefused, UnknownCompanyError, UnknownUserError, UserTakesPartError, OwnLinkError, CodeTakenError.
    """
    code, display_name = policy.checked_code(code), policy.checked_name(display_name)
    phone, email = policy.checked_phone(phone), policy.checked_email(email)
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.REGISTER_PARTNERS)
        company = hold_company(connection, company_code)
        if user_id is not None:
            _check_link(connection, scope, user_id)
        participant_id = new_id()
        added = store.insert_participant(
            connection,
            scope,
            id=participant_id,
            code=code,
            company_id=company.id,
            group=group,
            is_owner=is_owner,
            user_id=user_id,
            display_name=display_name,
            phone=phone,
            email=email,
            requested_at=now(),
        )
        if not added:
            return _same_again(
                connection,
                scope,
                code=code,
                wanted=(company.id, group, is_owner, user_id, display_name, phone, email),
            )
        # No name and no contact: what says who a person is lies in one table alone.
        audit.record(
            connection,
            scope,
            "participants.participant_registered",
            "participant",
            participant_id,
            {
                "code": code,
                "company": company.code,
                "group": group.value,
                "is_owner": is_owner,
                "user_id": str(user_id) if user_id else None,
            },
        )
    return participant_id


def _same_again(connection: Connection, scope: Scope, *, code: str, wanted: tuple[object, ...]) -> UUID:
    """Return the waiting participant that the same actor asked for in the same words; refuse any other."""
    try:
        there = store.participant_by_code(connection, code)
    except store.UnknownParticipantError:
        there = None
    if there is None:
        user_id = wanted[3]
        set_scope(connection, scope.widened())
        if isinstance(user_id, UUID) and store.user_takes_part(connection, user_id):
            raise UserTakesPartError
        raise CodeTakenError(code)
    body = (
        there.company_id,
        there.group,
        there.is_owner,
        there.user_id,
        there.display_name,
        there.phone,
        there.email,
    )
    is_same = there.requested_by == scope.user_id and there.state is ParticipantState.WAITING
    if not is_same or body != wanted:
        raise CodeTakenError(code)
    return there.id


def decide_registrations(
    database: Database,
    scope: Scope,
    *,
    companies: Mapping[UUID, str] | None = None,
    participants: Mapping[UUID, str] | None = None,
    approve: bool,
    reason: str | None,
) -> list[RegistrationOutcome]:
    """Approve or reject companies, then participants, each in its own transaction; return what came of each.

    Both map an id to the `payload_hash` of what the actor was shown: what has changed since is refused. Approving a
    company creates it. A rejection needs a reason; what was registered by the actor, and the actor's own
    participation, are approved by somebody else. Decided once more in the same way by the same actor, nothing
    changes. Raises NotAllowedError, OnlyPeopleApproveError, ReasonMissingError, before anything is decided.
    """
    given = policy.checked_reason(reason) if not approve or (reason or "").strip() else None
    if approve:
        _check_is_person(scope)
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.DECIDE_REGISTRATIONS)
    return [
        *(
            _decide(database, scope, subject_id, shown, _decide_company, approve, given)
            for subject_id, shown in (companies or {}).items()
        ),
        *(
            _decide(database, scope, subject_id, shown, _decide_participant, approve, given)
            for subject_id, shown in (participants or {}).items()
        ),
    ]


def _check_is_person(scope: Scope) -> None:
    if scope.user_id is None:
        raise OnlyPeopleApproveError


_Decision = Callable[[Connection, Scope, UUID, str, bool, str | None, list[str]], None]


def _decide(
    database: Database,
    scope: Scope,
    subject_id: UUID,
    shown: str,
    decide: _Decision,
    approve: bool,
    reason: str | None,
) -> RegistrationOutcome:
    named: list[str] = []
    refusal = None
    try:
        with database.transaction(scope) as connection:
            check_permission(connection, scope, Permission.DECIDE_REGISTRATIONS)
            decide(connection, scope, subject_id, shown, approve, reason, named)
    except Refusal as refused:
        refusal = refused.sentence
    return RegistrationOutcome(subject_id, named[0] if named else "", refusal)


def _decide_company(
    connection: Connection,
    scope: Scope,
    registration_id: UUID,
    shown: str,
    approve: bool,
    reason: str | None,
    named: list[str],
) -> None:
    found: CompanyRegistration = store.lock_registration(connection, registration_id)
    named.append(found.name)
    state = RegistrationState.APPROVED if approve else RegistrationState.REJECTED
    if found.state is state and found.decided_by_name == scope.actor_name:
        return
    if found.payload_hash != shown:
        raise ChangedSinceShownError(found.name)
    moment, company_id = now(), None
    if approve and found.state is RegistrationState.WAITING:
        if scope.user_id is not None and scope.user_id == found.requested_by:
            raise OwnRegistrationError(found.name)
        company_id = new_id()
        created = insert_company(
            connection,
            id=company_id,
            code=found.code,
            name=found.name,
            kind=found.kind,
            region_id=found.region_id,
            distributor_id=None,
            recorded_at=moment,
        )
        if not created:
            raise CodeTakenError(found.code)
    store.move_registration(
        connection, scope, found, state, reason=reason, decided_at=moment, created_company_id=company_id
    )
    audit.record(
        connection,
        scope,
        "participants.company_approved" if approve else "participants.company_rejected",
        "company_registration",
        found.id,
        {"code": found.code, "reason": reason, "company_id": str(company_id) if company_id else None},
    )


def _decide_participant(
    connection: Connection,
    scope: Scope,
    participant_id: UUID,
    shown: str,
    approve: bool,
    reason: str | None,
    named: list[str],
) -> None:
    found: Participant = store.lock_participant(connection, participant_id)
    named.append(found.display_name)
    state = ParticipantState.ACTIVE if approve else ParticipantState.REJECTED
    if found.state is state and found.decided_by_name == scope.actor_name:
        return
    if found.payload_hash != shown:
        raise ChangedSinceShownError(found.display_name)
    if found.state is ParticipantState.SUSPENDED:
        raise StateError(
            _("{name} is suspended; on the page of the company that can be lifted.").format(
                name=found.display_name
            )
        )
    _move(connection, scope, found, state, reason)


def suspend(
    database: Database, scope: Scope, participant_id: UUID, *, payload_hash: str, reason: str
) -> None:
    """Keep an active participant from claiming and ordering until reinstated.

    `payload_hash` is that of the participant as shown. Raises NotAllowedError, ChangedSinceShownError,
    ReasonMissingError, UnknownParticipantError, StateError.
    """
    given = policy.checked_reason(reason)
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.DECIDE_REGISTRATIONS)
        found = store.lock_participant(connection, participant_id)
        if found.payload_hash != payload_hash:
            raise ChangedSinceShownError(found.display_name)
        _move(connection, scope, found, ParticipantState.SUSPENDED, given)


def reinstate(
    database: Database,
    scope: Scope,
    participant_id: UUID,
    *,
    payload_hash: str,
    reason: str | None = None,
) -> None:
    """Let a suspended participant take part again.

    Raises as `suspend` does, OnlyPeopleApproveError, OwnRegistrationError, OwnParticipationError.
    """
    _check_is_person(scope)
    given = policy.checked_reason(reason) if (reason or "").strip() else None
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.DECIDE_REGISTRATIONS)
        found = store.lock_participant(connection, participant_id)
        if found.state is not ParticipantState.SUSPENDED:
            raise StateError(_("{name} is not suspended.").format(name=found.display_name))
        if found.payload_hash != payload_hash:
            raise ChangedSinceShownError(found.display_name)
        _move(connection, scope, found, ParticipantState.ACTIVE, given)


def _move(
    connection: Connection, scope: Scope, found: Participant, state: ParticipantState, reason: str | None
) -> None:
    """Move a locked participant and write it down. Nobody lets in whom they registered, nor themselves."""
    if (
        state is ParticipantState.ACTIVE
        and scope.user_id is not None
        and scope.user_id == found.requested_by
        and found.state is not ParticipantState.ACTIVE
    ):
        raise OwnRegistrationError(found.display_name)
    if state is ParticipantState.ACTIVE and scope.user_id is not None and scope.user_id == found.user_id:
        raise OwnParticipationError(found.display_name)
    store.move_participant(connection, scope, found, state, reason=reason, decided_at=now())
    action = {
        ParticipantState.ACTIVE: "participants.participant_approved"
        if found.state is ParticipantState.WAITING
        else "participants.participant_reinstated",
        ParticipantState.REJECTED: "participants.participant_rejected",
        ParticipantState.SUSPENDED: "participants.participant_suspended",
    }[state]
    audit.record(
        connection,
        scope,
        action,
        "participant",
        found.id,
        {"code": found.code, "from": found.state.value, "to": state.value, "reason": reason},
    )


def link_user(database: Database, scope: Scope, participant_id: UUID, user_id: UUID) -> None:
    """Let a user sign in as the participant; the same link once more changes nothing.

    Whoever spends a participant's points is decided here, so it takes who manages users, and never for
    themselves. Raises NotAllowedError, OwnLinkError, UnknownParticipantError, UnknownUserError,
    UserTakesPartError.
    """
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.MANAGE_USERS)
        found = store.lock_participant(connection, participant_id)
        if found.user_id == user_id:
            return
        _check_link(connection, scope, user_id)
        if found.user_id is not None:
            raise UserTakesPartError
        set_scope(connection, scope.widened())
        store.lock_link(connection, user_id)
        if store.user_takes_part(connection, user_id):
            raise UserTakesPartError
        store.set_user(connection, found.id, user_id)
        audit.record(
            connection,
            scope,
            "participants.user_linked",
            "participant",
            found.id,
            {"code": found.code, "user_id": str(user_id)},
        )


def _check_link(connection: Connection, scope: Scope, user_id: UUID) -> None:
    check_permission(connection, scope, Permission.MANAGE_USERS)
    if user_id == scope.user_id:
        raise OwnLinkError
    # Else who links themselves would do it by a second account.
    check_decides_by_now(connection, scope)
    if not store.user_can_be_linked(connection, user_id):
        raise UnknownUserError(user_id)


def read_contact(database: Database, scope: Scope, participant_id: UUID) -> Participant:
    """Return the participant with telephone and e-mail, and write down who looked.

    Raises NotAllowedError, UnknownParticipantError.
    """
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.SEE_PARTICIPANTS)
        found = store.participant_by_id(connection, participant_id)
        audit.record(
            connection, scope, "participants.contact_read", "participant", found.id, {"code": found.code}
        )
    return found


def salespeople_for(database: Database, scope: Scope, *, company_code: str) -> list[Salesperson]:
    """Return the users who may be made responsible for the company, by name.

    Raises NotAllowedError, UnknownCompanyError.
    """
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.ASSIGN_SALESPEOPLE)
        company = company_by_code(connection, company_code)
        # A grant of a region above the actor's own reaches the company too.
        set_scope(connection, scope.widened())
        return store.salespeople_for(connection, company.id)


def assign_salesperson(database: Database, scope: Scope, *, company_code: str, user_id: UUID | None) -> None:
    """Make a user the company's responsible salesperson, None nobody; the same once more changes nothing.

    Raises NotAllowedError, UnknownCompanyError, NotASalespersonError.
    """
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.ASSIGN_SALESPEOPLE)
        company = hold_company(connection, company_code)
        if company.salesperson_id == user_id:
            return
        if user_id is not None:
            set_scope(connection, scope.widened())
            if user_id not in {one.id for one in store.salespeople_for(connection, company.id)}:
                raise NotASalespersonError
            set_scope(connection, scope)
        set_salesperson(connection, company.id, user_id)
        audit.record(
            connection,
            scope,
            "participants.salesperson_assigned",
            "company",
            company.id,
            {
                "code": company.code,
                "before": str(company.salesperson_id) if company.salesperson_id else None,
                "after": str(user_id) if user_id else None,
            },
        )


def assign_distributor(
    database: Database, scope: Scope, *, company_code: str, distributor_code: str | None
) -> None:
    """Say through which distributor a company buys, None through none; the same once more changes nothing.

    Raises NotAllowedError, UnknownCompanyError, NotADistributorError.
    """
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.ASSIGN_SALESPEOPLE)
        company = hold_company(connection, company_code)
        # Nobody takes its kind from it meanwhile, as undoing an import does.
        distributor = hold_company(connection, distributor_code) if distributor_code is not None else None
        if distributor is not None and (
            distributor.kind is not CompanyKind.DISTRIBUTOR or distributor.id == company.id
        ):
            raise NotADistributorError(distributor.code)
        distributor_id = distributor.id if distributor is not None else None
        if company.distributor_id == distributor_id:
            return
        set_distributor(connection, company.id, distributor_id)
        audit.record(
            connection,
            scope,
            "participants.distributor_assigned",
            "company",
            company.id,
            {
                "code": company.code,
                "before": str(company.distributor_id) if company.distributor_id else None,
                "after": str(distributor_id) if distributor_id else None,
            },
        )
