"""How money is set aside, reserved by orders, spent and given back.

Orders move budgets inside their own transaction: they have checked the actor's right, run under a scope that
sees the budget, and are on record in the audit themselves; the movement names the actor.
"""

from uuid import UUID

from sqlalchemy import Connection

from loyalty_core.budgets import store
from loyalty_core.budgets.policy import MovementKind, moved
from loyalty_core.budgets.store import LockedBudget
from loyalty_core.kernel import Money, NotFoundError, Refusal, Scope, StateError, _, now


class BudgetExhaustedError(Refusal):
    """The budget does not hold what the order costs. Says no amounts: participants read it too."""

    def __init__(self, budget_id: UUID, currency: str, *, available_minor: int, wanted_minor: int) -> None:
        super().__init__(
            _(
                "The rewards budget of this quarter has not enough money left for this order. Order something"
                " else, or leave the order waiting until there is money again."
            )
        )
        self.budget_id = budget_id
        self.available = Money(available_minor, currency)
        self.wanted = Money(wanted_minor, currency)


class ReservedOtherwiseError(StateError):
    """The order holds money already, in another budget or of another amount."""

    def __init__(self, order_id: UUID) -> None:
        super().__init__(
            _("This order has its money from another budget already. Reload the page and look again.")
        )
        self.order_id = order_id


class NothingReservedError(NotFoundError):
    """The budget holds no money for the order."""

    def __init__(self, order_id: UUID) -> None:
        super().__init__(_("The budget holds no money for this order. Reload the page and look again."))
        self.order_id = order_id


class ReservationEndedError(StateError):
    """The money of the order was spent or given back already."""

    def __init__(self, order_id: UUID, ended: MovementKind) -> None:
        super().__init__(
            _("The money for this order is spent already.")
            if ended is MovementKind.SPEND
            else _("The money for this order was given back to its budget already.")
        )
        self.order_id, self.ended = order_id, ended


def reserve(
    connection: Connection, scope: Scope, *, budget_id: UUID, order_id: UUID, amount_minor: int
) -> None:
    """Hold an order's money, in the caller's transaction; the same order again holds it once.

    The budget's row stays locked until the transaction ends. `amount_minor` from 0 on, in the budget's
    currency. Raises BudgetExhaustedError, UnknownBudgetError, ReservedOtherwiseError, ReservationEndedError.
    """
    if amount_minor < 0:
        raise ValueError("an order costs 0 or more")
    budget = store.lock_budget(connection, budget_id)
    # Looked up under the lock: whoever reserves for the same order waits above.
    done = store.movements_of_order(connection, order_id)
    for ended in (MovementKind.SPEND, MovementKind.RELEASE):
        if ended in done:
            raise ReservationEndedError(order_id, ended)
    if MovementKind.RESERVE in done:
        if done[MovementKind.RESERVE] != (budget_id, amount_minor):
            raise ReservedOtherwiseError(order_id)
        return
    if budget.figures.available_minor < amount_minor:
        raise BudgetExhaustedError(
            budget_id,
            budget.currency,
            available_minor=budget.figures.available_minor,
            wanted_minor=amount_minor,
        )
    _move(connection, scope, budget, MovementKind.RESERVE, amount_minor, order_id)


def spend(connection: Connection, scope: Scope, *, budget_id: UUID, order_id: UUID) -> None:
    """Spend what the order reserved, in the caller's transaction; again does nothing.

    Raises NothingReservedError, ReservationEndedError, UnknownBudgetError.
    """
    _end(connection, scope, budget_id, order_id, MovementKind.SPEND)


def release(connection: Connection, scope: Scope, *, budget_id: UUID, order_id: UUID) -> None:
    """Give back what the order reserved, in the caller's transaction; again does nothing.

    Raises NothingReservedError, ReservationEndedError, UnknownBudgetError.
    """
    _end(connection, scope, budget_id, order_id, MovementKind.RELEASE)


def _end(connection: Connection, scope: Scope, budget_id: UUID, order_id: UUID, kind: MovementKind) -> None:
    budget = store.lock_budget(connection, budget_id)
    done = store.movements_of_order(connection, order_id)
    reserved_in, amount_minor = done.get(MovementKind.RESERVE, (None, 0))
    if reserved_in != budget_id:
        raise NothingReservedError(order_id)
    if kind in done:
        return
    other = MovementKind.RELEASE if kind is MovementKind.SPEND else MovementKind.SPEND
    if other in done:
        raise ReservationEndedError(order_id, other)
    _move(connection, scope, budget, kind, amount_minor, order_id)


def _move(
    connection: Connection,
    scope: Scope,
    budget: LockedBudget,
    kind: MovementKind,
    amount_minor: int,
    order_id: UUID,
) -> None:
    store.move_budget(
        connection,
        scope,
        budget,
        kind,
        amount_minor,
        moved(budget.figures, kind, amount_minor),
        order_id=order_id,
        recorded_at=now(),
    )
