"""How money is set aside, reserved by orders, spent and given back.

Orders move budgets inside their own transaction: they have checked the actor's right, run under a scope that
sees the budget, and are on record in the audit themselves; the movement names the actor.
"""

from datetime import date
from uuid import UUID

from sqlalchemy import Connection

from loyalty_core import audit, programmes
from loyalty_core.access import Permission, check_permission, display_name_of
from loyalty_core.budgets import store
from loyalty_core.budgets.policy import (
    MOST_MINOR,
    REASON_LENGTHS,
    Figures,
    MovementKind,
    moved,
    quarter_of,
)
from loyalty_core.budgets.states import CHANGE_MOVES, ChangeState
from loyalty_core.budgets.store import BudgetChange, LockedBudget
from loyalty_core.kernel import (
    Database,
    Money,
    NotAllowedError,
    NotFoundError,
    Refusal,
    Scope,
    StateError,
    _,
    new_id,
    now,
)


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


class UnknownBudgetRegionError(NotFoundError):
    """The region for the budget does not lie in the asker's scope."""

    def __init__(self, region_id: UUID) -> None:
        super().__init__(_("There is no such region among those you see. Choose another one."))
        self.region_id = region_id


class OnlyPeopleError(NotAllowedError):
    """Budgets are asked for and decided by people who signed in: two of them."""

    def __init__(self) -> None:
        super().__init__(
            _("A budget is asked for by one person and decided by another. Sign in to do either.")
        )


class BudgetReasonError(Refusal):
    """The reason is missing or too long."""

    def __init__(self) -> None:
        least, most = REASON_LENGTHS
        super().__init__(
            _("Say why, in {least} to {most} characters: whoever looks later reads it.").format(
                least=least, most=most
            )
        )


class BudgetAmountError(Refusal):
    """The amount is below zero or beyond all measure."""

    def __init__(self, amount: Money) -> None:
        super().__init__(
            _("{amount} {currency} can't be a budget. Give an amount from 0 on.").format(
                amount=amount, currency=amount.currency
            )
        )
        self.amount = amount


class BudgetTooSmallError(Refusal):
    """More is reserved and spent than would be set."""

    def __init__(self, amount: Money, used: Money) -> None:
        super().__init__(
            _(
                "{amount} {currency} is less than what orders have reserved and spent already: {used} {currency}."
                " Set at least that."
            ).format(amount=amount, used=used, currency=used.currency)
        )
        self.amount, self.used = amount, used


class SameAmountError(Refusal):
    """The budget holds this amount already."""

    def __init__(self, amount: Money) -> None:
        super().__init__(
            _("The budget is {amount} {currency} already. Give another amount.").format(
                amount=amount, currency=amount.currency
            )
        )
        self.amount = amount


class OutsideProgrammeError(Refusal):
    """The programme does not run in the quarter."""

    def __init__(self, programme: programmes.Programme, quarter: tuple[date, date]) -> None:
        super().__init__(
            _(
                "“{programme}” runs from {first} to {last}, and not in the quarter that begins on {start}. Choose"
                " another quarter."
            ).format(
                programme=programme.name,
                first=programme.starts_on.isoformat(),
                last=programme.ends_on.isoformat(),
                start=quarter[0].isoformat(),
            )
        )
        self.programme, self.quarter = programme, quarter


class QuarterOverError(Refusal):
    """There can be no new budget for a quarter that is over."""

    def __init__(self, quarter: tuple[date, date]) -> None:
        super().__init__(
            _(
                "The quarter ended on {last}, and it had no budget. Choose this quarter or a later one."
            ).format(last=quarter[1].isoformat())
        )
        self.quarter = quarter


class ChangeWaitsError(Refusal):
    """A change of the same budget waits for its decision."""

    def __init__(self, waiting: BudgetChange) -> None:
        amount = Money(waiting.after_minor, waiting.currency)
        super().__init__(
            _(
                "{name} has asked for {amount} {currency} already, and that waits for a decision. Have it decided"
                " or withdrawn first."
            ).format(name=waiting.asked_by_name, amount=amount, currency=waiting.currency)
        )
        self.waiting = waiting


class RequestUsedOtherwiseError(Refusal):
    """The same request came again with another content."""

    def __init__(self, first: BudgetChange) -> None:
        super().__init__(
            _("This form was sent before, with other values. Reload the page and look what became of it.")
        )
        self.first = first


class OwnChangeError(NotAllowedError):
    """Whoever asked for a change can't decide it."""

    def __init__(self, change_id: UUID) -> None:
        super().__init__(
            _("You asked for this change yourself, so somebody else decides it. You can withdraw it.")
        )
        self.change_id = change_id


class NotYourChangeError(NotAllowedError):
    """Only whoever asked for a change can withdraw it."""

    def __init__(self, change: BudgetChange) -> None:
        super().__init__(
            _("Only {name}, who asked for this change, can withdraw it.").format(name=change.asked_by_name)
        )
        self.change_id = change.id


class ChangeDecidedError(StateError):
    """The change does not wait any more."""

    def __init__(self, change: BudgetChange) -> None:
        sentence = {
            ChangeState.APPROVED: _("{name} has approved this change already."),
            ChangeState.REJECTED: _("{name} has rejected this change already."),
            ChangeState.WITHDRAWN: _("{name} has withdrawn this change already."),
        }[change.state]
        super().__init__(sentence.format(name=change.decided_by_name))
        self.change_id, self.state = change.id, change.state


class ChangeAlteredError(Refusal):
    """What would be applied is not what was asked for or shown."""

    def __init__(self, change_id: UUID) -> None:
        super().__init__(
            _(
                "This change is not what was asked for or what you were shown, and nothing was applied. Reload the"
                " page, look again, and tell whoever runs Laurel if this comes back."
            )
        )
        self.change_id = change_id


def ask_for_budget(
    database: Database,
    scope: Scope,
    *,
    programme_id: UUID,
    region_id: UUID,
    starts_on: date,
    amount_minor: int,
    reason: str,
    request_key: UUID,
) -> UUID:
    """Ask that a budget be set to an amount, in minor units of the programme's currency; return the change's id.

    The budget is that of the calendar quarter in which `starts_on` lies. Nothing is set until a second person
    approves. The same key again asks once. Raises NotAllowedError, ProgrammeNotFoundError,
    UnknownBudgetRegionError, BudgetReasonError, BudgetAmountError, BudgetTooSmallError, SameAmountError,
    OutsideProgrammeError, QuarterOverError, ChangeWaitsError, RequestUsedOtherwiseError.
    """
    with database.transaction(scope) as connection:
        return ask_within(
            connection,
            scope,
            programme_id=programme_id,
            region_id=region_id,
            starts_on=starts_on,
            amount_minor=amount_minor,
            reason=reason,
            request_key=request_key,
        )


def ask_within(
    connection: Connection,
    scope: Scope,
    *,
    programme_id: UUID,
    region_id: UUID,
    starts_on: date,
    amount_minor: int,
    reason: str,
    request_key: UUID,
) -> UUID:
    """Ask as `ask_for_budget` does, inside the caller's transaction."""
    reason = _checked_reason(reason)
    quarter = quarter_of(starts_on)
    check_permission(connection, scope, Permission.ASK_FOR_BUDGETS)
    asker = check_is_person(scope)
    programme = programmes.programme_by_id(connection, scope, programme_id)
    if not store.region_is_seen(connection, region_id):
        raise UnknownBudgetRegionError(region_id)
    before = store.budget_of(connection, programme_id=programme_id, region_id=region_id, starts_on=quarter[0])
    change = store.new_change(
        id=new_id(),
        request_key=request_key,
        programme_id=programme_id,
        region_id=region_id,
        quarter=quarter,
        currency=programme.currency,
        before_minor=before.set_minor if before else None,
        after_minor=amount_minor,
        reason=reason,
        asked_by=asker,
        asked_by_name=display_name_of(connection, asker) or scope.actor_name,
        asked_at=now(),
    )
    earlier = store.change_of_request(connection, request_key)
    if earlier is not None:
        return _same_request(earlier, change)
    if programme.ends_on < quarter[0] or programme.starts_on > quarter[1]:
        raise OutsideProgrammeError(programme, quarter)
    if before is None and quarter[1] < now().date():
        raise QuarterOverError(quarter)
    _refuse_amount(change, before.figures if before else None)
    if not store.insert_change(connection, change):
        # Another transaction was first: with the same request, or with another one for this budget.
        earlier = store.change_of_request(connection, request_key)
        if earlier is not None:
            return _same_request(earlier, change)
        waiting = store.waiting_change_of(
            connection, programme_id=programme_id, region_id=region_id, starts_on=quarter[0]
        )
        if waiting is None:
            # It was decided in between, or the key belongs to a change out of the asker's sight.
            raise RequestUsedOtherwiseError(change)
        raise ChangeWaitsError(waiting)
    audit.record(
        connection,
        scope,
        "budgets.change_asked_for",
        "budget_change",
        change.id,
        {
            "programme": programme.code,
            "region": str(region_id),
            "starts_on": quarter[0].isoformat(),
            "before_minor": change.before_minor,
            "after_minor": amount_minor,
            "currency": programme.currency,
        },
    )
    return change.id


def check_is_person(scope: Scope) -> UUID:
    """Return who acts. Raises OnlyPeopleError for jobs and the command line."""
    if scope.user_id is None:
        raise OnlyPeopleError
    return scope.user_id


def _checked_reason(reason: str | None) -> str:
    text = (reason or "").strip()
    least, most = REASON_LENGTHS
    if not least <= len(text) <= most:
        raise BudgetReasonError
    return text


def _same_request(earlier: BudgetChange, wanted: BudgetChange) -> UUID:
    """Return the id of what was asked for before under the same key; refuse another content under it."""
    same = (
        earlier.programme_id == wanted.programme_id
        and earlier.region_id == wanted.region_id
        and earlier.starts_on == wanted.starts_on
        and earlier.after_minor == wanted.after_minor
        and earlier.reason == wanted.reason
        and earlier.asked_by == wanted.asked_by
    )
    if not same:
        raise RequestUsedOtherwiseError(earlier)
    return earlier.id


def _refuse_amount(change: BudgetChange, held: Figures | None) -> None:
    amount = Money(change.after_minor, change.currency)
    if not 0 <= change.after_minor <= MOST_MINOR:
        raise BudgetAmountError(amount)
    if held is None:
        return
    if change.after_minor < held.used_minor:
        raise BudgetTooSmallError(amount, Money(held.used_minor, change.currency))
    if change.after_minor == held.set_minor:
        raise SameAmountError(amount)


def decide_change(
    database: Database,
    scope: Scope,
    change_id: UUID,
    *,
    payload_hash: str,
    approve: bool,
    reason: str | None = None,
) -> None:
    """Approve a change, which sets the budget at once, or reject it with a reason.

    Never one's own, administrators included. `payload_hash` is that of what the decider saw. Deciding again the
    same way does nothing. Raises NotAllowedError, UnknownChangeError, OwnChangeError, ChangeDecidedError,
    ChangeAlteredError, BudgetReasonError, BudgetTooSmallError.
    """
    wanted = ChangeState.APPROVED if approve else ChangeState.REJECTED
    text = _checked_reason(reason) if not approve else (reason or "").strip() or None
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.DECIDE_BUDGETS)
        decider = check_is_person(scope)
        change = store.lock_change(connection, scope, change_id)
        if change.asked_by == decider:
            raise OwnChangeError(change_id)
        if change.state is wanted and change.decided_by == decider:
            return
        if wanted not in CHANGE_MOVES[change.state]:
            raise ChangeDecidedError(change)
        if not change.payload_hash == change.stored_hash == payload_hash:
            raise ChangeAlteredError(change_id)
        detail: dict[str, object] = {"after_minor": change.after_minor, "currency": change.currency}
        if approve:
            detail["budget"] = str(_set(connection, scope, change))
        _move_change(connection, scope, change, wanted, text, detail)


def withdraw_change(database: Database, scope: Scope, change_id: UUID) -> None:
    """Take back a change that one asked for and that nobody decided; again does nothing.

    Raises NotAllowedError, UnknownChangeError, NotYourChangeError, ChangeDecidedError.
    """
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.ASK_FOR_BUDGETS)
        asker = check_is_person(scope)
        change = store.lock_change(connection, scope, change_id)
        if change.asked_by != asker:
            raise NotYourChangeError(change)
        if change.state is ChangeState.WITHDRAWN:
            return
        if ChangeState.WITHDRAWN not in CHANGE_MOVES[change.state]:
            raise ChangeDecidedError(change)
        _move_change(connection, scope, change, ChangeState.WITHDRAWN, None, {})


def withdraw_within(connection: Connection, scope: Scope, change_id: UUID, *, reason: str) -> None:
    """Withdraw a change that waits, whoever asked for it, because the import that asked is undone.

    Inside the caller's transaction. Raises NotAllowedError, OnlyPeopleError, UnknownChangeError, ChangeDecidedError.
    """
    check_permission(connection, scope, Permission.ASK_FOR_BUDGETS)
    check_is_person(scope)
    change = store.lock_change(connection, scope, change_id)
    if ChangeState.WITHDRAWN not in CHANGE_MOVES[change.state]:
        raise ChangeDecidedError(change)
    _move_change(connection, scope, change, ChangeState.WITHDRAWN, reason, {"reason": reason})


def _move_change(
    connection: Connection,
    scope: Scope,
    change: BudgetChange,
    state: ChangeState,
    reason: str | None,
    detail: dict[str, object],
) -> None:
    decider = check_is_person(scope)
    store.write_decision(
        connection,
        change.id,
        state,
        reason,
        decided_by=decider,
        decided_by_name=display_name_of(connection, decider) or scope.actor_name,
        decided_at=now(),
    )
    audit.record(
        connection,
        scope,
        f"budgets.change_{state.value}",
        "budget_change",
        change.id,
        {"from": change.state.value, **detail},
    )


def _set(connection: Connection, scope: Scope, change: BudgetChange) -> UUID:
    """Set the budget that the change names, made where there is none; return its id."""
    moment = now()
    found = store.budget_of(
        connection,
        programme_id=change.programme_id,
        region_id=change.region_id,
        starts_on=change.starts_on,
    )
    # Only changes set budgets, and one waits at a time: what was set then is set still.
    if (found.set_minor if found else None) != change.before_minor:
        raise ChangeAlteredError(change.id)
    budget = (
        store.lock_budget(connection, found.id)
        if found
        else store.insert_budget(connection, id=new_id(), change=change, recorded_at=moment)
    )
    if change.after_minor < budget.figures.used_minor:
        raise BudgetTooSmallError(
            Money(change.after_minor, change.currency), Money(budget.figures.used_minor, change.currency)
        )
    amount = change.after_minor - budget.figures.set_minor
    store.move_budget(
        connection,
        scope,
        budget,
        MovementKind.SET,
        amount,
        moved(budget.figures, MovementKind.SET, amount),
        change_id=change.id,
        recorded_at=moment,
    )
    return budget.id
