"""A backup is written while Laurel runs, restored into a new home, and proved there."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from laurel import backup
from laurel.books import books_of
from laurel.workplace import open_workplace
from loyalty_core import access, audit, programmes
from loyalty_core.kernel import Database, Settings
from loyalty_core.settlement import check_books, settle_programme
from loyalty_core.standings import Standing, StandingsBy, standings
from tests.access.people import COMMAND_LINE, sign_in, somebody
from tests.intake.field import imported, lines, write
from tests.server.homes import fresh_home
from tests.settlement.programmes import balances, spring


@dataclass(frozen=True)
class Original:
    """A home that was backed up, and what was seen in it then."""

    folder: Path
    home: Path
    standings: list[Standing]
    token: str
    before: Path
    """A file of sales that was not there yet."""


def places(database: Database) -> list[Standing]:
    with database.snapshot(COMMAND_LINE) as connection:
        found = programmes.programme_by_code(connection, COMMAND_LINE, "spring")
        return standings(
            connection,
            programme_id=found.id,
            currency=found.currency,
            time_zone=found.time_zone,
            since=date(2026, 3, 1),
            until=date(2026, 5, 31),
            by=StandingsBy.COMPANY,
            limit=100,
        )


def broken(database: Database, settings: Settings) -> list[str]:
    return [check.name for check in check_books(database, *books_of(settings)) if not check.ok]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Original]:
    """Sales, points and a signed-in person; the backup is written while others go on writing."""
    folder = tmp_path_factory.mktemp("backup")
    with fresh_home() as home, open_workplace(Settings(home, None)) as place:
        database = place.database
        spring(database, COMMAND_LINE)
        imported(database, place.settings, COMMAND_LINE, write(folder / "a.csv", lines(40)), source="tills")
        settle_programme(database, COMMAND_LINE, "spring")
        somebody(database, access.Role.ADMIN)
        token = sign_in(database)
        seen, done = places(database), threading.Event()

        def write_on() -> None:
            while not done.is_set():
                with database.transaction(COMMAND_LINE) as connection:
                    audit.record(connection, COMMAND_LINE, "test.done", "thing", 1)
                audit.chain_pending(database, place.settings)

        writer = threading.Thread(target=write_on)
        writer.start()
        try:
            backup.back_up(place, folder / "copy")
        finally:
            done.set()
            writer.join()
        assert audit.verify(database, place.settings).ok
        yield Original(folder / "copy", home, seen, token, write(folder / "b.csv", lines(8, invoice="N")))


def test_a_restored_home_holds_all_that_was_backed_up_and_nobody_is_signed_in(original: Original) -> None:
    with fresh_home() as home:
        settings = Settings(home, None)
        restored = backup.restore(settings, original.folder)
        assert restored.files == 1
        assert {path.name for path in home.parent.glob(f"{home.name}*")} == {home.name}
        with open_workplace(settings) as place:
            database = place.database
            assert broken(database, settings) == []
            proof = audit.verify(database, settings)
            assert (proof.ok, proof.faults) == (True, ())
            assert places(database) == original.standings != []
            assert access.find_session(database, original.token) is None
            assert access.find_session(database, sign_in(database)) is not None

            # Work goes on: what comes in after the restore is settled once, as it would have been.
            before = balances(database, COMMAND_LINE)
            assert settle_programme(database, COMMAND_LINE, "spring").awards == 0
            imported(database, settings, COMMAND_LINE, original.before)
            assert settle_programme(database, COMMAND_LINE, "spring").awards == 8
            assert sum(balances(database, COMMAND_LINE).values()) == sum(before.values()) + 8 * 2
            assert broken(database, settings) == []
            assert audit.verify(database, settings).ok


def test_a_backup_is_closed_to_others_and_holds_no_session(original: Original) -> None:
    for path in (original.folder, *original.folder.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path
    manifest = json.loads((original.folder / backup.MANIFEST).read_text())
    assert {"database.dump", "audit-heads.jsonl", "secrets/audit_key"} < manifest["parts"].keys()


def test_any_changed_byte_is_refused_and_nothing_is_restored(original: Original, tmp_path: Path) -> None:
    settings = Settings(tmp_path / "home", None)
    for path in sorted(one for one in original.folder.rglob("*") if one.is_file()):
        honest = path.read_bytes()
        for place in (0, len(honest) // 2, len(honest) - 1):
            path.write_bytes(honest[:place] + bytes([honest[place] ^ 1]) + honest[place + 1 :])
            with pytest.raises(backup.DamagedBackupError):
                backup.restore(settings, original.folder)
        path.unlink()
        with pytest.raises((backup.DamagedBackupError, backup.NotABackupError)):
            backup.restore(settings, original.folder)
        path.write_bytes(honest)
        path.chmod(0o600)
    (original.folder / "files" / "more").write_bytes(b"x")
    with pytest.raises(backup.DamagedBackupError, match="files/more"):
        backup.restore(settings, original.folder)
    (original.folder / "files" / "more").unlink()
    backup.checked_backup(original.folder)
    assert not settings.home.exists()


def test_a_home_that_holds_something_and_an_outside_database_are_left_alone(
    original: Original, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "mine").write_text("mine")
    with pytest.raises(backup.HomeInUseError, match="is not empty"):
        backup.restore(Settings(home, None), original.folder)
    assert [path.name for path in home.iterdir()] == ["mine"]
    with pytest.raises(backup.RestoreOutsideError):
        backup.restore(Settings(tmp_path / "other", "postgresql://owner@db.example/laurel"), original.folder)


def test_a_backup_of_a_newer_version_is_refused(
    original: Original, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "copy"
    with open_workplace(Settings(original.home, None)) as place:
        monkeypatch.setattr(backup, "head_revision", lambda: "9999")
        backup.back_up(place, folder)
        with pytest.raises(backup.BackupFolderInUseError):
            backup.back_up(place, folder)
    with pytest.raises(backup.NewerBackupError, match="9999"):
        backup.restore(Settings(tmp_path / "home", None), folder)


def test_a_folder_without_a_manifest_is_no_backup(tmp_path: Path) -> None:
    with pytest.raises(backup.NotABackupError):
        backup.restore(Settings(tmp_path / "home", None), tmp_path)
