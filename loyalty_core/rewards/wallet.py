"""What a participant can spend, and on what."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import Connection

from loyalty_core import ledger, programmes
from loyalty_core.kernel import Refusal, Scope, _, ngettext, now
from loyalty_core.ledger import AccountKind
from loyalty_core.participants import Participant, ParticipantState
from loyalty_core.programmes import Collects, Programme
from loyalty_core.rewards import order_store, store
from loyalty_core.rewards.policy import day_of
from loyalty_core.rewards.states import RewardState
from loyalty_core.rewards.store import Reward


@dataclass(frozen=True, slots=True)
class Wallet:
    """The points of one programme that a participant sees: the own ones, or the company's.

    `balance` is what is left to spend, below zero where it is a debt; `on_hold` what orders that nobody has
    decided yet have taken from it. `why_not` says why nothing of it may be spent, where `may_spend` is False.
    """

    programme: Programme
    account_id: UUID | None
    balance: int
    on_hold: int
    may_spend: bool
    why_not: str | None

    @property
    def is_companys(self) -> bool:
        """Whether the points are the company's."""
        return self.programme.collects is Collects.COMPANY


@dataclass(frozen=True, slots=True)
class Offer:
    """A reward as a participant meets it. `why_not` says why it can't be ordered now; None: it can."""

    reward: Reward
    is_affordable: bool
    missing_points: int
    why_not: str | None


class ParticipantNotActiveError(Refusal):
    """The participant does not take part now."""

    def __init__(self, state: ParticipantState) -> None:
        sentence = {
            ParticipantState.WAITING: _(
                "The registration still waits for approval; until then nothing can be ordered."
            ),
            ParticipantState.SUSPENDED: _(
                "Taking part is suspended at the moment, so nothing can be ordered. Ask your contact why."
            ),
            ParticipantState.REJECTED: _("The registration was rejected, so nothing can be ordered."),
        }.get(state, _("Nothing can be ordered at the moment."))
        super().__init__(sentence)
        self.state = state


class NotEntitledError(Refusal):
    """The participant may not spend the company's points."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "These points belong to the company, and only people whom it names may spend them."
                " Ask its owner or your salesperson to name you."
            )
        )


class NotOfferedError(Refusal):
    """The reward can't be ordered by anybody today."""

    def __init__(self, reward: Reward, on: date) -> None:
        if reward.state is not RewardState.OFFERED:
            sentence = _("“{name}” is not offered at the moment. Choose another reward.")
        elif on < reward.starts_on:
            sentence = _("“{name}” can be ordered from {day} on.")
        else:
            sentence = _("“{name}” could be ordered until {last}. Choose another reward.")
        super().__init__(
            sentence.format(
                name=reward.name, day=reward.starts_on.isoformat(), last=reward.ends_on.isoformat()
            )
        )
        self.reward = reward


class NotForGroupError(Refusal):
    """The reward is for other groups of participants."""

    def __init__(self, reward: Reward) -> None:
        super().__init__(
            _("“{name}” is for other groups of participants. Choose another reward.").format(name=reward.name)
        )
        self.reward = reward


class OutOfStockError(Refusal):
    """No piece of the reward is left."""

    def __init__(self, reward: Reward) -> None:
        super().__init__(
            _("“{name}” is out of stock: the last one was just ordered, or none has come in yet.").format(
                name=reward.name
            )
        )
        self.reward = reward


def check_reward(reward: Reward, participant: Participant, on: date) -> None:
    """Refuse what this participant can't order that day, points apart.

    Raises NotOfferedError, NotForGroupError, OutOfStockError.
    """
    if reward.state is not RewardState.OFFERED or not reward.is_on(on):
        raise NotOfferedError(reward, on)
    if not reward.is_for(participant.group):
        raise NotForGroupError(reward)
    if reward.stock == 0:
        raise OutOfStockError(reward)


def owner_of_wallet(programme: Programme, participant: Participant) -> tuple[AccountKind, UUID] | None:
    """Return whose account the participant spends from in the programme; None where salespeople collect."""
    if programme.collects is Collects.PARTICIPANT:
        return AccountKind.PARTICIPANT, participant.id
    if programme.collects is Collects.COMPANY:
        return AccountKind.COMPANY, participant.company_id
    return None


def wallets(connection: Connection, scope: Scope, participant: Participant) -> list[Wallet]:
    """Return what the participant can spend, or sees of the company's: one per programme, largest first.

    Programmes that have an account, or that run today.
    """
    found = []
    for programme in programmes.list_programmes(connection, scope):
        owner = owner_of_wallet(programme, participant)
        if owner is None:
            continue
        account = ledger.account_of(connection, programme.id, *owner)
        if account is None and not (
            programme.starts_on <= day_of(now(), programme.time_zone) <= programme.ends_on
        ):
            continue
        why_not = _why_not(connection, programme, participant)
        found.append(
            Wallet(
                programme=programme,
                account_id=account.id if account else None,
                balance=account.balance if account else 0,
                on_hold=order_store.points_on_hold(connection, account.id) if account else 0,
                may_spend=why_not is None,
                why_not=why_not,
            )
        )
    return sorted(found, key=lambda wallet: (not wallet.may_spend, -wallet.balance))


def _why_not(connection: Connection, programme: Programme, participant: Participant) -> str | None:
    if participant.state is not ParticipantState.ACTIVE:
        return ParticipantNotActiveError(participant.state).sentence
    if (
        programme.collects is Collects.COMPANY
        and store.entitlement_of(connection, participant.company_id, participant.id) is None
    ):
        return NotEntitledError().sentence
    return None


def offers(
    connection: Connection, scope: Scope, participant: Participant, wallet: Wallet, on: date
) -> list[Offer]:
    """Return what the programme offers the participant's group that day, the cheapest first.

    What is out of stock or costs more than the balance stands among them, with the reason.
    """
    return [
        _offer(reward, participant, wallet, on)
        for reward in sorted(
            store.catalogue(connection, scope, wallet.programme.id), key=lambda one: (one.points, one.name)
        )
        if reward.state is RewardState.OFFERED and reward.is_on(on) and reward.is_for(participant.group)
    ]


def _offer(reward: Reward, participant: Participant, wallet: Wallet, on: date) -> Offer:
    missing = max(0, reward.points - wallet.balance)
    why_not = wallet.why_not
    if why_not is None:
        try:
            check_reward(reward, participant, on)
        except Refusal as refusal:
            why_not = refusal.sentence
    if why_not is None and missing:
        why_not = ngettext("{points} point to go", "{points} points to go", missing).format(
            points=f"{missing:,}"
        )
    return Offer(reward, is_affordable=not missing, missing_points=missing, why_not=why_not)
