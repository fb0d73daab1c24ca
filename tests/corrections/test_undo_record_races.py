"""Undo of master data while others import it, or what stands on it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from loyalty_core import corrections, organisation, participants
from loyalty_core.access import Role, ScopeGrant, ScopeKind
from loyalty_core.analytics import Replica
from loyalty_core.corrections import record_store, records
from loyalty_core.intake import ImportContext, ImportMode
from loyalty_core.kernel import Database, Scope, now
from loyalty_core.organisation import UnknownCompanyError, add_region
from loyalty_core.participants import commands as registrations
from loyalty_core.sales import SalesDataset
from loyalty_core.sales import dataset as sales_dataset
from loyalty_core.verification import ClaimsDataset
from tests.access.people import somebody
from tests.corrections.test_undo_races import A_WHILE, begun
from tests.corrections.test_undo_records import COMPANIES, COMPANY, company, stored, taken, update
from tests.corrections.undoing import broken, undo
from tests.records.staged import new_import, stage
from tests.sales.files import mapping_of, row


@pytest.fixture
def database(committed_database: Database, everything: Scope) -> Database:
    """With commits: others wait for transactions that have not ended."""
    add_region(committed_database, everything, code="North", name="North", parent_id=None)
    return committed_database


@pytest.mark.parametrize("is_locked", [True, False])
def test_what_a_later_file_changes_meanwhile_stays_and_without_the_lock_would_be_lost(
    database: Database, everything: Scope, monkeypatch: pytest.MonkeyPatch, is_locked: bool
) -> None:
    taken(database, everything, COMPANIES, [company("C1"), company("C2")])
    wrong = update(database, everything, COMPANIES, company("C1", "Inn"), company("C2", "Inn"))
    if not is_locked:
        monkeypatch.setattr(record_store, "lock_records", lambda *_names: None)
    with ThreadPoolExecutor(1) as pool:
        with database.transaction(everything) as connection:
            later = new_import(connection, everything, "companies")
            staging = stage(connection, COMPANIES, later, [company("C1", "Bar")])
            context = ImportContext(
                import_id=later,
                mapping=mapping_of("files").model_copy(
                    update={
                        "dataset": "companies",
                        "columns": {name: name for name in COMPANIES.columns.names},
                    }
                ),
                creates_missing=False,
                scope=everything,
                recorded_at=now(),
                mode=ImportMode.UPDATE,
            )
            COMPANIES.judge(connection, staging, context)
            COMPANIES.list_changes(connection, staging, context)
            COMPANIES.accept(connection, staging, context)
            connection.execute(
                text("update file_import set state = 'accepted', accepted = 1 where id = :id"), {"id": later}
            )
            running = begun(pool, database, everything, wrong)
            # It waits for a moment, gives way, and begins again; or for the row that it writes.
            assert not running.done()
        if is_locked:
            with pytest.raises(corrections.PreviewOutdatedError):
                running.result()
            undo(database, everything, wrong)
        else:
            running.result()
    names = [one[1] for one in stored(database, everything, COMPANY)]
    assert names == (["Bar", "Hotel"] if is_locked else ["Hotel", "Hotel"])
    assert broken(database) == []


@pytest.mark.parametrize("judges_again", [True, False])
def test_rows_that_were_judged_before_their_company_went_are_judged_again_and_would_be_lost_otherwise(
    database: Database, everything: Scope, monkeypatch: pytest.MonkeyPatch, judges_again: bool
) -> None:
    wrong = taken(database, everything, COMPANIES, [company("C1"), company("C2")])
    dataset = SalesDataset()
    with database.transaction(everything) as connection:
        connection.execute(
            text(
                "insert into product (id, code, name, recorded_at) values (gen_random_uuid(), 'A', 'Cup', now())"
            )
        )
        import_id = new_import(connection, everything, "sales")
        line = dict(row(company_code="C1", product_code="A", region="North"))
        staging = stage(connection, dataset, import_id, [line])  # type: ignore[arg-type]  # it has columns too
        context = ImportContext(import_id, mapping_of("files"), False, everything, now())
        dataset.judge(connection, staging, context)
        assert connection.execute(staging.sql("select count(*) from {bad}")).scalar_one() == 0
    undo(database, everything, wrong)
    if not judges_again:
        monkeypatch.setattr(sales_dataset, "records_have_gone", lambda *_names: False)
    with database.transaction(everything) as connection:
        accepted = dataset.accept(connection, staging, context)
        told = connection.execute(staging.sql("select reasons from {bad}")).scalars().all()
    assert (accepted.accepted, told) == (0, [["unknown_company"]] if judges_again else [])
    assert broken(database) == []


@pytest.mark.parametrize("is_held", [True, False])
def test_a_person_is_not_registered_with_a_company_that_goes_meanwhile(
    database: Database, everything: Scope, monkeypatch: pytest.MonkeyPatch, is_held: bool
) -> None:
    wrong = taken(database, everything, COMPANIES, [company("C1")])
    if not is_held:
        monkeypatch.setattr(registrations, "hold_company", organisation.company_by_code)
    going, may_end = threading.Event(), threading.Event()
    done = records.carry_out

    def carries_out(*arguments: Any, **values: Any) -> None:
        done(*arguments, **values)
        going.set()
        may_end.wait(10)

    monkeypatch.setattr(records, "carry_out", carries_out)
    with ThreadPoolExecutor(2) as pool:
        undoing = pool.submit(undo, database, everything, wrong, settles=False)
        assert going.wait(10)
        registering = pool.submit(
            participants.register_participant,
            database,
            everything,
            company_code="C1",
            code="P1",
            display_name="Anna",
            group=participants.ParticipantGroup.WHOLESALER,
        )
        threading.Event().wait(A_WHILE / 3)
        assert not registering.done(), "it waits for what becomes of the company"
        may_end.set()
        undoing.result()
        with pytest.raises(UnknownCompanyError if is_held else IntegrityError):
            registering.result()
    assert broken(database) == []


def test_claims_that_were_judged_before_their_company_went_are_put_aside(
    database: Database, everything: Scope
) -> None:
    wrong = taken(database, everything, COMPANIES, [company("C1"), company("C2")])
    with database.transaction(everything) as connection:
        [north] = connection.execute(text("select id from region where code = 'North'")).scalars()
    # Who sees all gets the verdict that the company is unknown; who sees a region, the row.
    narrow = somebody(
        database,
        Role.OPERATOR,
        name="olga",
        grants=frozenset({ScopeGrant(ScopeKind.REGION, north)}),
    ).scope
    dataset = ClaimsDataset()
    with database.transaction(narrow) as connection:
        import_id = new_import(connection, narrow, "claims")
        claims = [
            {"claim_no": str(number), "company_code": code, "invoice_no": "I1", "product_code": "A"}
            | {"quantity": "1", "sold_on": "2026-03-10 12:00+00"}
            for number, code in enumerate(("C1", "C2"))
        ]
        staging = stage(connection, dataset, import_id, claims)  # type: ignore[arg-type]  # it has columns too
        context = ImportContext(import_id, mapping_of("files"), False, narrow, now())
        dataset.judge(connection, staging, context)
        assert connection.execute(staging.sql("select count(*) from {bad}")).scalar_one() == 0
        taken_in = new_import(connection, narrow, "claims")
        kept = stage(connection, dataset, taken_in, claims[1:])  # type: ignore[arg-type]  # as above
        dataset.judge(connection, kept, replace(context, import_id=taken_in))
        assert dataset.accept(connection, kept, replace(context, import_id=taken_in)).accepted == 1
    undo(database, everything, wrong)
    with database.transaction(narrow) as connection:
        accepted = dataset.accept(connection, staging, context)
        told = connection.execute(staging.sql("select row_no, reasons from {bad}")).all()
    assert (accepted.accepted, accepted.duplicates, [tuple(one) for one in told]) == (
        0,
        1,
        [(2, ["unknown_company"])],
    )


def test_the_replica_drops_what_went(database: Database, everything: Scope) -> None:
    taken(database, everything, COMPANIES, [company("C0")])
    wrong = taken(database, everything, COMPANIES, [company("C1"), company("C2")])
    replica = Replica(database)
    try:
        replica.refresh()
        assert _companies(replica) == ["C0", "C1", "C2"]
        undo(database, everything, wrong)
        replica.refresh()
        assert _companies(replica) == ["C0"]
        taken(database, everything, COMPANIES, [company("C1")])
        replica.refresh()
        assert _companies(replica) == ["C0", "C1"]
    finally:
        replica.close()


def _companies(replica: Replica) -> list[Any]:
    with replica._cursor() as cursor:
        return [code for (code,) in cursor.execute("select code from raw.company order by code").fetchall()]
