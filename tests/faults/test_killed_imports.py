"""An import is killed with -9 in each of its phases, again and again; afterwards it stands once, complete."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bench.generate import write_csv
from bench.phase_log import PhaseLog
from laurel.embedded import app_url
from laurel.registers import DATASETS
from loyalty_core.intake import drop_orphaned_staging, load_shipped_mapping, receive_local_file, start_import
from loyalty_core.kernel import Database, Scope, Settings, new_id
from tests.faults.killing import (
    Books,
    Home,
    Moment,
    import_of,
    running_home,
    settled,
    wait_for,
    was_killed_in,
)
from tests.server.homes import fast_server, kill_postmaster

Undisturbed = tuple[Books, dict[str, object]]

pytestmark = pytest.mark.slow

# An import that was begun five times is given up, so no test kills one more often than that.
BEFORE_INSERT = [Moment("parse"), Moment("copy"), Moment("rules"), Moment("checks")]
FROM_INSERT_ON = [Moment("insert"), Moment("insert", seconds=0.15), Moment("commit")]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Large enough that each phase lasts longer than a look at the log takes."""
    return write_csv(tmp_path_factory.mktemp("faults") / "sales.csv", 60_000, bad_share=0.02)


@pytest.fixture
def home() -> Iterator[Home]:
    """A home of the test's own."""
    with running_home() as made:
        yield made


@pytest.fixture(scope="module")
def undisturbed(file: Path) -> Undisturbed:
    """What the file comes to, and its settlement, when nothing happens."""
    with running_home() as made:
        made.answer(*import_of(file))
        return Books.of(made), settled(made)


def assert_stands_once(home: Home, undisturbed: Undisturbed, *, may_be_repeated: bool = False) -> None:
    """Compare with the undisturbed run. A repeat of a committed import adds its own quarantine and nothing else."""
    # Whoever is killed right after the commit leaves staging tables; the worker's hourly round drops them.
    database = Database(app_url(fast_server(home.folder).url))
    drop_orphaned_staging(database)
    database.close()
    books = Books.of(home)
    expected, settlement = undisturbed
    imports = books.imports["accepted"]
    assert imports == 1 or may_be_repeated
    assert books == replace(
        expected, imports={"accepted": imports}, quarantined=expected.quarantined * imports
    )
    assert settled(home) == settlement
    again = home.answer("settle", "--programme", "faults")
    assert (again["points"], again["postings"]) == (0, 0)


@pytest.mark.parametrize("moments", [BEFORE_INSERT, FROM_INSERT_ON], ids=["before-insert", "from-insert-on"])
def test_an_import_whose_command_is_killed_in_each_phase_ends_once_when_it_is_asked_for_again(
    home: Home, file: Path, undisturbed: Undisturbed, moments: Sequence[Moment]
) -> None:
    for moment in moments:
        home.phase_log.unlink(missing_ok=True)
        with PhaseLog(home.phase_log) as log:
            process = home.start(*import_of(file))
            wait_for(moment, log, process)
            process.kill()
            process.communicate()
        assert was_killed_in(moment, log), (moment, log.events)
        if moment.phase != "commit":
            assert Books.of(home).lines == 0
    answer = home.answer(*import_of(file))
    assert answer["status"] == "accepted"
    # A kill at the commit may come after it; then the repeat finds every line there already.
    repeated = answer["accepted"] == 0
    assert not repeated or moments is FROM_INSERT_ON
    assert_stands_once(home, undisturbed, may_be_repeated=repeated)


@pytest.mark.parametrize("moments", [BEFORE_INSERT, FROM_INSERT_ON], ids=["before-insert", "from-insert-on"])
def test_an_import_whose_database_is_killed_in_each_phase_ends_once_when_it_is_asked_for_again(
    home: Home, file: Path, undisturbed: Undisturbed, moments: Sequence[Moment]
) -> None:
    for moment in moments:
        home.phase_log.unlink(missing_ok=True)
        with PhaseLog(home.phase_log) as log:
            process = home.start(*import_of(file), "--json")
            wait_for(moment, log, process)
            kill_postmaster(home.folder)
            answer, complaint = process.communicate(timeout=120)
        if moment.phase == "commit" and process.returncode == 0:
            # The commit had come through.
            assert json.loads(answer)["status"] == "accepted"
        else:
            assert process.returncode == 1
            assert answer == ""
            assert "Traceback" not in complaint
            assert "Run the same command again" in complaint
    answer_again = home.answer(*import_of(file))
    assert answer_again["status"] == "accepted"
    assert_stands_once(home, undisturbed, may_be_repeated=answer_again["accepted"] == 0)


@pytest.mark.parametrize("moments", [BEFORE_INSERT, FROM_INSERT_ON], ids=["before-insert", "from-insert-on"])
def test_an_import_whose_worker_is_killed_in_each_phase_is_ended_once_by_the_next_worker(
    home: Home, file: Path, undisturbed: Undisturbed, moments: Sequence[Moment]
) -> None:
    url = app_url(fast_server(home.folder).url)
    database, settings, scope = Database(url), Settings(home.folder, None), Scope.of_command_line()
    start_import(
        database,
        scope,
        file_id=receive_local_file(database, settings, scope, file),
        mapping=load_shipped_mapping("online-retail"),
        datasets=DATASETS,
        creates_missing=True,
        request_key=new_id(),
    )
    database.close()
    for moment in moments:
        home.phase_log.unlink(missing_ok=True)
        with PhaseLog(home.phase_log) as log:
            worker = home.start_worker(url)
            wait_for(moment, log, worker)
            worker.kill()
            worker.wait()
        assert was_killed_in(moment, log), (moment, log.events)
    worker = home.start_worker(url)
    deadline = time.monotonic() + 120
    while Books.of(home).imports != {"accepted": 1}:
        assert time.monotonic() < deadline, (home.folder / "worker.log").read_text()
        time.sleep(0.3)
    worker.terminate()
    worker.wait(timeout=30)
    assert_stands_once(home, undisturbed)


def test_after_everything_was_killed_at_once_the_next_command_recovers_and_ends_the_import(
    home: Home, file: Path, undisturbed: Undisturbed
) -> None:
    with PhaseLog(home.phase_log) as log:
        process = home.start(*import_of(file))
        wait_for(Moment("insert", seconds=0.1), log, process)
        process.kill()
        kill_postmaster(home.folder)
        process.communicate()
    assert home.answer(*import_of(file))["status"] == "accepted"
    assert_stands_once(home, undisturbed)


def test_a_killed_command_leaves_no_process_behind(home: Home, file: Path) -> None:
    with PhaseLog(home.phase_log) as log:
        process = home.start(*import_of(file))
        wait_for(Moment("parse", seconds=0.05), log, process)
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.communicate()
    assert children
    _gone, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []
