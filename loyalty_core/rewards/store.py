"""Every query on the catalogue, its pictures and stock, and on who may spend a company's points."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from loyalty_core.kernel import NotFoundError, Refusal, Scope, StateError, _
from loyalty_core.participants import ParticipantGroup
from loyalty_core.rewards.policy import RewardDraft, RewardKind, StockMovementKind
from loyalty_core.rewards.states import REWARD_MOVES, RewardState


@dataclass(frozen=True, slots=True)
class Reward:
    """What points buy.

    `cost_minor` is in minor units of `currency`; `stock` None: without limit; `for_groups` None: for everybody;
    both dates inclusive.
    """

    id: UUID
    programme_id: UUID
    programme_name: str
    code: str
    name: str
    description: str
    kind: RewardKind
    category: str
    points: int
    cost_minor: int
    currency: str
    stock: int | None
    for_groups: frozenset[ParticipantGroup] | None
    starts_on: date
    ends_on: date
    picture_id: UUID | None
    state: RewardState
    recorded_at: datetime

    def is_for(self, group: ParticipantGroup) -> bool:
        """Whether people of the group may order it."""
        return self.for_groups is None or group in self.for_groups

    def is_on(self, day: date) -> bool:
        """Whether the day lies in its period."""
        return self.starts_on <= day <= self.ends_on


@dataclass(frozen=True, slots=True)
class Entitled:
    """Somebody who may spend a company's points, and who gave that right."""

    id: UUID
    company_id: UUID
    participant_id: UUID
    participant_code: str
    display_name: str
    granted_by_name: str
    granted_at: datetime


class UnknownRewardError(NotFoundError):
    """No such reward belongs to a programme in the asker's scope."""

    def __init__(self, reward_id: UUID) -> None:
        super().__init__(_("There is no such reward among those you see."))
        self.reward_id = reward_id


class UnknownPictureError(NotFoundError):
    """There is no picture with this id."""

    def __init__(self, picture_id: UUID) -> None:
        super().__init__(_("There is no such picture."))
        self.picture_id = picture_id


class UnknownEntitlementError(NotFoundError):
    """No such right belongs to a company in the asker's scope."""

    def __init__(self, entitlement_id: UUID) -> None:
        super().__init__(_("There is no such right to spend points among those you see."))
        self.entitlement_id = entitlement_id


class RewardCodeTakenError(Refusal):
    """The programme has a reward with this code already."""

    def __init__(self, code: str) -> None:
        super().__init__(_("The programme has a reward with the code “{code}” already.").format(code=code))
        self.code = code


class RewardStateError(StateError):
    """The reward can't go from its state to the one asked for."""

    def __init__(self, reward: Reward, state: RewardState) -> None:
        sentence = {
            RewardState.DRAFT: _("“{name}” was offered before and can't become a draft again."),
            RewardState.OFFERED: _("“{name}” is offered already."),
            RewardState.WITHDRAWN: _("“{name}” is withdrawn already."),
        }[state]
        super().__init__(sentence.format(name=reward.name))
        self.reward, self.state = reward, state


_REWARD = (
    "select r.id, r.programme_id, p.name as programme_name, r.code, r.name, r.description, r.kind, r.category,"
    " r.points, r.cost_minor, p.currency, r.stock, r.for_groups, r.starts_on, r.ends_on, r.picture_id, r.state,"
    " r.recorded_at from reward r join programme p on p.id = r.programme_id"
)


def _reward(row: Row[Any]) -> Reward:
    values = row._asdict()
    groups = values["for_groups"]
    return Reward(
        **{
            **values,
            "kind": RewardKind(values["kind"]),
            "state": RewardState(values["state"]),
            "for_groups": None if groups is None else frozenset(map(ParticipantGroup, groups)),
        }
    )


def catalogue(connection: Connection, scope: Scope, programme_id: UUID | None = None) -> list[Reward]:
    """Return the rewards of the scope's programmes, or of one of them: offered ones first, then by points."""
    rows = connection.execute(
        text(
            _REWARD + " where (cast(:programme_id as uuid) is null or r.programme_id = :programme_id)"
            " and (:every_programme or r.programme_id in (select unnest(cast(:seen as uuid[]))))"
            " order by array_position(array['offered', 'draft', 'withdrawn'], r.state), p.ends_on desc, p.code,"
            " r.points, r.code"
        ),
        {
            "programme_id": programme_id,
            "every_programme": scope.programme_ids is None,
            "seen": sorted(scope.programme_ids or ()),
        },
    )
    return [_reward(row) for row in rows]


def reward_by_id(connection: Connection, scope: Scope, reward_id: UUID) -> Reward:
    """Return the reward. Raises UnknownRewardError, also outside the scope's programmes."""
    row = connection.execute(text(_REWARD + " where r.id = :id"), {"id": reward_id}).first()
    if row is None or not scope.sees_programme(row.programme_id):
        raise UnknownRewardError(reward_id)
    return _reward(row)


def lock_reward(connection: Connection, reward_id: UUID) -> None:
    """Let nobody else move the reward's stock, price or state until the transaction ends."""
    connection.execute(text("select 1 from reward where id = :id for no key update"), {"id": reward_id})


def _values(draft: RewardDraft) -> dict[str, Any]:
    return {
        "name": draft.name,
        "description": draft.description,
        "kind": draft.kind.value,
        "category": draft.category,
        "points": draft.points,
        "cost_minor": draft.cost_minor,
        "for_groups": None if draft.for_groups is None else sorted(draft.for_groups),
        "starts_on": draft.starts_on,
        "ends_on": draft.ends_on,
        "picture_id": draft.picture_id,
    }


def insert_reward(connection: Connection, reward_id: UUID, draft: RewardDraft, recorded_at: datetime) -> bool:
    """Add a reward as a draft, its stock apart; return False, with nothing added, where id or code is taken."""
    added = connection.execute(
        text(
            "insert into reward (id, programme_id, code, name, description, kind, category, points, cost_minor,"
            " for_groups, starts_on, ends_on, picture_id, state, recorded_at) values (:id, :programme_id, :code,"
            " :name, :description, :kind, :category, :points, :cost_minor, cast(:for_groups as text[]), :starts_on,"
            " :ends_on, :picture_id, 'draft', :recorded_at) on conflict do nothing"
        ),
        {
            "id": reward_id,
            "programme_id": draft.programme_id,
            "code": draft.code,
            "recorded_at": recorded_at,
            **_values(draft),
        },
    )
    return bool(added.rowcount)


def update_reward(connection: Connection, reward_id: UUID, draft: RewardDraft) -> None:
    """Make the reward what the draft says; programme, code and stock stay."""
    connection.execute(
        text(
            "update reward set name = :name, description = :description, kind = :kind, category = :category,"
            " points = :points, cost_minor = :cost_minor, for_groups = cast(:for_groups as text[]),"
            " starts_on = :starts_on, ends_on = :ends_on, picture_id = :picture_id where id = :id"
        ),
        {"id": reward_id, **_values(draft)},
    )


def update_reward_state(connection: Connection, reward: Reward, state: RewardState) -> None:
    """Move the reward, whose row the caller has locked. Raises RewardStateError where no such move exists."""
    if state not in REWARD_MOVES[reward.state]:
        raise RewardStateError(reward, state)
    connection.execute(
        text("update reward set state = :state where id = :id"), {"id": reward.id, "state": state.value}
    )


def move_stock(
    connection: Connection,
    scope: Scope,
    reward_id: UUID,
    kind: StockMovementKind,
    *,
    pieces: int,
    left_after: int | None,
    order_id: UUID | None,
    recorded_at: datetime,
) -> None:
    """Write the stock of a locked reward and what moved it; `pieces` signed, `left_after` None: without limit."""
    connection.execute(
        text("update reward set stock = :left where id = :id and stock is distinct from :left"),
        {"id": reward_id, "left": left_after},
    )
    connection.execute(
        text(
            "insert into stock_movement (reward_id, kind, pieces, left_after, order_id, moved_by_name, recorded_at)"
            " values (:reward_id, :kind, :pieces, :left_after, :order_id, :name, :recorded_at)"
        ),
        {
            "reward_id": reward_id,
            "kind": kind.value,
            "pieces": pieces,
            "left_after": left_after,
            "order_id": order_id,
            "name": scope.actor_name,
            "recorded_at": recorded_at,
        },
    )


@dataclass(frozen=True, slots=True)
class StockMovement:
    """What moved a reward's stock: signed pieces, and what was left; None: without limit."""

    kind: StockMovementKind
    pieces: int
    left_after: int | None
    order_id: UUID | None
    moved_by_name: str
    recorded_at: datetime


def stock_movements(
    connection: Connection, scope: Scope, reward_id: UUID, *, limit: int, offset: int = 0
) -> list[StockMovement]:
    """Return what moved the stock of a reward of the scope, the newest first. Raises UnknownRewardError."""
    reward_by_id(connection, scope, reward_id)
    rows = connection.execute(
        text(
            "select kind, pieces, left_after, order_id, moved_by_name, recorded_at from stock_movement"
            " where reward_id = :reward_id order by id desc limit :limit offset :offset"
        ),
        {"reward_id": reward_id, "limit": limit, "offset": offset},
    )
    return [StockMovement(StockMovementKind(row[0]), *row[1:]) for row in rows]


def picture_with(connection: Connection, media_type: str, image: bytes) -> UUID | None:
    """Return the id of the picture that has exactly these bytes, or None."""
    found: UUID | None = connection.execute(
        text("select id from reward_picture where image = :image and media_type = :media_type limit 1"),
        {"image": image, "media_type": media_type},
    ).scalar_one_or_none()
    return found


def insert_picture(
    connection: Connection, *, id: UUID, media_type: str, image: bytes, recorded_at: datetime
) -> None:
    """Add a picture; it stays as it is for good."""
    connection.execute(
        text(
            "insert into reward_picture (id, media_type, image, recorded_at)"
            " values (:id, :media_type, :image, :recorded_at)"
        ),
        {"id": id, "media_type": media_type, "image": image, "recorded_at": recorded_at},
    )


def picture_of(connection: Connection, picture_id: UUID) -> tuple[str, bytes]:
    """Return (media type, bytes) of a picture; everybody may see them. Raises UnknownPictureError."""
    row = connection.execute(
        text("select media_type, image from reward_picture where id = :id"), {"id": picture_id}
    ).first()
    if row is None:
        raise UnknownPictureError(picture_id)
    return row.media_type, bytes(row.image)


def has_picture(connection: Connection, picture_id: UUID) -> bool:
    """Whether there is a picture with this id."""
    return bool(
        connection.execute(
            text("select exists (select from reward_picture where id = :id)"), {"id": picture_id}
        ).scalar_one()
    )


_ENTITLED = (
    "select e.id, e.company_id, e.participant_id, p.code as participant_code,"
    " coalesce(n.display_name, p.code) as display_name,"
    " coalesce(u.display_name, e.granted_by_name) as granted_by_name, e.granted_at from entitlement e"
    " join participant p on p.id = e.participant_id left join participant_person n on n.participant_id = p.id"
    " left join app_user u on u.id = e.granted_by"
    " where e.ended_at is null"
)


def entitled_people(connection: Connection, company_id: UUID) -> list[Entitled]:
    """Return who may spend the points of a company of the scope, by name."""
    rows = connection.execute(
        text(_ENTITLED + " and e.company_id = :company_id order by display_name, p.code"),
        {"company_id": company_id},
    )
    return [Entitled(**row._asdict()) for row in rows]


def entitlement_of(
    connection: Connection, company_id: UUID, participant_id: UUID, *, lock: bool = False
) -> UUID | None:
    """Return the right by which the participant may spend the company's points now, or None.

    With `lock` it can't end before the transaction does.
    """
    query = (
        "select id from entitlement where company_id = :company_id and participant_id = :participant_id"
        " and ended_at is null"
    )
    found: UUID | None = connection.execute(
        text(query + " for share") if lock else text(query),
        {"company_id": company_id, "participant_id": participant_id},
    ).scalar_one_or_none()
    return found


def insert_entitlement(
    connection: Connection,
    *,
    id: UUID,
    company_id: UUID,
    participant_id: UUID,
    granted_by: UUID,
    granted_by_name: str,
    granted_at: datetime,
) -> UUID:
    """Give the right to spend and return its id; that of the right the participant has already, if any."""
    found: UUID = connection.execute(
        text(
            "insert into entitlement (id, company_id, participant_id, granted_by, granted_by_name, granted_at)"
            " values (:id, :company_id, :participant_id, :granted_by, :granted_by_name, :granted_at)"
            # An update that changes nothing, so that the open right's id comes back whoever gave it meanwhile.
            " on conflict (company_id, participant_id) where ended_at is null"
            " do update set ended_by_name = null returning id"
        ),
        {
            "id": id,
            "company_id": company_id,
            "participant_id": participant_id,
            "granted_by": granted_by,
            "granted_by_name": granted_by_name,
            "granted_at": granted_at,
        },
    ).scalar_one()
    return found


@dataclass(frozen=True, slots=True)
class EntitlementRow:
    """A right to spend as it is stored; `has_ended` where it is over."""

    id: UUID
    company_id: UUID
    participant_id: UUID
    has_ended: bool


def lock_entitlement(connection: Connection, entitlement_id: UUID) -> EntitlementRow:
    """Return the right, held until the transaction ends. Raises UnknownEntitlementError."""
    row = connection.execute(
        text(
            "select id, company_id, participant_id, ended_at is not null as has_ended from entitlement"
            " where id = :id for no key update"
        ),
        {"id": entitlement_id},
    ).first()
    if row is None:
        raise UnknownEntitlementError(entitlement_id)
    return EntitlementRow(*row)


def end_entitlement(
    connection: Connection, entitlement_id: UUID, *, ended_by_name: str, ended_at: datetime
) -> None:
    """Write that the right is over."""
    connection.execute(
        text("update entitlement set ended_by_name = :name, ended_at = :ended_at where id = :id"),
        {"id": entitlement_id, "name": ended_by_name, "ended_at": ended_at},
    )
