"""One import from its stored file to facts, by whoever claims it: the command line or the worker.

Up to the last step everything can be done again from the stored file. The last step is one transaction: all
accepted rows, the quarantine, the import's result and its audit record, or none of it.
"""

import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection

import data_checks
from loyalty_core import access, audit
from loyalty_core.intake import store
from loyalty_core.intake.commands import NarrowScopeCreatesError, right_to_bring, stored_path
from loyalty_core.intake.dataset import Acceptance, Dataset, ImportContext, Staging
from loyalty_core.intake.limits import thresholds_of
from loyalty_core.intake.mapping import ColumnMapping
from loyalty_core.intake.phases import CancelAskedError, Phases
from loyalty_core.intake.reading import Progress, read_file
from loyalty_core.intake.records import UnseenChangesError
from loyalty_core.intake.space import NoSpaceLeftError, is_out_of_space
from loyalty_core.intake.staging import (
    copy_parts,
    drop_staging,
    load_reasons,
    make_staging,
    orphaned_staging_ids,
    save_reasons,
)
from loyalty_core.intake.states import UNFINISHED, ImportMode, ImportState, Phase, WaitsFor
from loyalty_core.intake.store import FileImport
from loyalty_core.intake.taking_turns import (
    MOST_RUNS,
    SECONDS_BETWEEN_LOOKS,
    again_on_collision,
    queue_unclaimed,
)
from loyalty_core.kernel import (
    DATABASE_WENT_AWAY,
    Database,
    Refusal,
    Scope,
    Settings,
    _,
    get_logger,
    minor_digits,
    new_id,
    now,
)
from loyalty_core.kernel.jobs import defer_import

_EARLIER_FILES = 5
# From this share of a file on, its rows so far tell how many it has.
_SHARE_THAT_TELLS = 0.01
_MOST_SKIPPED_KEPT = 100

_Result = TypeVar("_Result")

_log = get_logger(__name__)


class ImportKeepsFailingError(Refusal):
    """The import was begun several times and never came to an end."""

    def __init__(self, found: FileImport) -> None:
        super().__init__(
            _(
                "The import of “{file}” was begun {runs} times and never came to an end. Ask whoever runs "
                "Laurel to look into its log for import {number}."
            ).format(file=found.file_name, runs=found.runs, number=found.number)
        )


class ChecksNotRunError(Refusal):
    """The suite that judges a file as a whole could not be run, so nothing of the file was accepted."""

    def __init__(self, found: FileImport) -> None:
        super().__init__(
            _(
                "The checks of “{file}” could not be run, so nothing of it was accepted. Import it again; if that "
                "ends alike, ask whoever runs Laurel to look into its log for import {number}."
            ).format(file=found.file_name, number=found.number)
        )
        self.found = found


class ImportStoppedError(Refusal):
    """The import did not come to facts: it waits for a person's decision, was declined by one or cancelled."""

    def __init__(self, found: FileImport, failed_checks: list[dict[str, Any]]) -> None:
        said = {"number": found.number, "file": found.file_name, "state": found.state.value}
        names = "; ".join(f"{check['name']}: {_(check['meaning'])}" for check in failed_checks)
        if found.state is ImportState.CANCELLED:
            sentence = _("Import {number} of “{file}” was cancelled; nothing of it was accepted.")
        elif names:
            sentence = _(
                "Import {number} of “{file}” is {state}; nothing of it was accepted. Failed checks: {checks} "
                "Decide on the page of imports."
            )
        else:
            sentence = _(
                "Import {number} of “{file}” is {state}; nothing of it was accepted. It would change {changed} "
                "records: look at them and decide on the page of imports."
            )
        super().__init__(sentence.format(**said, checks=names, changed=found.changed))
        self.found = found


class ImportFailedError(Refusal):
    """Something went wrong that should not; it is on record under `failure_id`."""

    def __init__(self, found: FileImport, failure_id: str) -> None:
        super().__init__(
            _(
                "The import of “{file}” met an error that should not be, and nothing of it was accepted. Start it "
                "again; if it fails again, tell whoever runs Laurel the number {id}."
            ).format(file=found.file_name, id=failure_id)
        )
        self.failure_id = failure_id


class _SupersededError(Exception):
    """Another process has taken the import over: this run writes nothing more."""


class _StagingLostError(Exception):
    """The staging table does not hold what was read: the server crashed, and unlogged tables are empty since."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """How an import ended: its row, after the end."""

    found: FileImport

    @property
    def failed_checks(self) -> list[dict[str, Any]]:
        """The checks that stopped it."""
        checks = (self.found.checks or {}).get("checks", [])
        return [check for check in checks if check["level"] == "stop" and not check["passed"]]


def run_import(
    database: Database,
    settings: Settings,
    import_id: UUID,
    *,
    datasets: Mapping[str, Dataset],
    scope: Scope,
    on_progress: Callable[[Phase, int], None] | None = None,
) -> ImportReport:
    """Bring an import to its end, or wait while another process does, and return how it ended.

    `scope` is the requester's: what lies outside counts as unknown. An import that a dead process left
    behind begins again. A file that can't be read ends as `refused`, with the sentence in its row; one that a
    check stops ends as `waiting`.
    """
    while True:
        with database.exclusively(_lock_name(import_id)) as is_claimed:
            if is_claimed:
                _run_claimed(database, settings, import_id, datasets, scope, on_progress)
        with database.transaction(scope) as connection:
            found = store.import_by_id(connection, import_id)
        if found.state not in UNFINISHED:
            return ImportReport(found)
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _run_claimed(
    database: Database,
    settings: Settings,
    import_id: UUID,
    datasets: Mapping[str, Dataset],
    scope: Scope,
    on_progress: Callable[[Phase, int], None] | None,
) -> None:
    """Run the import once. It may still be unfinished after: taken over, or its staging lost in a crash.

    Only a lost database leaves by an exception, for the caller to try again; whatever else goes wrong ends
    the import with a sentence.
    """
    with database.transaction(scope) as connection:
        found = store.import_by_id(connection, import_id, lock=True)
        if found.state not in UNFINISHED:
            return
        store.move_import(
            connection, found, ImportState.RUNNING, runs=found.runs + 1, started_at=found.started_at or now()
        )
    begun = time.monotonic()
    run = _Run(database, settings, found, datasets[found.dataset], scope, on_progress)
    try:
        if found.runs >= MOST_RUNS:
            raise ImportKeepsFailingError(found)
        run.check_rights()
        run.parse_and_copy()
        run.judge()
        checks = run.check()
        if found.mode is ImportMode.CHECK:
            run.look(checks, begun)
        elif (waits_for := run.what_to_ask(checks)) is not None:
            run.wait(checks, waits_for, time.monotonic() - begun)
        else:
            run.accept(checks, begun)
    except CancelAskedError:
        run.cancel(time.monotonic() - begun)
    except _SupersededError:
        _log.warning("import_superseded", import_id=str(import_id), run=found.runs + 1)
    except _StagingLostError:
        _log.warning("import_staging_lost", import_id=str(import_id), run=found.runs + 1)
    except Refusal as refusal:
        run.refuse(refusal, time.monotonic() - begun)
    except Exception as error:
        if is_out_of_space(error):
            # Of the database's errors too: another try would find the disk as full, and the person knows nothing.
            _log.exception("import_found_no_space", import_id=str(import_id))
            run.refuse(NoSpaceLeftError(found.file_name), time.monotonic() - begun)
            return
        if isinstance(error, DATABASE_WENT_AWAY):
            raise
        failure_id = new_id().hex[-12:]
        _log.exception("import_failed", import_id=str(import_id), failure_id=failure_id)
        run.refuse(ImportFailedError(found, failure_id), time.monotonic() - begun)
    finally:
        run.clean_up()


def queue_unclaimed_imports(database: Database) -> int:
    """Defer a job for every unfinished import that nobody runs, and return how many those are.

    The command line runs its imports itself; when it is killed, nobody else would know of them.
    """
    system = Scope.of_system("imports left behind")
    with database.transaction(system) as connection:
        unfinished = store.unfinished_imports(connection)
    return queue_unclaimed(
        database, system, [found.id for found in unfinished], lock_name=_lock_name, defer=defer_import
    )


def drop_orphaned_staging(database: Database) -> int:
    """Drop staging tables whose import has ended or never was, and return how many imports' they were."""
    with database.transaction(Scope.of_system("clean up")) as connection:
        orphans = orphaned_staging_ids(connection)
        for import_hex in orphans:
            drop_staging(connection, Staging(UUID(import_hex)))
    return len(orphans)


def _lock_name(import_id: UUID) -> str:
    return f"laurel.import:{import_id}"


def _seconds(seconds: float) -> Decimal:
    return Decimal(seconds).quantize(Decimal("0.001"))


class _Run:
    """One run of one import, phase after phase."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        found: FileImport,
        dataset: Dataset,
        scope: Scope,
        on_progress: Callable[[Phase, int], None] | None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._import = found
        self._dataset = dataset
        self._scope = scope
        self._on_progress = on_progress
        self._phases = Phases(database, found.id)
        self._staging = Staging(found.id)
        # The run's number fences it: whoever claims the import after a crash counts on.
        self._number = found.runs + 1
        self._rows_read = 0
        self._reading: dict[str, Any] = {}
        self._changes: store.ChangeSummary | None = None
        self._children = ExitStack()
        self._checker: data_checks.Checker | None = None
        self._folder = settings.work_folder / f"{found.id.hex}-{self._number}"
        self._context = ImportContext(
            import_id=found.id,
            mapping=ColumnMapping.model_validate(found.mapping),
            creates_missing=found.creates_missing,
            scope=scope,
            recorded_at=now(),
            mode=self._widest_mode(),
            options=found.options,
        )

    def _widest_mode(self) -> ImportMode:
        """Return what good rows do; an import that only looks tries the most that the dataset offers."""
        if self._import.mode is not ImportMode.CHECK:
            return self._import.mode
        return ImportMode.UPDATE if ImportMode.UPDATE in self._dataset.modes else ImportMode.ADD

    def check_rights(self) -> None:
        """Refuse what the actor may not do any more. Raises NotAllowedError, NarrowScopeCreatesError."""
        permission = (
            right_to_bring(self._import, self._scope)
            if self._import.decided_at is None
            else access.Permission.DECIDE_IMPORTS
        )
        with self._database.transaction(self._scope) as connection:
            access.check_permission(connection, self._scope, permission)
        if self._import.creates_missing and not self._scope.sees_everything:
            raise NarrowScopeCreatesError

    def _locked(self, connection: Connection) -> FileImport:
        """Return the import with its row locked, so that nobody takes it over before this transaction ends.

        Raises _SupersededError when somebody has already: the claim dies with the database server, the
        process does not.
        """
        found = store.import_by_id(connection, self._import.id, lock=True)
        if found.state is not ImportState.RUNNING or found.runs != self._number:
            raise _SupersededError
        return found

    def _wanted(self, connection: Connection) -> FileImport:
        """Do as `_locked`; from here to the end of the transaction nobody can cancel it. Raises CancelAskedError."""
        found = self._locked(connection)
        if found.cancel_asked_at is not None:
            raise CancelAskedError
        return found

    def _count_staged(self, connection: Connection) -> tuple[int, int]:
        """Return how many rows are staged and how many of them are bad. Raises _StagingLostError."""
        rows, bad = store.count_staged(connection, self._staging)
        if rows != self._rows_read:
            raise _StagingLostError
        return rows, bad

    def parse_and_copy(self) -> None:
        """Fill the staging table from the stored file."""
        if not data_checks.is_warm():
            # The checks' library takes seconds to import: a child does so while the file is read and copied.
            self._checker = self._children.enter_context(data_checks.Checker())
        shutil.rmtree(self._folder, ignore_errors=True)
        with self._phases.during(Phase.PARSE):
            read = read_file(
                stored_path(self._settings, self._import.sha256),
                self._import.file_name,
                self._context.mapping,
                # What an owner's file needs, the command that started its import has asked for.
                self._dataset.columns.none_required() if self._import.is_for_owner else self._dataset.columns,
                self._folder,
                on_progress=self._show,
                sheets=self._import.options.get("sheets"),
            )
        self._rows_read = read.rows
        self._reading = {
            "sheet": read.sheet,
            "header": list(read.header),
            "header_row": read.header_row,
            "encoding": read.encoding,
            "delimiter": read.delimiter,
            "sheets": list(read.sheets),
            "header_rows": dict(read.header_rows),
            "blank_rows": read.blank_rows,
            "hidden_rows": read.hidden_rows,
            "skipped_rows": len(read.skipped),
            "skipped": [
                {"sheet": one.sheet, "row_no": one.row_no, "why": one.why.value, "text": one.text}
                for one in read.skipped[:_MOST_SKIPPED_KEPT]
            ],
        }
        self._phases.show_expected(read.rows)
        with self._phases.during(Phase.COPY):
            with self._database.transaction(self._scope) as connection:
                self._locked(connection)
                make_staging(connection, self._staging, self._dataset.columns)
            copy_parts(self._database, self._scope, self._staging, self._dataset.columns, read.parts)

    def _show(self, progress: Progress) -> None:
        enough = progress.share is not None and progress.share >= _SHARE_THAT_TELLS
        expected = progress.rows_expected
        if expected is None and enough and progress.share:
            expected = round(progress.rows / progress.share)
        self._phases.show_rows(Phase.PARSE, progress.rows, expected=expected)
        if self._on_progress is not None:
            self._on_progress(Phase.PARSE, progress.rows)

    def judge(self) -> None:
        """Find every bad row with all its reasons, and what the good ones change where they may."""
        with self._phases.during(Phase.RULES), self._database.transaction(self._scope) as connection:
            self._count_staged(connection)
            self._dataset.judge(connection, self._staging, self._context)
            self._list_changes(connection)

    def _list_changes(self, connection: Connection) -> None:
        if self._import.mode is ImportMode.ADD:
            return
        store.drop_changes(connection, self._import.id)
        self._dataset.list_changes(connection, self._staging, self._context)
        self._changes = store.sum_up_changes(connection, self._import.id)
        self._reading |= {"changes_hash": self._changes.hash}

    def check(self) -> data_checks.SuiteResult:
        """Judge as a whole what the row rules left."""
        with self._phases.during(Phase.CHECKS):
            with self._database.transaction(self._scope) as connection:
                rows, bad = self._count_staged(connection)
                figures = self._dataset.figures(connection, self._staging)
                self._reading |= {"net_minor": dict(figures.net_minor), "companies": figures.companies}
                earlier = store.earlier_imports_of_source(
                    connection, self._import.source, self._import.id, _EARLIER_FILES
                )
                if not data_checks.has_suite(self._import.dataset):
                    return data_checks.SuiteResult(self._import.dataset, (), 0.0)
                thresholds = thresholds_of(connection, self._import.dataset, self._import.source)
            facts = data_checks.ImportFacts(
                rows=rows,
                quarantined=bad,
                # Known only when the rows go in; the suite judges contents, which a repeat does not change.
                duplicates=0,
                earlier=[_earlier_file(one, self._context.mapping.currency) for one in earlier],
                now=self._context.recorded_at,
                mapped=frozenset(self._context.mapping.columns),
                time_zone=self._context.mapping.time_zone,
                creates_missing=self._context.creates_missing,
                changing=0 if self._changes is None else self._changes.changing_rows,
                **_said(self._import.options),
            )
            run_suite = data_checks.run_suite if self._checker is None else self._checker.run_suite
            try:
                return run_suite(
                    self._import.dataset,
                    database_url=self._database.app_url,
                    staging_table=self._staging.table,
                    facts=facts,
                    thresholds=thresholds,
                )
            except data_checks.SuiteError as error:
                _log.exception("checks_not_run", import_id=str(self._import.id))
                raise ChecksNotRunError(self._import) from error

    def what_to_ask(self, checks: data_checks.SuiteResult) -> WaitsFor | None:
        """Return what a person has to decide before any fact is written; None where nobody needs to.

        What a person was shown and let through is not asked again: the same failed checks, the same changes.
        """
        if self._import.is_for_owner:
            # The checks are kept for who looks at the import, and hold up nobody: all of it is one person's, and
            # each row is verified by itself.
            return None
        was_let_through = self._import.decided_at is not None
        shown = (self._import.checks or {}).get("checks", []) if was_let_through else []
        known = {check["name"] for check in shown if check["level"] == "stop" and not check["passed"]}
        if any(check.name not in known for check in checks.stops):
            return WaitsFor.CHECKS
        if self._changes is None or not self._changes.changing_rows:
            return None
        shown_hash = (self._import.reading or {}).get("changes_hash") if was_let_through else None
        return None if shown_hash == self._changes.hash else WaitsFor.CHANGES

    def wait(self, checks: data_checks.SuiteResult, waits_for: WaitsFor, seconds: float) -> None:
        """Stop before any fact is written, and leave the decision to a person."""
        with self._database.transaction(self._scope) as connection:
            locked = self._wanted(connection)
            rows, bad = self._count_staged(connection)
            store.replace_quarantine(connection, self._staging)
            store.move_import(
                connection,
                locked,
                ImportState.WAITING,
                waits_for=waits_for.value,
                rows=rows,
                accepted=0,
                quarantined=bad,
                duplicates=0,
                changed=None if self._changes is None else self._changes.changing_rows,
                reading=self._reading,
                reasons=store.count_reasons(connection, self._staging),
                checks=checks.to_json(),
                seconds=_seconds(seconds),
                # An earlier decision was about what was shown then.
                decided_by=None,
                decided_by_name=None,
                decided_at=None,
                decision_reason=None,
            )
            audit.record(
                connection,
                self._scope,
                "intake.import_held",
                "import",
                self._import.id,
                {
                    "waits_for": waits_for.value,
                    "failed_checks": [check.name for check in checks.stops],
                    "changed": None if self._changes is None else self._changes.changing_rows,
                },
            )

    def look(self, checks: data_checks.SuiteResult, begun: float) -> None:
        """End an import that only looks: keep what was found, and what accepting it would come to."""
        self._phases.start(Phase.INSERT)
        acceptance = self._again_on_collision(self._tried)
        self._phases.end(Phase.INSERT)
        with self._database.transaction(self._scope) as connection:
            locked = self._wanted(connection)
            rows, bad = self._end(connection, locked, ImportState.CHECKED, acceptance, checks, begun)
            audit.record(
                connection,
                self._scope,
                "intake.import_checked",
                "import",
                self._import.id,
                {"rows": rows, "acceptable": acceptance.accepted, "quarantined": bad},
            )

    def _tried(self) -> Acceptance:
        """Accept the good rows and take that back, but for the reasons against rows that only showed there."""
        kept = self._folder / "reasons.csv"
        with self._database.transaction(self._scope) as connection:
            store.lock_source(connection, self._import.source)
            with connection.begin_nested() as tried:
                acceptance = self._dataset.accept(connection, self._staging, self._context)
                save_reasons(connection, self._staging, kept)
                tried.rollback()
            load_reasons(connection, self._staging, kept)
        return acceptance

    def accept(self, checks: data_checks.SuiteResult, begun: float) -> None:
        """Make facts of the good rows, in one transaction; again from the start if another import was in the way.

        Two sources that bring the same rows at once meet in a deadlock or at the index of line keys.
        """
        try:
            self._again_on_collision(lambda: self._accept_once(checks, begun))
        except UnseenChangesError:
            # What is there has changed since the rows were judged: the person is shown the changes as they are now.
            self.judge()
            self.wait(checks, WaitsFor.CHANGES, time.monotonic() - begun)

    def _again_on_collision(self, action: Callable[[], _Result]) -> _Result:
        return again_on_collision(action, event="import_collision", import_id=str(self._import.id))

    def _accept_once(self, checks: data_checks.SuiteResult, begun: float) -> None:
        self._phases.start(Phase.INSERT)
        with self._database.transaction(self._scope) as connection:
            locked = self._wanted(connection)
            store.lock_source(connection, self._import.source)
            acceptance = self._dataset.accept(connection, self._staging, self._context)
            rows, bad = self._end(connection, locked, ImportState.ACCEPTED, acceptance, checks, begun)
            audit.record(
                connection,
                self._scope,
                "intake.import_accepted",
                "import",
                self._import.id,
                {
                    "rows": rows,
                    "accepted": acceptance.accepted,
                    "changed": acceptance.changed,
                    "quarantined": bad,
                    **acceptance.evidence,
                },
            )
            self._phases.end(Phase.INSERT)
            self._phases.tell_commit("start")
        self._phases.tell_commit("end")

    def _end(
        self,
        connection: Connection,
        locked: FileImport,
        state: ImportState,
        acceptance: Acceptance,
        checks: data_checks.SuiteResult,
        begun: float,
    ) -> tuple[int, int]:
        """Keep what was put aside and how the import ended; return its rows, and how many of them are bad."""
        store.replace_quarantine(connection, self._staging)
        rows, bad = self._count_staged(connection)
        assert rows == acceptance.accepted + acceptance.duplicates + bad, "every row ends in one place"
        store.move_import(
            connection,
            locked,
            state,
            rows=rows,
            accepted=acceptance.accepted,
            quarantined=bad,
            duplicates=acceptance.duplicates,
            changed=acceptance.changed,
            reading=self._reading,
            net_minor=dict(acceptance.net_minor),
            reasons=store.count_reasons(connection, self._staging),
            checks=checks.to_json(),
            finished_at=now(),
            seconds=_seconds(time.monotonic() - begun),
        )
        return rows, bad

    def refuse(self, refusal: Refusal, seconds: float) -> None:
        """End the import with a sentence, unless somebody else has taken it over."""
        with self._database.transaction(self._scope) as connection:
            try:
                locked = self._locked(connection)
            except _SupersededError:
                return
            store.move_import(
                connection,
                locked,
                ImportState.REFUSED,
                refusal=refusal.sentence,
                finished_at=now(),
                seconds=_seconds(seconds),
            )
            audit.record(
                connection,
                self._scope,
                "intake.import_refused",
                "import",
                self._import.id,
                {"sentence": refusal.sentence},
            )

    def cancel(self, seconds: float) -> None:
        """End the import as it was asked, unless somebody else has taken it over."""
        with self._database.transaction(self._scope) as connection:
            try:
                locked = self._locked(connection)
            except _SupersededError:
                return
            store.drop_changes(connection, self._import.id)
            store.move_import(
                connection, locked, ImportState.CANCELLED, finished_at=now(), seconds=_seconds(seconds)
            )
            audit.record(
                connection,
                self._scope,
                "intake.import_cancelled",
                "import",
                self._import.id,
                {"asked_by": locked.cancel_asked_by_name},
            )

    def clean_up(self) -> None:
        """Drop what only this run needed; a run that could not is followed by one that does."""
        self._children.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        with self._database.transaction(self._scope) as connection:
            if store.import_by_id(connection, self._import.id, lock=True).runs == self._number:
                drop_staging(connection, self._staging)


def _said(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a person said of the file's contents, as the checks take it."""
    said: dict[str, Any] = {}
    if "control_total" in options:
        said["control_total"] = Decimal(options["control_total"])
    for name in ("period_from", "period_to"):
        if name in options:
            said[name] = date.fromisoformat(options[name])
    return said


def _earlier_file(found: FileImport, currency: str | None) -> data_checks.EarlierFile:
    """Return what an earlier file held: all its good rows, those that were there already included."""
    reading = found.reading or {}
    amounts = reading.get("net_minor", {})
    code = currency or next(iter(amounts), None)
    rows = found.rows or 0
    return data_checks.EarlierFile(
        rows=rows,
        net_amount=Decimal(amounts.get(code, 0)).scaleb(-minor_digits(code)) if code else Decimal(0),
        quarantine_share=(found.quarantined or 0) / rows if rows else 0.0,
        companies=reading.get("companies"),
    )
