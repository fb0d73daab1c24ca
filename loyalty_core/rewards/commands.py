"""What marketing does to the catalogue, and what companies do about who spends their points."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from loyalty_core import audit, organisation, participants, programmes
from loyalty_core.access import Permission, check_permission
from loyalty_core.kernel import Database, NotAllowedError, Refusal, Scope, _, clean_picture, new_id, now
from loyalty_core.organisation import Company
from loyalty_core.participants import Participant, ParticipantState
from loyalty_core.rewards import store
from loyalty_core.rewards.policy import (
    RewardDraft,
    StockMovementKind,
    check_draft,
    check_stock,
    picture_type,
)
from loyalty_core.rewards.states import RewardState
from loyalty_core.rewards.store import Reward


class RewardFixedError(Refusal):
    """A reward keeps its programme and its code for good."""

    def __init__(self, reward: Reward) -> None:
        super().__init__(
            _(
                "“{name}” keeps its programme and its code “{code}”: orders name it by them. Add a new reward instead."
            ).format(name=reward.name, code=reward.code)
        )
        self.reward = reward


class RewardKeyUsedError(Refusal):
    """The id of a new reward was used before for another one."""

    def __init__(self, reward: Reward) -> None:
        super().__init__(
            _("This form was sent before and made “{name}”. Reload the page to add another reward.").format(
                name=reward.name
            )
        )
        self.reward = reward


class NotYoursToEntitleError(NotAllowedError):
    """Only the company's owner and its salesperson say who spends its points."""

    def __init__(self) -> None:
        super().__init__(
            _("Only the company's owner and its salesperson can say who spends its points. Ask one of them.")
        )


class NotOfCompanyError(Refusal):
    """The participant belongs to another company, or does not take part now."""

    def __init__(self, participant: Participant, company: Company) -> None:
        super().__init__(
            _("{name} is no active participant of {company}, and can't spend its points.").format(
                name=participant.display_name, company=company.name
            )
        )
        self.participant, self.company = participant, company


# The catalogue


def save_reward(
    database: Database,
    scope: Scope,
    draft: RewardDraft,
    *,
    reward_id: UUID | None = None,
    id: UUID | None = None,
) -> UUID:
    """Add a reward, not offered yet, or make the one of `reward_id` what the draft says; return its id.

    The draft's stock counts for a new reward only: later it moves by `set_stock`, beside the orders. `id` is
    what a new reward gets, made when the form is drawn: the same again adds it once. Raises RewardDraftRefused,
    RewardCodeTakenError, RewardFixedError, RewardKeyUsedError, UnknownRewardError, UnknownPictureError,
    ProgrammeNotFoundError, NotAllowedError.
    """
    check_draft(draft)
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.MANAGE_REWARDS)
        programmes.programme_by_id(connection, scope, draft.programme_id)
        if draft.picture_id is not None and not store.has_picture(connection, draft.picture_id):
            raise store.UnknownPictureError(draft.picture_id)
        if reward_id is not None:
            _change_reward(connection, scope, reward_id, draft)
            return reward_id
        return _add_reward(connection, scope, id or new_id(), draft)


def _add_reward(connection: Connection, scope: Scope, reward_id: UUID, draft: RewardDraft) -> UUID:
    moment = now()
    if not store.insert_reward(connection, reward_id, draft, moment):
        try:
            there = store.reward_by_id(connection, scope, reward_id)
        except store.UnknownRewardError:
            raise store.RewardCodeTakenError(draft.code) from None
        if (there.programme_id, there.code) != (draft.programme_id, draft.code):
            raise RewardKeyUsedError(there)
        return reward_id
    if draft.stock is not None:
        store.move_stock(
            connection,
            scope,
            reward_id,
            StockMovementKind.SET,
            pieces=draft.stock,
            left_after=draft.stock,
            order_id=None,
            recorded_at=moment,
        )
    audit.record(connection, scope, "rewards.reward_added", "reward", reward_id, _detail(draft))
    return reward_id


def _change_reward(connection: Connection, scope: Scope, reward_id: UUID, draft: RewardDraft) -> None:
    store.lock_reward(connection, reward_id)
    before = store.reward_by_id(connection, scope, reward_id)
    if (before.programme_id, before.code) != (draft.programme_id, draft.code):
        raise RewardFixedError(before)
    was, becomes = _detail(before), _detail(draft)
    changed = {
        name: {"from": was[name], "to": value}
        for name, value in becomes.items()
        if name != "stock" and was[name] != value
    }
    if not changed:
        return
    store.update_reward(connection, reward_id, draft)
    audit.record(connection, scope, "rewards.reward_changed", "reward", reward_id, changed)


_TOLD = (
    *("code", "name", "description", "kind", "category", "points", "cost_minor", "stock", "for_groups"),
    *("starts_on", "ends_on", "picture_id"),
)


def _detail(reward: Reward | RewardDraft) -> dict[str, Any]:
    """Return what the audit tells of a reward, as JSON values."""
    values = asdict(reward)
    groups = values["for_groups"]
    told = {name: values[name] for name in _TOLD}
    return {
        **told,
        "kind": reward.kind.value,
        "for_groups": None if groups is None else sorted(group.value for group in groups),
        "starts_on": reward.starts_on.isoformat(),
        "ends_on": reward.ends_on.isoformat(),
        "picture_id": str(reward.picture_id) if reward.picture_id else None,
    }


def set_stock(database: Database, scope: Scope, reward_id: UUID, stock: int | None) -> None:
    """Say how many pieces are left now, None: without limit; what waiting orders hold is not among them.

    Raises RewardDraftRefused, UnknownRewardError, NotAllowedError.
    """
    check_stock(stock)
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.MANAGE_REWARDS)
        store.lock_reward(connection, reward_id)
        before = store.reward_by_id(connection, scope, reward_id).stock
        if stock == before:
            return
        store.move_stock(
            connection,
            scope,
            reward_id,
            StockMovementKind.SET,
            pieces=(stock or 0) - (before or 0),
            left_after=stock,
            order_id=None,
            recorded_at=now(),
        )
        audit.record(
            connection, scope, "rewards.stock_set", "reward", reward_id, {"from": before, "to": stock}
        )


def move_reward(database: Database, scope: Scope, reward_id: UUID, state: RewardState) -> None:
    """Offer or withdraw a reward; orders that wait stay.

    Raises RewardStateError, UnknownRewardError, NotAllowedError.
    """
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.MANAGE_REWARDS)
        store.lock_reward(connection, reward_id)
        reward = store.reward_by_id(connection, scope, reward_id)
        store.update_reward_state(connection, reward, state)
        audit.record(
            connection,
            scope,
            "rewards.reward_offered" if state is RewardState.OFFERED else "rewards.reward_withdrawn",
            "reward",
            reward_id,
            {"code": reward.code, "from": reward.state.value},
        )


def add_picture(database: Database, scope: Scope, data: bytes) -> UUID:
    """Keep a JPEG, PNG or WebP picture of at most 2 MB and return its id; the same picture again is kept once.

    It is kept upright and without what the camera wrote into it. Raises PictureRefused, NoPictureError,
    TooManyPixelsError, NotAllowedError.
    """
    picture_type(data)
    media_type, data = clean_picture(data)
    picture_type(data)
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.MANAGE_REWARDS)
        there = store.picture_with(connection, media_type, data)
        if there is not None:
            return there
        picture_id = new_id()
        store.insert_picture(connection, id=picture_id, media_type=media_type, image=data, recorded_at=now())
        audit.record(
            connection,
            scope,
            "rewards.picture_added",
            "reward_picture",
            picture_id,
            {"media_type": media_type, "bytes": len(data)},
        )
        return picture_id


# Who spends a company's points


def may_entitle(connection: Connection, scope: Scope, company_id: UUID) -> bool:
    """Whether the actor is the company's salesperson or one of its owners who take part."""
    if scope.user_id is None:
        return False
    found = organisation.companies_by_id(connection, [company_id])
    if not found:
        return False
    if found[0].salesperson_id == scope.user_id:
        return True
    own = participants.participant_of_user(connection, scope.user_id)
    return (
        own is not None
        and own.company_id == company_id
        and own.is_owner
        and own.state is ParticipantState.ACTIVE
    )


def entitle(database: Database, scope: Scope, *, company_id: UUID, participant_id: UUID) -> UUID:
    """Let a participant of the company spend its points, and return the right's id; twice gives it once.

    Raises NotYoursToEntitleError, NotOfCompanyError, UnknownParticipantError, NotAllowedError.
    """
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.ENTITLE_PEOPLE)
        if scope.user_id is None or not may_entitle(connection, scope, company_id):
            raise NotYoursToEntitleError
        (company,) = organisation.companies_by_id(connection, [company_id])
        participant = participants.participant_by_id(connection, participant_id)
        if participant.company_id != company_id or participant.state is not ParticipantState.ACTIVE:
            raise NotOfCompanyError(participant, company)
        wanted_id = new_id()
        entitlement_id = store.insert_entitlement(
            connection,
            id=wanted_id,
            company_id=company_id,
            participant_id=participant_id,
            granted_by=scope.user_id,
            granted_by_name=scope.actor_name,
            granted_at=now(),
        )
        if entitlement_id != wanted_id:
            return entitlement_id
        audit.record(
            connection,
            scope,
            "rewards.person_entitled",
            "entitlement",
            entitlement_id,
            {"company": str(company_id), "participant": str(participant_id)},
        )
        return entitlement_id


def end_entitlement(database: Database, scope: Scope, entitlement_id: UUID) -> None:
    """Take the right to spend a company's points back; orders placed before stay. Again does nothing.

    Raises NotYoursToEntitleError, UnknownEntitlementError, NotAllowedError.
    """
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.ENTITLE_PEOPLE)
        found = store.lock_entitlement(connection, entitlement_id)
        if not may_entitle(connection, scope, found.company_id):
            raise NotYoursToEntitleError
        if found.has_ended:
            return
        store.end_entitlement(connection, entitlement_id, ended_by_name=scope.actor_name, ended_at=now())
        audit.record(
            connection,
            scope,
            "rewards.entitlement_ended",
            "entitlement",
            entitlement_id,
            {"company": str(found.company_id), "participant": str(found.participant_id)},
        )
