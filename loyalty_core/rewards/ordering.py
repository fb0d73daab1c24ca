"""Placing, cancelling and deciding orders: points, stock and money move together, in one transaction, or not at all.

Locks are taken in one order everywhere: the request's key or the order's row, the participant, the right to
spend, the accounts, the reward's stock, the budget.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Connection

from loyalty_core import audit, budgets, ledger, organisation, participants, programmes
from loyalty_core.access import Permission, check_permission
from loyalty_core.budgets import BudgetExhaustedError
from loyalty_core.kernel import (
    Database,
    NotAllowedError,
    Refusal,
    Scope,
    StateError,
    _,
    new_id,
    now,
    set_scope,
)
from loyalty_core.ledger import PostingDraft, PostingKind
from loyalty_core.participants import Participant, ParticipantState
from loyalty_core.programmes import Collects, Programme
from loyalty_core.rewards import order_store, store
from loyalty_core.rewards.order_store import SOURCE, NewOrder, Order, OrderStateError
from loyalty_core.rewards.policy import StockMovementKind, day_of, reason_of
from loyalty_core.rewards.states import ORDER_MOVES, OrderState
from loyalty_core.rewards.store import Reward
from loyalty_core.rewards.wallet import (
    NotEntitledError,
    ParticipantNotActiveError,
    check_reward,
    owner_of_wallet,
)


class NotForThemError(NotAllowedError):
    """The actor may order neither as this participant nor for them."""

    def __init__(self) -> None:
        super().__init__(
            _("You can order for yourself, or as the responsible salesperson for people of your companies.")
        )


class PriceChangedError(Refusal):
    """The reward costs other points than the page showed."""

    def __init__(self, reward: Reward) -> None:
        super().__init__(
            _("“{name}” costs {points} points now. Look again before you order.").format(
                name=reward.name, points=f"{reward.points:,}"
            )
        )
        self.reward = reward


class NoWalletError(Refusal):
    """Participants don't collect points of this programme."""

    def __init__(self, programme: Programme) -> None:
        super().__init__(
            _("In “{name}” salespeople collect the points, so nobody else can order.").format(
                name=programme.name
            )
        )
        self.programme = programme


class NoBudgetError(Refusal):
    """No budget is set that could pay for the order."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "No money is set aside for rewards in this quarter yet. Order later, or leave the order waiting"
                " until there is money."
            )
        )


# What a person may answer by leaving the order waiting for money.
NO_MONEY = (BudgetExhaustedError, NoBudgetError)


class OrderKeyUsedError(Refusal):
    """The request's key stands for another order."""

    def __init__(self, order: Order) -> None:
        super().__init__(
            _(
                "This form was sent before and made order {number} for something else; nothing was ordered now."
                " Reload the page and order again."
            ).format(number=order.number)
        )
        self.order = order


class OwnOrderError(NotAllowedError):
    """Nobody decides an order that they requested or that is for themselves."""

    def __init__(self, order: Order) -> None:
        super().__init__(
            _(
                "Order {number} is your own: you requested it, or it is for you. Somebody else decides it."
            ).format(number=order.number)
        )
        self.order = order


class PayloadChangedError(Refusal):
    """The order is not what the page showed, or not what was placed."""

    def __init__(self, order: Order) -> None:
        super().__init__(
            _(
                "Order {number} is not what it was when you looked at it. Reload the page and look again; if it"
                " says so once more, tell an administrator."
            ).format(number=order.number)
        )
        self.order = order


class NotYourOrderError(NotAllowedError):
    """Only whoever requested an order, or the participant it is for, cancels it."""

    def __init__(self, order: Order) -> None:
        super().__init__(
            _("Order {number} can be cancelled only by who requested it or whom it is for.").format(
                number=order.number
            )
        )
        self.order = order


class NothingToPayFromError(StateError):
    """No budget is set that could pay for a waiting order now."""

    def __init__(self, order: Order) -> None:
        super().__init__(
            _(
                "Order {number} has no money: no budget is set for {region} in this quarter. Ask for one first."
            ).format(number=order.number, region=order.region_name or order.company_name)
        )
        self.order = order


class NotEnoughMoneyError(StateError):
    """The budget that would pay for a waiting order does not suffice now."""

    def __init__(self, order: Order, exhausted: BudgetExhaustedError) -> None:
        super().__init__(
            _(
                "Order {number} costs {cost} {currency}, and its budget has {available} {currency} left."
                " Raise the budget first, or reject the order."
            ).format(
                number=order.number,
                cost=exhausted.wanted,
                available=exhausted.available,
                currency=order.currency,
            )
        )
        self.order = order


class NotAPersonError(NotAllowedError):
    """Orders are placed and decided by people who sign in, never by the command line or a job."""

    def __init__(self) -> None:
        super().__init__(_("Orders are placed and decided by people who are signed in."))


def _person(scope: Scope) -> UUID:
    if scope.user_id is None:
        raise NotAPersonError
    return scope.user_id


# Placing


def place_order(
    database: Database,
    scope: Scope,
    *,
    participant_id: UUID,
    reward_id: UUID,
    request_key: UUID,
    waits_for_budget: bool = False,
    expected_points: int | None = None,
) -> Order:
    """Order a reward for oneself, or as the responsible salesperson for one of the company's people.

    Points, one piece and the money are taken at once; then the order waits for finance. Without money nothing
    is taken (NO_MONEY says so), or with `waits_for_budget` the order waits holding points and stock.
    `expected_points` is the price that the page showed. The same key again returns the same order.

    Raises NotForThemError, ParticipantNotActiveError, NotEntitledError, NotOfferedError, NotForGroupError,
    OutOfStockError, PriceChangedError, NotEnoughPointsError, NO_MONEY, OrderKeyUsedError, NoWalletError,
    UnknownParticipantError, UnknownRewardError, NotAllowedError.
    """
    user_id, actor = _person(scope), scope.widened()
    with database.transaction(scope) as connection:
        participant = participants.participant_by_id(connection, participant_id)
        _check_may_order(connection, scope, participant)
        reward = store.reward_by_id(connection, scope, reward_id)
        programme = programmes.programme_by_id(connection, scope, reward.programme_id)
        # The right is checked; the region's budget and the programme's own accounts lie beyond what they see.
        set_scope(connection, actor)
        order_store.lock_request(connection, request_key)
        placed = order_store.order_of_request(connection, request_key)
        if placed is not None:
            if (placed.participant_id, placed.reward_id, placed.requested_by) != (
                participant_id,
                reward_id,
                user_id,
            ):
                raise OrderKeyUsedError(placed)
            return placed
        moment = now()
        wish = _Wish(new_id(), participant, programme, reward, moment, day_of(moment, programme.time_zone))
        entitlement_id = _hold_right(connection, wish)
        check_reward(reward, participant, wish.today)
        if expected_points not in (None, reward.points):
            raise PriceChangedError(reward)
        account_id, posting_id = _spend_points(connection, wish)
        _take_piece(connection, actor, wish)
        budget_id = _hold_money(connection, actor, wish, waits=waits_for_budget)
        order = order_store.insert_order(
            connection,
            actor,
            NewOrder(
                id=wish.order_id,
                request_key=request_key,
                programme_id=programme.id,
                company_id=participant.company_id,
                participant_id=participant.id,
                requested_by=user_id,
                requested_by_name=scope.actor_name,
                entitlement_id=entitlement_id,
                account_id=account_id,
                reward_id=reward.id,
                points=reward.points,
                cost_minor=reward.cost_minor,
                currency=reward.currency,
                budget_id=budget_id,
                spend_posting_id=posting_id,
                ordered_at=moment,
            ),
        )
        # No one-time codes yet: nothing is waited for here.
        order = order_store.move_order(
            connection,
            actor,
            order,
            OrderState.AWAITING_FINANCE,
            budget_id=budget_id,
            reason=None,
            moved_at=moment,
        )
        audit.record(
            connection,
            scope,
            "rewards.order_placed",
            "reward_order",
            order.id,
            {**_told(order), "participant": str(participant.id), "has_money": order.is_funded},
        )
        return order


def _told(order: Order) -> dict[str, object]:
    """Return what the audit tells of every order."""
    return {
        "number": order.number,
        "reward": order.reward_code,
        "points": order.points,
        "cost_minor": order.cost_minor,
        "currency": order.currency,
    }


def _check_may_order(connection: Connection, scope: Scope, participant: Participant) -> None:
    if participant.user_id == scope.user_id:
        check_permission(connection, scope, Permission.ORDER_REWARDS)
        return
    check_permission(connection, scope, Permission.ORDER_FOR_OTHERS)
    if not any(
        company.salesperson_id == scope.user_id
        for company in organisation.companies_by_id(connection, [participant.company_id])
    ):
        raise NotForThemError


@dataclass(frozen=True, slots=True)
class _Wish:
    """An order before it is placed: the reward and its price as they were read first."""

    order_id: UUID
    participant: Participant
    programme: Programme
    reward: Reward
    moment: datetime
    today: date


def _hold_right(connection: Connection, wish: _Wish) -> UUID | None:
    """Keep the participant taking part, and entitled where the points are the company's, until the end."""
    state = order_store.hold_participant(connection, wish.participant.id)
    if state is not ParticipantState.ACTIVE:
        raise ParticipantNotActiveError(state)
    if wish.programme.collects is not Collects.COMPANY:
        return None
    entitlement_id = store.entitlement_of(
        connection, wish.participant.company_id, wish.participant.id, lock=True
    )
    if entitlement_id is None:
        raise NotEntitledError
    return entitlement_id


def _spend_points(connection: Connection, wish: _Wish) -> tuple[UUID, int]:
    """Take the points and return the account and the posting. Locks the account."""
    owner = owner_of_wallet(wish.programme, wish.participant)
    if owner is None:
        raise NoWalletError(wish.programme)
    kind, owner_id = owner
    company_id = wish.participant.company_id
    account_id = ledger.open_accounts(
        connection, wish.programme.id, kind, [(owner_id, company_id)], wish.moment
    )[owner_id]
    draft = PostingDraft(
        key=f"{wish.order_id}:spend",
        account_id=account_id,
        company_id=company_id,
        kind=PostingKind.SPEND,
        points=-wish.reward.points,
        happened_at=wish.moment,
    )
    posted = ledger.post(connection, programme_id=wish.programme.id, source=SOURCE, drafts=[draft])
    return account_id, posted[draft.key]


def _take_piece(connection: Connection, actor: Scope, wish: _Wish) -> None:
    """Take one piece from the stock. Locks the reward, and refuses where it changed since it was read."""
    store.lock_reward(connection, wish.reward.id)
    reward = store.reward_by_id(connection, actor, wish.reward.id)
    check_reward(reward, wish.participant, wish.today)
    if (reward.points, reward.cost_minor) != (wish.reward.points, wish.reward.cost_minor):
        raise PriceChangedError(reward)
    store.move_stock(
        connection,
        actor,
        reward.id,
        StockMovementKind.HOLD,
        pieces=-1,
        left_after=None if reward.stock is None else reward.stock - 1,
        order_id=wish.order_id,
        recorded_at=wish.moment,
    )


def _hold_money(connection: Connection, actor: Scope, wish: _Wish, *, waits: bool) -> UUID | None:
    """Reserve the money and return the budget that holds it. Locks the budget.

    None where the reward costs no money, or where there is none and the order may wait for it.
    """
    if not wish.reward.cost_minor:
        return None
    (company,) = organisation.companies_by_id(connection, [wish.participant.company_id])
    budget = budgets.budget_for(
        connection, programme_id=wish.programme.id, region_id=company.region_id, on=wish.today
    )
    try:
        if budget is None:
            raise NoBudgetError
        budgets.reserve(
            connection,
            actor,
            budget_id=budget.id,
            order_id=wish.order_id,
            amount_minor=wish.reward.cost_minor,
        )
    except NO_MONEY:
        if waits:
            return None
        raise
    return budget.id


# Cancelling


def cancel_order(database: Database, scope: Scope, order_id: UUID) -> None:
    """Take back an order that nobody has decided yet; points, stock and money go back where they were.

    By who requested it or the participant it is for. Raises NotYourOrderError, OrderStateError,
    UnknownOrderError, NotAllowedError.
    """
    user_id = _person(scope)
    with database.transaction(scope) as connection:
        order = order_store.lock_order(connection, scope, order_id)
        if user_id not in (order.requested_by, order.participant_user_id):
            raise NotYourOrderError(order)
        is_oneself = user_id == order.participant_user_id
        check_permission(
            connection, scope, Permission.ORDER_REWARDS if is_oneself else Permission.ORDER_FOR_OTHERS
        )
        set_scope(connection, scope.widened())
        _end(connection, scope, order, OrderState.CANCELLED, reason=None)


# Deciding


@dataclass(frozen=True, slots=True)
class OrderToDecide:
    """An order as the page held it when the person decided."""

    order_id: UUID
    payload_hash: str


@dataclass(frozen=True, slots=True)
class OrderOutcome:
    """What came of deciding one order: None as `refusal` where it was done; `number` None where it is unknown."""

    order_id: UUID
    number: int | None
    refusal: str | None


def decide_orders(
    database: Database,
    scope: Scope,
    asked: Sequence[OrderToDecide],
    *,
    approve: bool,
    reason: str | None = None,
) -> list[OrderOutcome]:
    """Approve or reject orders, each in its own transaction, and return what came of each, in the order asked.

    Approving spends the money that is held, or reserves and spends it now for an order that waits for money.
    Rejecting gives points, stock and money back and needs a reason of 3 to 1,000 characters, which the
    participant reads. Refused for one order: one's own, one decided already, one that is not what the page
    showed, one that its budget can't pay. Raises ReasonMissingError, NotAllowedError, before anything is done.
    """
    words = None if approve and not (reason or "").strip() else reason_of(reason)
    _person(scope)
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.DECIDE_ORDERS)
    return [_outcome(database, scope, one, approve=approve, reason=words) for one in asked]


def _outcome(
    database: Database, scope: Scope, one: OrderToDecide, *, approve: bool, reason: str | None
) -> OrderOutcome:
    number = None
    try:
        with database.transaction(scope) as connection:
            check_permission(connection, scope, Permission.DECIDE_ORDERS)
            order = order_store.lock_order(connection, scope, one.order_id)
            number = order.number
            _check_may_decide(scope, order, one.payload_hash)
            set_scope(connection, scope.widened())
            state = OrderState.APPROVED if approve else OrderState.REJECTED
            _end(connection, scope, order, state, reason=reason)
    except Refusal as refusal:
        return OrderOutcome(one.order_id, number, refusal.sentence)
    return OrderOutcome(one.order_id, number, None)


def _check_may_decide(scope: Scope, order: Order, payload_hash: str) -> None:
    if scope.user_id in (order.requested_by, order.participant_user_id):
        raise OwnOrderError(order)
    if not order.is_waiting:
        raise OrderStateError(order)
    if not payload_hash == order.payload_hash == order.computed_hash:
        raise PayloadChangedError(order)


def _end(
    connection: Connection, scope: Scope, order: Order, state: OrderState, *, reason: str | None
) -> None:
    """Move a locked order to where it ends, with all that it held, in the actor's name."""
    if state not in ORDER_MOVES[order.state]:
        raise OrderStateError(order)
    actor, moment = scope.widened(), now()
    if state is OrderState.APPROVED:
        budget_id = _pay(connection, actor, order, moment)
    else:
        budget_id = order.budget_id
        _give_back(connection, actor, order, moment)
    ended = order_store.move_order(
        connection, actor, order, state, budget_id=budget_id, reason=reason, moved_at=moment
    )
    audit.record(
        connection,
        scope,
        f"rewards.order_{state.value}",
        "reward_order",
        order.id,
        {**_told(ended), "payload_hash": order.payload_hash, "reason": reason},
    )


def _pay(connection: Connection, actor: Scope, order: Order, moment: datetime) -> UUID | None:
    """Spend the order's money and return the budget that paid; one that waits for money gets it from today's."""
    if not order.cost_minor:
        return None
    budget_id = order.budget_id
    if budget_id is None:
        programme = programmes.programme_by_id(connection, actor, order.programme_id)
        budget = budgets.budget_for(
            connection,
            programme_id=order.programme_id,
            region_id=order.region_id,
            on=day_of(moment, programme.time_zone),
        )
        if budget is None:
            raise NothingToPayFromError(order)
        budget_id = budget.id
        try:
            budgets.reserve(
                connection, actor, budget_id=budget_id, order_id=order.id, amount_minor=order.cost_minor
            )
        except BudgetExhaustedError as exhausted:
            raise NotEnoughMoneyError(order, exhausted) from exhausted
    budgets.spend(connection, actor, budget_id=budget_id, order_id=order.id)
    return budget_id


def _give_back(connection: Connection, actor: Scope, order: Order, moment: datetime) -> None:
    """Give back the points, each with the expiry that it had, the piece and the money."""
    ledger.post(
        connection,
        programme_id=order.programme_id,
        source=SOURCE,
        drafts=[
            PostingDraft(
                key=f"{order.id}:give_back:{expires_on or 'never'}",
                account_id=order.account_id,
                company_id=order.company_id,
                kind=PostingKind.GIVE_BACK,
                points=points,
                happened_at=moment,
                expires_on=expires_on,
            )
            for expires_on, points in ledger.uses_of_posting(connection, order.spend_posting_id)
        ],
    )
    store.lock_reward(connection, order.reward_id)
    stock = store.reward_by_id(connection, actor, order.reward_id).stock
    store.move_stock(
        connection,
        actor,
        order.reward_id,
        StockMovementKind.GIVE_BACK,
        pieces=1,
        left_after=None if stock is None else stock + 1,
        order_id=order.id,
        recorded_at=moment,
    )
    if order.budget_id is not None:
        budgets.release(connection, actor, budget_id=order.budget_id, order_id=order.id)
