"""`laurel backup` and `laurel restore`: everything that must not be lost as one folder, and a new home made of it.

The folder holds a dump of the database, taken as of one moment, the files that it points to, the heads of the audit
and the audit's key, and a manifest with the SHA-256 of each. Sessions, tickets of sign-in and exports stay out.
"""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from laurel.embedded import EmbeddedServer, binaries_of_wheel
from laurel.migrate import head_revision, migrate, migrations_config
from laurel.workplace import Workplace, open_workplace
from loyalty_core import audit
from loyalty_core.kernel import Refusal, Scope, Settings, _, now

FORMAT = 1
MANIFEST = "manifest.json"
SEAL = "manifest.sha256"
DUMP = "database.dump"
ROLE = "laurel_backup"

# Whoever holds the copy must not be signed in by the original's cookies; the files of exports are not copied.
_LEFT_OUT = ("web_session", "sign_in_ticket", "sign_in_failure", "known_device", "export_file")
# A transaction's number is 32 bits long in an epoch; a new cluster's numbers may lie half of that behind at most.
_FARTHEST_AHEAD = 1_000_000_000
# As many as one file of PostgreSQL's commit log covers.
_NUMBERS_A_FILE = 1_048_576


class BackupFolderInUseError(Refusal):
    """The folder to write to holds something already."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            _("{folder} is not empty. Name a folder that is not there yet, or an empty one.").format(
                folder=folder
            )
        )
        self.folder = folder


class BackupFailedError(Refusal):
    """PostgreSQL's own program refused."""

    def __init__(self, program: str, reason: str) -> None:
        super().__init__(
            _("{program} could not do its work: {reason}").format(program=program, reason=reason)
        )
        self.reason = reason


class NotABackupError(Refusal):
    """The folder holds no backup, or one that cannot be read any more."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            _("{folder} holds no backup of Laurel: there is no manifest that can be read.").format(
                folder=folder
            )
        )
        self.folder = folder


class DamagedBackupError(Refusal):
    """A part of the backup is not what was written. Nothing was restored."""

    def __init__(self, part: str) -> None:
        super().__init__(
            _(
                "The backup is damaged: {part} is not what was written. Nothing was restored; use another backup."
            ).format(part=part)
        )
        self.part = part


class NewerBackupError(Refusal):
    """The backup is of a later version of Laurel than this one."""

    def __init__(self, revision: str) -> None:
        super().__init__(
            _(
                "The backup was made by a newer Laurel: its database is at {revision}, which this one does not "
                "know. Install that version first."
            ).format(revision=revision)
        )
        self.revision = revision


class HomeInUseError(Refusal):
    """The home to restore into holds something already."""

    def __init__(self, home: Path) -> None:
        super().__init__(
            _("{home} is not empty. Set LAUREL_HOME to a folder that is not there yet.").format(home=home)
        )
        self.home = home


class RestoreOutsideError(Refusal):
    """A backup is restored into the embedded database only."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "A backup is restored into the embedded database only, and LAUREL_DATABASE_URL names another. "
                "Restore that one by what its provider offers, or unset the variable."
            )
        )


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup holds: its revision of the database, how many files, and its size in bytes."""

    folder: Path
    revision: str
    files: int
    size: int
    has_key: bool


def back_up(place: Workplace, folder: Path) -> Backup:
    """Write a backup into a new or empty folder, mode 0700, while Laurel runs.

    The manifest is written last: a folder without one is no backup. Raises BackupFolderInUseError,
    BackupFailedError.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupFolderInUseError(folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    home = place.settings.home
    # Before the dump: a head that is later than the dump would tell of links that the copy does not have.
    key = place.settings.secrets_folder / audit.AUDIT_KEY
    audit.chain_pending(place.database, place.settings)
    for source in (home / audit.HEADS_FILE, key):
        if source.exists():
            _copy(source, folder / source.relative_to(home))
    _dump(place.owner_url, folder / DUMP)
    # After the dump: what it points to is there. A file's name is its hash, and it never changes.
    for name in ("files", "documents"):
        for source in _files_below(home / name):
            if not source.name.startswith("incoming-"):
                _copy(source, folder / source.relative_to(home))
    with psycopg.connect(place.owner_url) as connection:
        manifest = {
            "format": FORMAT,
            "made_at": now().isoformat(),
            "revision": head_revision(),
            "postgresql": connection.info.server_version // 10_000,
            "transaction": _one(connection, "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint"),
            "parts": {
                str(path.relative_to(folder)): {"bytes": path.stat().st_size, "sha256": _sha256(path)}
                for path in _files_below(folder)
            },
        }
    text = json.dumps(manifest, indent=1)
    _write(folder / MANIFEST, text)
    _write(folder / SEAL, hashlib.sha256(text.encode()).hexdigest() + "\n")
    return _described(folder, manifest)


def checked_backup(folder: Path) -> dict[str, Any]:
    """Return the manifest of a backup whose every part is what was written.

    Raises NotABackupError, DamagedBackupError, NewerBackupError.
    """
    try:
        text, seal = (folder / MANIFEST).read_bytes(), (folder / SEAL).read_bytes()
    except OSError as error:
        raise NotABackupError(folder) from error
    if seal != (hashlib.sha256(text).hexdigest() + "\n").encode():
        raise DamagedBackupError(MANIFEST)
    manifest: dict[str, Any] = json.loads(text)
    parts: dict[str, Any] = manifest["parts"]
    found = {str(path.relative_to(folder)) for path in _files_below(folder)} - {MANIFEST, SEAL}
    for name in sorted(parts.keys() ^ found):
        raise DamagedBackupError(name)
    for name, part in parts.items():
        if _sha256(folder / name) != part["sha256"]:
            raise DamagedBackupError(name)
    try:
        ScriptDirectory.from_config(migrations_config()).get_revision(manifest["revision"])
    except CommandError as error:
        raise NewerBackupError(manifest["revision"]) from error
    if manifest["format"] != FORMAT:
        raise NewerBackupError(str(manifest["format"]))
    return manifest


def restore(settings: Settings, folder: Path) -> Backup:
    """Make the home of a backup, whole or not at all; nobody is signed in to it.

    The home is new or empty. Raises NotABackupError, DamagedBackupError, NewerBackupError, HomeInUseError,
    RestoreOutsideError, BackupFailedError.
    """
    if settings.database_url is not None:
        raise RestoreOutsideError
    home = settings.home
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise HomeInUseError(home)
    manifest = checked_backup(folder)
    # Under another name until it is whole; what an interrupted one left behind is made anew.
    unfinished = Settings(home.with_name(home.name + ".restoring"), None)
    shutil.rmtree(unfinished.home, ignore_errors=True)
    unfinished.home.mkdir(mode=0o700, parents=True)
    for name in manifest["parts"]:
        if name != DUMP:
            _copy(folder / name, unfinished.home / name)
    server = EmbeddedServer(unfinished.home, postgres_version=manifest["postgresql"])
    owner_url = server.hold()
    try:
        migrate(owner_url, revision=manifest["revision"])
        _load(owner_url, folder / DUMP)
    finally:
        server.release()
    _number_on(server, manifest["transaction"])
    with open_workplace(unfinished) as place:
        scope = Scope.of_command_line()
        with place.database.transaction(scope) as connection:
            audit.record(
                connection,
                scope,
                "operations.backup_restored",
                "backup",
                manifest["made_at"],
                {"revision": manifest["revision"]},
            )
    if home.exists():
        home.rmdir()
    unfinished.home.rename(home)
    return _described(folder, manifest)


def _described(folder: Path, manifest: dict[str, Any]) -> Backup:
    parts = manifest["parts"]
    return Backup(
        folder,
        manifest["revision"],
        files=sum(name.startswith(("files/", "documents/")) for name in parts),
        size=sum(part["bytes"] for part in parts.values()),
        has_key=f"secrets/{audit.AUDIT_KEY}" in parts,
    )


def _dump(owner_url: str, to: Path) -> None:
    """Dump the rows of all tables as of one moment, as the role that sees all rows and may change none."""
    with psycopg.connect(owner_url) as connection:
        # Here rather than once: whoever adds a table need not think of the sequence behind it.
        connection.execute(
            sql.SQL("grant select on all sequences in schema public to {}").format(sql.Identifier(ROLE))
        )
    _run(
        "pg_dump",
        owner_url,
        "--format=custom",
        "--data-only",
        "--schema=public",
        f"--role={ROLE}",
        # Its policy on every table lets it see all rows.
        "--enable-row-security",
        *(f"--exclude-table-data={table}" for table in _LEFT_OUT),
        f"--file={to}",
    )
    to.chmod(0o600)


def _load(owner_url: str, dump: Path) -> None:
    """Put a dump's rows in place of what the migrations wrote; the owner is a superuser."""
    with psycopg.connect(owner_url) as connection:
        tables = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        names = sql.SQL(", ").join(sql.Identifier("public", name) for (name,) in tables)
        connection.execute(sql.SQL("truncate {}").format(names))
    # Without triggers: rows are what they were, and no order of tables satisfies all of their references.
    _run("pg_restore", owner_url, "--data-only", "--disable-triggers", "--exit-on-error", str(dump))
    with psycopg.connect(owner_url) as connection:
        connection.execute("analyze")


def _number_on(server: EmbeddedServer, transaction: int) -> None:
    """Let the new cluster's transactions have numbers above all of the original's, which rows and marks go by.

    Else what is written from now on would lie below the marks of what was settled and shown already.
    """
    beyond = (transaction // _NUMBERS_A_FILE + 1) * _NUMBERS_A_FILE
    if beyond % 2**32 > _FARTHEST_AHEAD:
        beyond = (beyond // 2**32 + 1) * 2**32 + _NUMBERS_A_FILE
    server.set_next_transaction(beyond)


def _run(program: str, owner_url: str, *options: str) -> None:
    """Run one of the wheel's programs on a database. A password goes by the environment, which others can't read."""
    given = conninfo_to_dict(owner_url)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    names = {"dbname": "PGDATABASE", "password": "PGPASSWORD", "sslrootcert": "PGSSLROOTCERT"}
    for name, value in given.items():
        environment[names.get(name, f"PG{name.upper()}")] = str(value)
    command = [str(binaries_of_wheel() / program), "--no-password", *options]
    if program == "pg_restore":
        command.append(f"--dbname={given['dbname']}")
    done = subprocess.run(  # noqa: S603 the wheel's program, no shell
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if ": error:" in line or ": fatal:" in line]
        raise BackupFailedError(program, " ".join(errors or lines[-1:]) or str(done.returncode))


def _one(connection: "psycopg.Connection[Any]", query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])


def _files_below(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _copy(source: Path, target: Path) -> None:
    for folder in reversed(target.parents):
        # One by one: made along with a child, a folder is open to others.
        folder.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with source.open("rb") as read, os.fdopen(descriptor, "wb") as written:
        shutil.copyfileobj(read, written, 1 << 20)
        written.flush()
        os.fsync(descriptor)


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
