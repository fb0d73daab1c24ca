"""Undo beside what else leans on an import: rows on their way back into it, claims it brought, orders."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from laurel.registers import DATASETS
from loyalty_core import corrections, intake, rewards, verification
from loyalty_core.corrections import UndoReport
from loyalty_core.corrections import store as corrections_store
from loyalty_core.intake import FileImport, RepairState, store
from loyalty_core.kernel import Database, Scope, Settings, new_id
from loyalty_core.settlement import settle_due, settle_programme
from loyalty_core.verification import ClaimState
from tests.corrections.test_undo import standing
from tests.corrections.test_undo_races import A_WHILE, begun, calls_first
from tests.corrections.undoing import broken, look, undo
from tests.intake.field import imported, lines, settings_in, write
from tests.rewards.shop import open_shop
from tests.sales.files import bring, row
from tests.verification import test_files_of_claims as files_of_claims
from tests.verification.claims import claim, club, person, points
from tests.verification.deciding import approve_as_shown


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path / "home")


def with_a_bad_row(database: Database, settings: Settings, scope: Scope, folder: Path) -> FileImport:
    """Import twenty good rows and, in row 22, one with an unreadable quantity."""
    rows = [*lines(20), *lines(1, invoice="bad", quantity="two")]
    return imported(database, settings, scope, write(folder / "march.csv", rows))


def begin_repair(database: Database, scope: Scope, found: FileImport) -> UUID:
    return intake.start_repair(
        database,
        scope,
        import_id=found.id,
        cells={("", 22): {"quantity": "3"}},
        file_id=None,
        request_key=new_id(),
        defers=False,
    )


@pytest.mark.parametrize("is_locked", [True, False])
def test_an_undo_waits_for_rows_on_their_way_back_and_without_the_lock_one_would_outlive_its_import(
    committed_database: Database,
    settings: Settings,
    everything: Scope,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_locked: bool,
) -> None:
    database = committed_database
    found = with_a_bad_row(database, settings, everything, tmp_path)
    repair_id = begin_repair(database, everything, found)
    if not is_locked:
        read = store.import_by_id

        def unlocked(connection: Connection, import_id: UUID, *, lock: bool = False) -> FileImport:
            return read(connection, import_id)

        monkeypatch.setattr(store, "import_by_id", unlocked)
    runs: list[Future[UndoReport]] = []
    with ThreadPoolExecutor(1) as pool:

        def meanwhile() -> None:
            # The repair has seen by now that its import is accepted.
            runs.append(begun(pool, database, everything, found.id))
            assert runs[0].done() != is_locked

        with monkeypatch.context() as patched:
            patched.setattr(store, "lock_source", calls_first(store.lock_source, meanwhile))
            repair = intake.run_repair(database, settings, repair_id, datasets=DATASETS, scope=everything)
        if is_locked:
            # The row came in since the undo was looked at: whoever undoes shall see it.
            with pytest.raises(corrections.PreviewOutdatedError):
                runs[0].result()
        else:
            runs[0].result()
    assert repair.state is RepairState.DONE
    if not is_locked:
        assert [one[:2] for one in standing(database, everything)] == [("bad0", 3)]
        return
    assert len(standing(database, everything)) == 21
    undo(database, everything, found.id)
    assert standing(database, everything) == []
    assert broken(database) == []


def test_rows_that_come_back_while_their_import_is_undone_wait_and_are_refused(
    committed_database: Database,
    settings: Settings,
    everything: Scope,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database = committed_database
    found = with_a_bad_row(database, settings, everything, tmp_path)
    repair_id = begin_repair(database, everything, found)
    runs: list[Future[Any]] = []
    with ThreadPoolExecutor(1) as pool:

        def meanwhile() -> None:
            runs.append(
                pool.submit(
                    intake.run_repair, database, settings, repair_id, datasets=DATASETS, scope=everything
                )
            )
            threading.Event().wait(A_WHILE)
            assert not runs[0].done()

        with monkeypatch.context() as patched:
            patched.setattr(
                corrections_store, "insert_undo", calls_first(corrections_store.insert_undo, meanwhile)
            )
            undo(database, everything, found.id)
        repair = runs[0].result()
    assert repair.state is RepairState.REFUSED
    assert "was undone" in (repair.refusal or "")
    assert standing(database, everything) == []
    assert broken(database) == []


def test_undoing_a_file_of_claims_withdraws_them_and_frees_their_units_and_points(
    committed_database: Database, everything: Scope, tmp_path: Path
) -> None:
    database = committed_database
    club(database)
    bring(database, everything, [row(quantity="4", unit_price="25.00")])
    person(database, code="ana")
    one = files_of_claims.one
    claims = [
        one(participant_code="ana", quantity="4"),
        one(claim_no="K-2", participant_code="ana", invoice_no="I2"),
    ]
    found = files_of_claims.imported(database, everything, tmp_path, claims)
    settle_due(database)
    assert points(database, everything) == {"ana": 10}
    preview = look(database, everything, found.id)
    assert (preview.lines, preview.claims_reopened, preview.claims_withdrawn) == (0, 0, 2)
    assert [(one.code, one.points) for one in preview.points] == [("club", 10)]
    report = undo(database, everything, found.id)
    assert (report.undone.claims_withdrawn, report.programmes_settled) == (2, 1)
    assert points(database, everything) == {"ana": 0}
    with database.transaction(everything) as connection:
        states = connection.execute(text("select claim_no, state from claim order by claim_no")).all()
        units = connection.execute(text("select sum(units_claimed) from claimed_line")).scalar_one()
    assert [tuple(state) for state in states] == [("K-1", "withdrawn"), ("K-2", "withdrawn")]
    assert units == 0
    assert broken(database) == []
    # What the file claimed may be claimed by another now, all of it.
    other = claim(database, everything, person(database, code="bo"), quantity=Decimal(4)).number
    (outcome,) = approve_as_shown(database, everything, [other])
    assert outcome.refusal is None
    settle_due(database)
    assert points(database, everything) == {"ana": 0, "bo": 10}
    with database.transaction(everything) as connection:
        assert verification.claim_by_number(connection, other).state is ClaimState.APPROVED
    assert broken(database) == []


def test_the_preview_lists_the_orders_that_were_paid_with_the_points_that_go(
    committed_database: Database, everything: Scope
) -> None:
    database = committed_database
    shop = open_shop(database, firm_earns_from="sales")
    bring(database, everything, [row(invoice_no="I0", unit_price="1000.00")])
    settle_programme(database, everything, "firm")
    olga = shop.participant("olga")
    rewards.entitle(database, shop.salesperson, company_id=olga.company_id, participant_id=olga.id)
    before = shop.place(olga, shop.reward("mug", programme_id=shop.firm))
    wrong = bring(database, everything, [row(unit_price="2500.00")])
    settle_programme(database, everything, "firm")
    bought = shop.place(olga, shop.reward("kettle", programme_id=shop.firm, points=200))
    turned_down = shop.place(olga, shop.reward("pen", programme_id=shop.firm, points=50))
    shop.decide(turned_down, approve=False)
    preview = look(database, everything, wrong.import_id)
    assert [(one.owner_code, one.balance, one.after) for one in preview.in_debt] == [("C1", 50, -200)]
    assert preview.orders_on_points == 1
    # Neither the one paid with other points, nor the one whose points went back.
    [order] = preview.orders
    assert (order.number, order.reward_name, order.owner_name, order.points, order.state) == (
        bought.number,
        "Kettle",
        "Olga",
        200,
        bought.state.value,
    )
    undo(database, everything, wrong.import_id)
    # The orders stay as they are; the account owes.
    assert shop.balance(olga, shop.firm) == -200
    assert shop.again(bought).state is bought.state
    assert shop.again(before).state is before.state
    assert broken(database) == []
