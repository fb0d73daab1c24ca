import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import psycopg
import pytest

from loyalty_core import audit
from loyalty_core.audit import AuditRecord
from loyalty_core.audit.policy import chained_hash, unkeyed_hash
from loyalty_core.kernel import Database, Refusal, Scope, Settings
from loyalty_core.kernel.clock import fixed


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(tmp_path, None)


def _file(home: Settings) -> Path:
    return home.home / "audit-heads.jsonl"


def _kept(home: Settings) -> list[int]:
    return [json.loads(line)["position"] for line in _file(home).read_text().splitlines()]


def _record(database: Database, scope: Scope, count: int) -> None:
    for number in range(count):
        with database.transaction(scope) as connection:
            audit.record(connection, scope, "test.done", "thing", number, {"ł": number, "amount": "1.50"})


def test_an_untouched_chain_is_proved_and_its_head_kept_outside(
    committed_database: Database, everything: Scope, home: Settings
) -> None:
    _record(committed_database, everything, 5)
    proof = audit.verify(committed_database, home)
    assert (proof.ok, proof.records, proof.faults) == (True, 5, ())
    kept = json.loads(_file(home).read_text())
    assert kept["hash"] == proof.head
    assert _file(home).stat().st_mode & 0o777 == 0o600


def test_records_of_one_transaction_and_of_many_are_chained_once_each(
    committed_database: Database, everything: Scope, home: Settings
) -> None:
    _record(committed_database, everything, 3)
    assert audit.chain_pending(committed_database, home) == 3
    assert audit.chain_pending(committed_database, home) == 0
    _record(committed_database, everything, 1)
    assert audit.chain_pending(committed_database, home) == 1


def test_a_record_is_chained_though_an_older_transaction_runs_and_that_one_when_it_has_ended(
    committed_database: Database, everything: Scope, home: Settings
) -> None:
    with committed_database.transaction(everything) as slow:
        audit.record(slow, everything, "test.slow", "thing", 1)
        _record(committed_database, everything, 2)
        assert audit.chain_pending(committed_database, home) == 2
        assert audit.chain_pending(committed_database, home) == 0
    assert audit.chain_pending(committed_database, home) == 1
    assert audit.verify(committed_database, home).ok


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
    home: Settings,
    tampering: str,
    fault: str,
) -> None:
    _record(committed_database, everything, 5)
    assert audit.verify(committed_database, home).ok
    with psycopg.connect(owner_url) as owner:
        owner.execute(tampering)
    proof = audit.verify(committed_database, home)
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
    committed_database: Database, owner_url: str, everything: Scope, home: Settings, moved: str
) -> None:
    _record(committed_database, everything, 5)
    assert audit.verify(committed_database, home).ok
    _record(committed_database, everything, 1)
    with psycopg.connect(owner_url, autocommit=True) as owner:
        # As a dump carries them over: one record not yet chained, all ids far ahead of the new cluster's.
        owner.execute("update audit_record set txid = '899999000'")
        owner.execute(moved.encode())
        for _number in range(10):
            owner.execute("select pg_current_xact_id()")
    assert audit.chain_pending(committed_database, home) == 1
    _record(committed_database, everything, 2)
    assert audit.chain_pending(committed_database, home) == 2
    proof = audit.verify(committed_database, home)
    assert (proof.ok, proof.records, proof.faults) == (True, 8, ())


def test_a_tail_is_told_that_was_cut_off_a_second_after_it_was_chained(
    committed_database: Database, owner_url: str, everything: Scope, home: Settings
) -> None:
    for count in (3, 1):
        _record(committed_database, everything, count)
        # As the worker does it, without a verification.
        audit.chain_pending(committed_database, home)
    with psycopg.connect(owner_url) as owner:
        owner.execute("delete from audit_record where id = 4")
        owner.execute("delete from audit_link where record_id = 4")
    for _time in range(2):
        proof = audit.verify(committed_database, home)
        assert not proof.ok
        assert "at position 4" in proof.faults[0]
        # What is recorded afterwards takes the lost one's place, and does not cover it up.
        _record(committed_database, everything, 2)


def test_the_head_is_kept_where_it_moved_and_the_last_of_each_day_stays(
    committed_database: Database, everything: Scope, home: Settings
) -> None:
    noon = datetime(2026, 3, 14, 12, tzinfo=UTC)
    for moment, count, kept in (
        (noon, 2, [2]),
        (noon + timedelta(seconds=1), 1, [3]),
        (noon + timedelta(days=2), 0, [3]),
        (noon + timedelta(days=2), 1, [3, 4]),
        (noon + timedelta(days=3), 1, [3, 4, 5]),
        (noon + timedelta(days=3, hours=1), 1, [3, 4, 6]),
    ):
        with fixed(moment):
            _record(committed_database, everything, count)
            audit.chain_pending(committed_database, home)
        assert _kept(home) == kept
    assert audit.verify(committed_database, home).ok
    assert _file(home).stat().st_mode & 0o777 == 0o600


def test_heads_kept_by_many_at_once_are_whole(
    committed_database: Database, everything: Scope, home: Settings
) -> None:
    def verify(_number: int) -> bool:
        _record(committed_database, everything, 1)
        return audit.verify(committed_database, home).ok

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(verify, range(18)))
    assert _kept(home)[-1] == 18


def test_missing_heads_are_a_fault_until_they_are_back(
    committed_database: Database, everything: Scope, home: Settings
) -> None:
    _record(committed_database, everything, 3)
    assert audit.verify(committed_database, home).ok
    aside = _file(home).rename(home.home / "aside")
    for _time in range(2):
        proof = audit.verify(committed_database, home)
        assert (proof.ok, len(proof.faults)) == (False, 1)
        assert "is missing" in proof.faults[0]
        # Work goes on meanwhile, and is chained.
        _record(committed_database, everything, 1)
    assert not _file(home).exists()
    aside.rename(_file(home))
    proof = audit.verify(committed_database, home)
    assert (proof.ok, proof.records) == (True, 5)


def _chained_anew(owner_url: str, hashed: Callable[[bytes, AuditRecord], bytes]) -> None:
    """As somebody who knows how links are made, and not the key: compute every link again."""
    with psycopg.connect(owner_url) as owner:
        previous = bytes(32)
        for position, *fields in owner.execute(
            "select l.position, r.id, r.recorded_at, r.actor_kind, r.actor_name, r.actor_id, r.action,"
            " r.subject_kind, r.subject_id, r.detail from audit_link l join audit_record r on r.id = l.record_id"
            " order by l.position"
        ).fetchall():
            previous = hashed(previous, AuditRecord(*fields))
            owner.execute("update audit_link set hash = %s where position = %s", [previous, position])


def test_a_chain_computed_anew_without_the_key_is_told_even_beyond_the_last_head(
    committed_database: Database, owner_url: str, everything: Scope, home: Settings
) -> None:
    _record(committed_database, everything, 4)
    assert audit.verify(committed_database, home).ok
    with psycopg.connect(owner_url) as owner:
        owner.execute("update audit_record set actor_name = 'nobody' where id = 4")
    for hashed in (unkeyed_hash, partial(chained_hash, b"another key" * 4)):
        _chained_anew(owner_url, hashed)
        proof = audit.verify(committed_database, home)
        assert sum("is not what was recorded" in fault for fault in proof.faults) == 4
        assert any("no longer holds" in fault for fault in proof.faults)


@pytest.mark.parametrize(
    ("written", "by"),
    [
        ("position", 3),
        ("keyed_from", 5),
        ("at", "2026-01-01T00:00:00+00:00"),
        ("seal", "0" * 64),
        ("seal", ""),
    ],
)
def test_a_head_changed_by_hand_is_told_and_nothing_more_is_chained(
    committed_database: Database, everything: Scope, home: Settings, written: str, by: object
) -> None:
    _record(committed_database, everything, 4)
    assert audit.verify(committed_database, home).ok
    honest = _file(home).read_text()
    _file(home).write_text(json.dumps({**json.loads(honest), written: by}) + "\n")
    _record(committed_database, everything, 1)
    proof = audit.verify(committed_database, home)
    assert (proof.ok, proof.records) == (False, 4)
    assert "was not sealed with this audit key" in proof.faults[0]
    with pytest.raises(Refusal, match="was not sealed"):
        audit.chain_pending(committed_database, home)
    _file(home).write_text(honest)
    assert audit.verify(committed_database, home).ok


@pytest.mark.parametrize("contents", ["", "{", "[]\n", '{"at": "x"}\n', "\x80"])
def test_a_file_of_heads_that_is_none_is_told(
    committed_database: Database, everything: Scope, home: Settings, contents: str
) -> None:
    _record(committed_database, everything, 1)
    assert audit.verify(committed_database, home).ok
    _file(home).write_bytes(contents.encode("latin-1"))
    proof = audit.verify(committed_database, home)
    assert not proof.ok
    assert "can't be read" in proof.faults[0]


def test_with_another_key_the_heads_are_not_ours(
    committed_database: Database, everything: Scope, home: Settings
) -> None:
    _record(committed_database, everything, 1)
    assert audit.verify(committed_database, home).ok
    (home.secrets_folder / "audit_key").unlink()
    proof = audit.verify(committed_database, home)
    assert "was not sealed with this audit key" in proof.faults[0]


@pytest.fixture
def before_keys(committed_database: Database, owner_url: str, everything: Scope, home: Settings) -> Settings:
    """A home as it was before links had a key: three unkeyed links, and the head of the second in its file."""
    _record(committed_database, everything, 3)
    assert audit.verify(committed_database, home).ok
    _chained_anew(owner_url, unkeyed_hash)
    with psycopg.connect(owner_url) as owner:
        found = owner.execute("select hash from audit_link where position = 2").fetchone()
        assert found is not None
    line = {"at": "2026-03-14T12:00:00+00:00", "position": 2, "hash": found[0].hex()}
    _file(home).write_text(json.dumps(line) + "\n")
    (home.secrets_folder / "audit_key").unlink()
    return home


def test_a_chain_from_before_links_had_a_key_stays_proved_and_goes_on_with_one(
    committed_database: Database, everything: Scope, before_keys: Settings
) -> None:
    _record(committed_database, everything, 2)
    proof = audit.verify(committed_database, before_keys)
    assert (proof.ok, proof.records, proof.faults) == (True, 5, ())
    last = json.loads(_file(before_keys).read_text().splitlines()[-1])
    assert (last["position"], last["keyed_from"]) == (5, 4)
    _record(committed_database, everything, 1)
    assert audit.verify(committed_database, before_keys).ok


@pytest.mark.parametrize("first", [1, 4], ids=["an old record", "a new record"])
def test_neither_old_nor_new_links_can_be_computed_anew_once_the_old_are_sealed(
    committed_database: Database, owner_url: str, everything: Scope, before_keys: Settings, first: int
) -> None:
    _record(committed_database, everything, 2)
    assert audit.verify(committed_database, before_keys).ok
    with psycopg.connect(owner_url) as owner:
        owner.execute("update audit_record set actor_name = 'nobody' where id = %s", [first])
    _chained_anew(owner_url, unkeyed_hash)
    proof = audit.verify(committed_database, before_keys)
    assert any("no longer holds" in fault or "is not what" in fault for fault in proof.faults)


def test_an_old_chain_that_no_longer_holds_its_head_is_told_and_not_sealed(
    committed_database: Database, owner_url: str, everything: Scope, before_keys: Settings
) -> None:
    with psycopg.connect(owner_url) as owner:
        owner.execute("delete from audit_record where id >= 2")
        owner.execute("delete from audit_link where record_id >= 2")
    for _time in range(2):
        _record(committed_database, everything, 2)
        proof = audit.verify(committed_database, before_keys)
        assert any("at position 2" in fault for fault in proof.faults)
    assert _kept(before_keys) == [2]
