"""A disk that is full: while a file comes in, while it is read, and while the database lays its rows out."""

import os
import shutil
import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from laurel.registers import DATASETS
from loyalty_core.intake import (
    ImportMode,
    ImportState,
    NoSpaceLeftError,
    is_out_of_space,
    receive_local_file,
    start_import,
    store,
)
from loyalty_core.kernel import Database, Scope, Settings, new_id
from loyalty_core.sales import SalesDataset
from tests.databases import database_of
from tests.intake.field import begin, counts, finish, lines, mapping_of, settings_in, write

pytestmark = pytest.mark.xdist_group("intake")

SMALL = "256k"


def mounted(folder: Path, size: str) -> Generator[Path]:
    """Lay a small disk over the folder, until the generator is closed; skip where that is not permitted."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if mount is None or umount is None:
        pytest.skip("there is no mount on this machine")
    command = [mount, "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"a small disk can't be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run([umount, str(folder)], check=True)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path / "home")


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file of more than half a megabyte."""
    return write(tmp_path / "large.csv", lines(12_000))


@pytest.fixture
def small_files(settings: Settings) -> Iterator[Path]:
    yield from mounted(settings.files_folder, SMALL)


@pytest.fixture
def small_work(settings: Settings) -> Iterator[Path]:
    yield from mounted(settings.work_folder, SMALL)


def rows_of(database: Database, scope: Scope, table: str) -> int:
    with database.transaction(scope) as connection:
        return int(connection.execute(text(f"select count(*) from {table}")).scalar_one())


def staging_tables(database: Database, scope: Scope) -> int:
    return rows_of(database, scope, "pg_class where relnamespace = 'staging'::regnamespace")


def test_a_file_that_does_not_fit_is_refused_and_leaves_nothing(
    committed_database: Database, settings: Settings, everything: Scope, large: Path, small_files: Path
) -> None:
    with pytest.raises(NoSpaceLeftError, match=r"no room left on the server for “large\.csv”"):
        receive_local_file(committed_database, settings, everything, large)
    assert [path for path in small_files.rglob("*") if path.is_file()] == []
    assert rows_of(committed_database, everything, "received_file") == 0
    # There is room for a smaller one at once.
    small = write(large.with_name("small.csv"), lines(20))
    assert counts(
        finish(
            committed_database,
            settings,
            everything,
            begin(committed_database, settings, everything, small),
        ).found
    ) == ("accepted", 20, 0, 0)


def test_contents_whose_row_cannot_be_written_do_not_stay_on_the_disk(
    committed_database: Database,
    settings: Settings,
    everything: Scope,
    large: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_arguments: Any, **_more: Any) -> None:
        raise OperationalError("insert", None, psycopg.errors.DiskFull("could not extend file"))

    monkeypatch.setattr(store, "insert_file", full)
    with pytest.raises(NoSpaceLeftError):
        receive_local_file(committed_database, settings, everything, large)
    assert [path for path in settings.files_folder.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("mode", [ImportMode.ADD, ImportMode.CHECK])
def test_an_import_whose_work_folder_is_full_is_refused_and_can_be_run_again(
    committed_database: Database,
    settings: Settings,
    everything: Scope,
    large: Path,
    tmp_path: Path,
    mode: ImportMode,
) -> None:
    database = committed_database
    file_id = receive_local_file(database, settings, everything, large)

    def run() -> Any:
        import_id = start_import(
            database,
            everything,
            file_id=file_id,
            mapping=mapping_of(),
            datasets=DATASETS,
            creates_missing=True,
            request_key=new_id(),
            defers=False,
            mode=mode,
        )
        return finish(database, settings, everything, import_id).found

    small_disk = mounted(settings.work_folder, SMALL)
    work = next(small_disk)
    try:
        found = run()
        assert found.state is ImportState.REFUSED
        assert found.refusal is not None
        assert "no room left on the server for “large.csv”" in found.refusal
        assert "start again when there is room" in found.refusal
        assert list(work.iterdir()) == []
    finally:
        small_disk.close()
    assert staging_tables(database, everything) == 0
    assert rows_of(database, everything, "sales_line") == 0
    assert rows_of(database, everything, "quarantined_row") == 0
    again = run()
    assert (again.state, again.accepted) == (
        ImportState.ACCEPTED if mode is ImportMode.ADD else ImportState.CHECKED,
        12_000,
    )


def test_an_import_that_fills_the_databases_disk_is_refused_and_not_tried_again_and_again(
    committed_database: Database,
    settings: Settings,
    everything: Scope,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The database says so by an error of the kind that a lost connection has; that one is tried again."""
    database = committed_database
    path = write(tmp_path / "march.csv", lines(20))
    accept = SalesDataset.accept

    def fill_the_disk(self: SalesDataset, *arguments: Any) -> Any:
        accept(self, *arguments)
        raise OperationalError("insert", None, psycopg.errors.DiskFull("could not extend file"))

    monkeypatch.setattr(SalesDataset, "accept", fill_the_disk)
    found = finish(database, settings, everything, begin(database, settings, everything, path)).found
    assert (found.state, found.runs) == (ImportState.REFUSED, 1)
    assert found.refusal is not None
    assert "no room left" in found.refusal
    assert rows_of(database, everything, "sales_line") == 0
    assert staging_tables(database, everything) == 0
    monkeypatch.setattr(SalesDataset, "accept", accept)
    again = finish(database, settings, everything, begin(database, settings, everything, path)).found
    assert counts(again) == ("accepted", 20, 0, 0)


def test_a_tables_space_on_a_full_disk_is_told_as_such_by_the_database(
    committed_database: Database,
    owner_url: str,
    settings: Settings,
    everything: Scope,
    large: Path,
    tmp_path: Path,
) -> None:
    """Staging laid out in a tablespace on a small disk: COPY meets the real error."""
    database = committed_database
    if os.geteuid() != 0:
        pytest.skip("only root mounts")
    small_disk = mounted(Path("/tmp") / f"laurel-full-{new_id().hex}", "512k")
    place = next(small_disk)
    name = f"full_{new_id().hex}"
    try:
        with psycopg.connect(owner_url, autocommit=True) as owner:
            row = owner.execute("show data_directory").fetchone()
            assert row is not None
            server_user = Path(row[0]).stat()
            os.chown(place, server_user.st_uid, server_user.st_gid)
            try:
                owner.execute(f"create tablespace {name} location '{place}'")
            except psycopg.errors.InsufficientPrivilege:
                pytest.skip("the tests' owner makes no tablespaces")
            owner.execute(f"grant create on tablespace {name} to laurel_app")
            database_name = owner.info.dbname
            owner.execute(
                f'alter role laurel_app in database "{database_name}" set default_tablespace = {name}'
            )
        # Only connections made from now on take the tablespace for their new tables.
        confined = database_of(owner_url)
        try:
            found = finish(confined, settings, everything, begin(confined, settings, everything, large)).found
            assert found.state is ImportState.REFUSED
            assert found.refusal is not None
            assert "no room left on the server for “large.csv”" in found.refusal
            assert rows_of(database, everything, "sales_line") == 0
            assert staging_tables(database, everything) == 0
        finally:
            confined.close()
            with psycopg.connect(owner_url, autocommit=True) as owner:
                owner.execute(f'alter role laurel_app in database "{database_name}" reset default_tablespace')
        again = finish(database, settings, everything, begin(database, settings, everything, large)).found
        assert counts(again) == ("accepted", 12_000, 0, 0)
        with psycopg.connect(owner_url, autocommit=True) as owner:
            owner.execute(f"drop tablespace {name}")
    finally:
        small_disk.close()
        place.rmdir()


def test_a_full_disk_is_told_from_other_errors() -> None:
    full = OSError(28, "No space left on device")
    wrapped = RuntimeError("while writing")
    wrapped.__cause__ = full
    assert is_out_of_space(full)
    assert is_out_of_space(wrapped)
    assert is_out_of_space(OperationalError("copy", None, psycopg.errors.DiskFull("full")))
    assert not is_out_of_space(OSError(2, "No such file or directory"))
    assert not is_out_of_space(OperationalError("copy", None, psycopg.errors.AdminShutdown("bye")))
