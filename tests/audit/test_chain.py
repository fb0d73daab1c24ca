import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from loyalty_core import audit
from loyalty_core.kernel import Database, Scope


def _record(database: Database, scope: Scope, count: int) -> None:
    for number in range(count):
        with database.transaction(scope) as connection:
            audit.record(connection, scope, "test.done", "thing", number, {"ł": number, "amount": "1.50"})


def test_an_untouched_chain_is_proved_and_its_head_kept_outside(
    committed_database: Database, everything: Scope, tmp_path: Path
) -> None:
    _record(committed_database, everything, 5)
    proof = audit.verify(committed_database, tmp_path)
    assert (proof.ok, proof.records, proof.faults) == (True, 5, ())
    kept = json.loads((tmp_path / "audit-heads.jsonl").read_text())
    assert kept["hash"] == proof.head
    assert (tmp_path / "audit-heads.jsonl").stat().st_mode & 0o777 == 0o600


def test_records_of_one_transaction_and_of_many_are_chained_once_each(
    committed_database: Database, everything: Scope
) -> None:
    _record(committed_database, everything, 3)
    assert audit.chain_pending(committed_database) == 3
    assert audit.chain_pending(committed_database) == 0
    _record(committed_database, everything, 1)
    assert audit.chain_pending(committed_database) == 1


def test_a_record_is_not_chained_before_an_older_transaction_has_ended(
    committed_database: Database, everything: Scope
) -> None:
    with committed_database.transaction(everything) as slow:
        audit.record(slow, everything, "test.slow", "thing", 1)
        _record(committed_database, everything, 2)
        assert audit.chain_pending(committed_database) == 0
    assert audit.chain_pending(committed_database) == 3


@pytest.mark.parametrize(
    ("tampering", "fault"),
    [
        (
            'update audit_record set detail = \'{"amount": "9.50"}\' where id = 3',
            "Record 3 at position 3 is not",
        ),
        ("update audit_record set recorded_at = recorded_at + interval '1 us' where id = 2", "Record 2 at"),
        ("delete from audit_record where id = 4", "Record 4 at position 4 was deleted"),
        (
            "delete from audit_record where id = 5; delete from audit_link where record_id = 5",
            "no longer holds",
        ),
        ("delete from audit_link where record_id = 2", "Links 2 to 2 are missing"),
        (
            "update audit_link set record_id = -record_id where record_id in (2, 3);"
            "update audit_link set record_id = case record_id when -2 then 3 else 2 end where record_id < 0",
            "is not what was recorded",
        ),
    ],
    ids=["edited", "time moved by a microsecond", "deleted", "cut off", "unlinked", "reordered"],
)
def test_tampering_shows(
    committed_database: Database,
    owner_url: str,
    everything: Scope,
    tmp_path: Path,
    tampering: str,
    fault: str,
) -> None:
    _record(committed_database, everything, 5)
    assert audit.verify(committed_database, tmp_path).ok
    with psycopg.connect(owner_url) as owner:
        owner.execute(tampering)
    proof = audit.verify(committed_database, tmp_path)
    assert not proof.ok
    assert any(fault in sentence for sentence in proof.faults), proof.faults


def test_the_application_can_neither_edit_nor_delete_a_record(
    committed_database: Database, everything: Scope
) -> None:
    _record(committed_database, everything, 1)
    for statement in ("update audit_record set action = 'x'", "delete from audit_record"):
        with (
            psycopg.connect(committed_database.app_url) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(statement)


@pytest.mark.parametrize(
    "moved",
    [
        "update audit_mark set low_txid = '900000000'",
        "update audit_mark set system_identifier = system_identifier - 1, low_txid = '900000000'",
        "update audit_mark set system_identifier = system_identifier - 1,"
        " low_txid = (pg_current_xact_id()::text::bigint + 5)::text::xid8",
    ],
    ids=["ids ahead", "another cluster's", "another cluster's that ours have nearly reached"],
)
def test_after_a_move_to_another_cluster_new_records_are_chained_and_none_is_called_tampered_with(
    committed_database: Database, owner_url: str, everything: Scope, tmp_path: Path, moved: str
) -> None:
    _record(committed_database, everything, 5)
    assert audit.verify(committed_database, tmp_path).ok
    _record(committed_database, everything, 1)
    with psycopg.connect(owner_url, autocommit=True) as owner:
        # As a dump carries them over: one record not yet chained, all ids far ahead of the new cluster's.
        owner.execute("update audit_record set txid = '899999000'")
        owner.execute(moved.encode())
        for _number in range(10):
            owner.execute("select pg_current_xact_id()")
    assert audit.chain_pending(committed_database) == 1
    _record(committed_database, everything, 2)
    assert audit.chain_pending(committed_database) == 2
    proof = audit.verify(committed_database, tmp_path)
    assert (proof.ok, proof.records, proof.faults) == (True, 8, ())


def _kept(home: Path) -> list[int]:
    return [json.loads(line)["position"] for line in (home / "audit-heads.jsonl").read_text().splitlines()]


def _made_older(home: Path, by: timedelta) -> None:
    """Have the heads been kept that much earlier."""
    file = home / "audit-heads.jsonl"
    heads = [json.loads(line) for line in file.read_text().splitlines()]
    for head in heads:
        head["at"] = (datetime.fromisoformat(head["at"]) - by).isoformat()
    file.write_text("".join(json.dumps(head) + "\n" for head in heads))


def test_a_tail_cut_off_on_the_day_that_it_was_recorded_is_told(
    committed_database: Database, owner_url: str, everything: Scope, tmp_path: Path
) -> None:
    _record(committed_database, everything, 3)
    assert audit.verify(committed_database, tmp_path).ok
    _record(committed_database, everything, 1)
    assert audit.verify(committed_database, tmp_path).ok
    with psycopg.connect(owner_url) as owner:
        owner.execute("delete from audit_record where id = 4")
        owner.execute("delete from audit_link where record_id = 4")
    for _time in range(2):
        proof = audit.verify(committed_database, tmp_path)
        assert not proof.ok
        assert "at position 4" in proof.faults[0]
        # What is recorded afterwards takes the lost one's place, and does not cover it up.
        _record(committed_database, everything, 2)


def test_the_head_is_kept_where_it_moved_and_once_a_minute_and_the_last_of_each_day_stays(
    committed_database: Database, everything: Scope, tmp_path: Path
) -> None:
    for count, older, kept in (
        (2, timedelta(0), [2]),
        (1, timedelta(seconds=30), [2]),
        (1, timedelta(seconds=31), [4]),
        (0, timedelta(days=2), [4]),
        (1, timedelta(0), [4, 5]),
        (1, timedelta(days=1), [4, 5, 6]),
        (1, timedelta(0), [4, 5, 6]),
    ):
        if (tmp_path / "audit-heads.jsonl").exists():
            _made_older(tmp_path, older)
        _record(committed_database, everything, count)
        audit.chain_pending(committed_database, tmp_path)
        # Only the last ones: shortly after midnight, some were made to be of the day before.
        assert _kept(tmp_path)[-len(kept) :] == kept
    assert audit.verify(committed_database, tmp_path).ok
    assert _kept(tmp_path)[-3:] == [4, 5, 7]
    assert (tmp_path / "audit-heads.jsonl").stat().st_mode & 0o777 == 0o600


def test_heads_kept_by_many_at_once_are_whole(
    committed_database: Database, everything: Scope, tmp_path: Path
) -> None:
    def verify(_number: int) -> bool:
        _record(committed_database, everything, 1)
        return audit.verify(committed_database, tmp_path).ok

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(verify, range(18)))
    assert _kept(tmp_path) == [18]
