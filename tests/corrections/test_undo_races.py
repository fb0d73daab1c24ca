"""Undo while others settle, import, decide and undo: the books stay whole."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from loyalty_core import corrections, sales, verification
from loyalty_core.corrections import UndoReport
from loyalty_core.kernel import Database, Scope, new_id, now
from loyalty_core.sales import dataset as sales_dataset
from loyalty_core.settlement import settle_due, settle_programme
from loyalty_core.settlement import store as settlement_store
from loyalty_core.verification import ClaimState, deciding
from loyalty_core.verification import store as verification_store
from tests.corrections.test_undo import standing
from tests.corrections.undoing import broken, look, undo
from tests.sales.files import bring, bring_in, row
from tests.settlement.programmes import balances, spring
from tests.verification.claims import claim, club, person
from tests.verification.deciding import approve_as_shown

# Longer than an undo that waits for nobody takes.
A_WHILE = 1.5


def begun(pool: ThreadPoolExecutor, database: Database, scope: Scope, import_id: Any) -> Future[UndoReport]:
    """Begin an undo, as it looks now, in a thread of its own, and give it time to end if nothing holds it."""
    shown = look(database, scope, import_id).payload_hash
    running = pool.submit(
        corrections.undo_import,
        database,
        scope,
        import_id,
        reason="The file was of another year.",
        payload_hash=shown,
        request_key=new_id(),
        settles=False,
    )
    threading.Event().wait(A_WHILE)
    return running


def calls_first(function: Callable[..., Any], other: Callable[[], object]) -> Callable[..., Any]:
    """Return the function, before whose first call the other is called."""
    called: list[bool] = []

    def both(*arguments: Any, **values: Any) -> Any:
        if not called:
            called.append(True)
            other()
        return function(*arguments, **values)

    return both


@pytest.mark.parametrize("read", ["standing_awards", "lines_since", "insert_awards"])
def test_an_undo_in_the_middle_of_a_settlement_is_settled_by_the_next(
    committed_database: Database, everything: Scope, monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    database = committed_database
    spring(database, everything)
    bring(database, everything, [row(invoice_no="I0", unit_price="10.00")])
    settle_programme(database, everything, "spring")
    wrong = bring(database, everything, [row(unit_price="55.00")])

    def meanwhile() -> None:
        undo(database, everything, wrong.import_id, settles=False)

    with monkeypatch.context() as patched:
        patched.setattr(settlement_store, read, calls_first(getattr(settlement_store, read), meanwhile))
        settle_programme(database, everything, "spring")
    # Points that were given to a line that is gone by now are due at once; nobody has to ask for it.
    was_given = balances(database, everything) == {"C1": 6}
    assert was_given == (read == "insert_awards")
    assert broken(database) == []
    assert settle_due(database) == int(was_given)
    assert balances(database, everything) == {"C1": 1}
    assert settle_due(database) == 0
    assert broken(database) == []


@pytest.mark.parametrize("is_locked", [True, False])
def test_a_file_that_repeats_a_line_while_it_is_undone_keeps_it_and_without_the_lock_would_lose_it(
    committed_database: Database, everything: Scope, monkeypatch: pytest.MonkeyPatch, is_locked: bool
) -> None:
    database = committed_database
    first = bring(database, everything, [row(), row(invoice_no="I2")])
    if not is_locked:
        monkeypatch.setattr(sales_dataset, "let_lines_in", lambda _connection: None)
    with ThreadPoolExecutor(1) as pool:
        with database.transaction(everything) as connection:
            bring_in(connection, everything, [row()], at=now())
            running = begun(pool, database, everything, first.import_id)
            assert running.done() != is_locked
        if is_locked:
            with pytest.raises(corrections.PreviewOutdatedError):
                running.result()
            undo(database, everything, first.import_id)
    kept = [one[0] for one in standing(database, everything)]
    assert kept == (["I1"] if is_locked else [])
    assert broken(database) == []


def test_of_many_undos_of_one_import_one_counts(committed_database: Database, everything: Scope) -> None:
    database = committed_database
    spring(database, everything)
    wrong = bring(database, everything, [row(invoice_no=f"I{number}") for number in range(20)])
    settle_programme(database, everything, "spring")
    shown = look(database, everything, wrong.import_id).payload_hash
    together = threading.Barrier(4)

    def attempt(_number: int) -> str:
        together.wait()
        try:
            corrections.undo_import(
                database,
                everything,
                wrong.import_id,
                reason="At once.",
                payload_hash=shown,
                request_key=new_id(),
                settles=False,
            )
        except corrections.NotAcceptedError:
            return "refused"
        return "won"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(attempt, range(4))) == ["refused", "refused", "refused", "won"]
    settle_due(database)
    assert balances(database, everything) == {"C1": 0}
    assert broken(database) == []


def test_undos_of_files_that_overlap_come_one_after_the_other(
    committed_database: Database, everything: Scope
) -> None:
    database = committed_database
    brought = [
        bring(database, everything, [row(invoice_no=f"I{n}") for n in range(start, start + 4)])
        for start in range(4)
    ]
    together = threading.Barrier(3)

    def attempt(index: int) -> None:
        together.wait()
        while True:
            try:
                undo(database, everything, brought[index].import_id, settles=False)
            except corrections.PreviewOutdatedError:
                continue
            return

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(attempt, range(3)))
    assert [one[0] for one in standing(database, everything)] == ["I3", "I4", "I5", "I6"]
    assert broken(database) == []


@pytest.mark.parametrize("is_locked", [True, False])
def test_a_claim_is_not_approved_at_a_line_that_is_taken_back_meanwhile(
    committed_database: Database, everything: Scope, monkeypatch: pytest.MonkeyPatch, is_locked: bool
) -> None:
    database = committed_database
    club(database)
    wrong = bring(database, everything, [row(unit_price="50.00")])
    number = claim(database, everything, person(database, code="ana")).number
    if not is_locked:
        monkeypatch.setattr(deciding, "hold_lines", lambda _connection, ids: frozenset(ids))
    runs: list[Future[UndoReport]] = []
    with ThreadPoolExecutor(1) as pool:

        def meanwhile() -> None:
            runs.append(begun(pool, database, everything, wrong.import_id))

        with monkeypatch.context() as patched:
            patched.setattr(
                verification_store, "lock_units", calls_first(verification_store.lock_units, meanwhile)
            )
            (outcome,) = approve_as_shown(database, everything, [number])
        (running,) = runs
        assert outcome.refusal is None
        if not is_locked:
            running.result()
            assert "no claim holds units of a line that was taken back" in broken(database)
            return
        # The claim came in since the undo was looked at.
        with pytest.raises(corrections.PreviewOutdatedError):
            running.result()
    undo(database, everything, wrong.import_id)
    with database.transaction(everything) as connection:
        assert verification.claim_by_number(connection, number).state is ClaimState.WAITING
    (outcome,) = approve_as_shown(database, everything, [number])
    assert outcome.refusal is not None
    assert broken(database) == []


def test_lines_are_held_by_whoever_asked_until_the_end(
    committed_database: Database, everything: Scope
) -> None:
    database = committed_database
    wrong = bring(database, everything, [row()])
    with ThreadPoolExecutor(1) as pool:
        with database.transaction(everything) as connection:
            assert sales.hold_lines(connection, [1]) == {1}
            running = begun(pool, database, everything, wrong.import_id)
            assert not running.done()
        running.result()
    with database.transaction(everything) as connection:
        assert sales.hold_lines(connection, [1, 2]) == frozenset()
