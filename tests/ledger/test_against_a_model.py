"""The ledger beside a plain model of it, over the real database, step by step."""

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, text

from loyalty_core.kernel import Database, Scope, new_id
from loyalty_core.ledger import (
    KeyUsedOtherwiseError,
    NotEnoughPointsError,
    PostingDraft,
    PostingKind,
    broken_books,
    post,
    statement,
)
from tests.ledger.accounts import accounts, draft

SOURCE = "model"
EARN, TAKE_BACK, SPEND = PostingKind.EARN, PostingKind.TAKE_BACK, PostingKind.SPEND

places = st.integers(0, 2)
some_points = st.integers(1, 60)
expiries = st.none() | st.dates(date(2026, 6, 1), date(2026, 6, 4))


@dataclass
class ModelAccount:
    """A balance, and the parcels of points in it in the order in which they are spent."""

    balance: int = 0
    parcels: list[tuple[date, int, int]] = field(default_factory=list)
    """(expiry, the number of the parcel, points left)"""
    movements: list[int] = field(default_factory=list)

    def copy(self) -> "ModelAccount":
        return ModelAccount(self.balance, list(self.parcels), list(self.movements))

    def earn(self, points: int, expires_on: date | None, number: int) -> None:
        left = points - min(points, max(0, -self.balance))
        self.balance += points
        if left:
            self.parcels = sorted([*self.parcels, (expires_on or date.max, number, left)])
        self.movements.append(points)

    def lose(self, points: int) -> None:
        wanted = points
        while wanted and self.parcels:
            expiry, number, left = self.parcels.pop(0)
            taken = min(left, wanted)
            wanted -= taken
            if left > taken:
                self.parcels.insert(0, (expiry, number, left - taken))
        self.balance -= points
        self.movements.append(-points)


class Overdrawn(Exception):
    """The model would spend what is not there."""


class LedgerBesideModel(RuleBasedStateMachine):
    """Three accounts of one programme."""

    connection: Connection
    posted = Bundle("posted")

    def __init__(self) -> None:
        super().__init__()
        self.example = self.connection.begin_nested()
        self.programme_id = new_id()
        self.accounts = accounts(self.connection, self.programme_id, 3)
        self.model = [ModelAccount() for _account in self.accounts]
        self.parcel = 0
        self.ids: dict[str, int] = {}

    def teardown(self) -> None:
        self.example.rollback()

    def _post(self, drafts: list[PostingDraft]) -> dict[str, int]:
        with self.connection.begin_nested():
            return post(self.connection, programme_id=self.programme_id, source=SOURCE, drafts=drafts)

    def _foresee(self, drafts: list[PostingDraft]) -> list[ModelAccount]:
        after = [account.copy() for account in self.model]
        places = {account_id: place for place, (account_id, _company) in enumerate(self.accounts)}
        for number, one in enumerate(drafts, self.parcel):
            account = after[places[one.account_id]]
            if one.kind is EARN:
                account.earn(one.points, one.expires_on, number)
            elif one.kind is SPEND and account.balance < -one.points:
                raise Overdrawn
            else:
                account.lose(-one.points)
        return after

    def _do(self, drafts: list[PostingDraft]) -> Any:
        try:
            after = self._foresee(drafts)
        except Overdrawn:
            with pytest.raises(NotEnoughPointsError) as refused:
                self._post(drafts)
            assert refused.value.balance < refused.value.needed
            return multiple()
        self.ids |= self._post(drafts)
        self.model, self.parcel = after, self.parcel + len(drafts)
        return multiple(*drafts)

    @rule(target=posted, place=places, points=some_points, expires_on=expiries)
    def earn(self, place: int, points: int, expires_on: date | None) -> Any:
        return self._do([draft(self.accounts[place], EARN, points, expires_on=expires_on)])

    @rule(target=posted, place=places, points=some_points)
    def take_back(self, place: int, points: int) -> Any:
        return self._do([draft(self.accounts[place], TAKE_BACK, -points)])

    @rule(target=posted, place=places, points=some_points)
    def spend(self, place: int, points: int) -> Any:
        return self._do([draft(self.accounts[place], SPEND, -points)])

    @rule(
        target=posted,
        moves=st.lists(
            st.tuples(places, st.sampled_from([EARN, TAKE_BACK, SPEND]), some_points, expiries),
            min_size=2,
            max_size=5,
        ),
    )
    def several_at_once(self, moves: list[tuple[int, PostingKind, int, date | None]]) -> Any:
        return self._do(
            [
                draft(self.accounts[place], EARN, points, expires_on=expires_on)
                if kind is EARN
                else draft(self.accounts[place], kind, -points)
                for place, kind, points, expires_on in moves
            ]
        )

    @rule(one=posted)
    def the_same_again(self, one: PostingDraft) -> None:
        assert self._post([one]) == {one.key: self.ids[one.key]}

    @rule(one=posted, more=some_points)
    def the_same_key_with_another_body(self, one: PostingDraft, more: int) -> None:
        sign = 1 if one.points > 0 else -1
        with pytest.raises(KeyUsedOtherwiseError) as refused:
            self._post([draft(self.accounts[0], EARN, 1), replace(one, points=one.points + sign * more)])
        assert refused.value.key == one.key

    @invariant()
    def balances_are_the_models(self) -> None:
        for (account_id, _company), model in zip(self.accounts, self.model, strict=True):
            balance = self.connection.execute(
                text("select balance from account where id = :id"), {"id": account_id}
            ).scalar_one()
            assert balance == model.balance
            lines = statement(self.connection, account_id, limit=1_000)
            assert [line.points for line in reversed(lines)] == model.movements
            assert (lines[0].balance_after if lines else 0) == model.balance

    @invariant()
    def open_lots_are_the_models_parcels(self) -> None:
        for (account_id, _company), model in zip(self.accounts, self.model, strict=True):
            lots = self.connection.execute(
                text(
                    "select coalesce(expires_on, date '9999-12-31'), remaining from lot where account_id = :id"
                    " and remaining > 0 order by expires_on nulls last, id"
                ),
                {"id": account_id},
            )
            assert [tuple(lot) for lot in lots] == [(expiry, left) for expiry, _number, left in model.parcels]
            assert sum(left for _expiry, _number, left in model.parcels) == max(0, model.balance)

    @invariant()
    def the_books_hold(self) -> None:
        broken = {name: count for name, count in broken_books(self.connection).items() if count}
        assert broken == {}


@pytest.mark.slow
def test_the_ledger_does_what_a_plain_model_of_it_does(database: Database, everything: Scope) -> None:
    class Here(LedgerBesideModel):
        pass

    with database.transaction(everything) as Here.connection:
        run_state_machine_as_test(
            Here,
            settings=settings(
                max_examples=30,
                stateful_step_count=15,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
