"""What every test may ask for."""

import atexit
import logging
import os
import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog
from xdist.remote import Producer
from xdist.scheduler import LoadGroupScheduling

import data_checks
from laurel.embedded import app_url
from loyalty_core.access import commands as access_commands
from loyalty_core.analytics import Replica
from loyalty_core.kernel import PROJECT_FOLDER, Database, Scope
from tests.databases import RolledBackDatabase, TestServer, database_of, home_of_a_server
from tests.replicas import replica_over

# How fast examples come depends on the machine and says nothing of Laurel.
hypothesis.settings.register_profile(
    "laurel", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("laurel")

# What goes as planned would bury, in the report of a test that fails, what did not.
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))

REAL_DATA = PROJECT_FOLDER.parent / "shared" / "data" / "online-retail"


class _FailuresAtOnce:
    """Names a failed test when it fails: of a long run that is cut off one knows at least which."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal = terminal

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._terminal.write_line(f"\nfailed: {report.nodeid} ({report.when})")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Tell of failures where the whole run is reported, not in each of its processes."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if hasattr(config, "workerinput"):
        # The last thing of all that a test process does, once its results are handed over: it ends without taking
        # the modules down. DuckDB's extension reports its own constants as leaked when that comes, and its report
        # would stand below the result.
        atexit.register(os._exit, 0)
    elif terminal is not None:
        config.pluginmanager.register(_FailuresAtOnce(terminal))


class _ModulesTogether(LoadGroupScheduling):  # type: ignore[misc]  # xdist has no types
    """Keeps a module's tests in one process, in their order, so that what they share is made once.

    A module may name a group, to share more.
    """

    def _split_scope(self, nodeid: str) -> str:
        group = super()._split_scope(nodeid)
        return nodeid.partition("::")[0] if group == nodeid else str(group)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadGroupScheduling:
    """Distribute modules, or the groups they name, over the processes, in the order of their tests."""
    config.option.loadscopereorder = False
    return _ModulesTogether(config, log)


# About how many seconds a test takes that asks for this, beside one that takes a twentieth.
_SECONDS_WITH = {"owner_url": 0.8, "world": 0.2, "browser": 2.0, "web": 0.3}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let what is distributed as a whole and takes longest begin first, so that no process works alone at the end."""

    def together(item: pytest.Item) -> str:
        group = item.get_closest_marker("xdist_group")
        return str(group.args[0]) if group else item.nodeid.partition("::")[0]

    seconds: dict[str, float] = defaultdict(float)
    for item in items:
        asked_for = getattr(item, "fixturenames", ())
        is_slow = item.get_closest_marker("slow") is not None
        seconds[together(item)] += (5.0 if is_slow else 0.05) + sum(
            taken for name, taken in _SECONDS_WITH.items() if name in asked_for
        )
    items.sort(key=lambda item: (-seconds[together(item)], together(item)))


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> Iterator[int]:
    """Hash the passwords of the people in tests as quickly as bcrypt can; yields how many rounds are usual.

    What a password costs outside of tests, `tests/access/test_passwords.py` asks of a process of its own.
    """
    usual = access_commands.BCRYPT_ROUNDS
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(access_commands, "BCRYPT_ROUNDS", 4)
        yield usual


@pytest.fixture
def usual_password_cost(_quick_passwords: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords in this test as outside of tests."""
    monkeypatch.setattr(access_commands, "BCRYPT_ROUNDS", _quick_passwords)


@pytest.fixture(scope="session")
def warm_checks() -> None:
    """Load what judges imports once in this process, rather than in a child of each import."""
    data_checks.warm_up()


@pytest.fixture(scope="session")
def server() -> Iterator[TestServer]:
    """A PostgreSQL 18 of this test process's own.

    One for all processes would not do: a replica is behind as long as any transaction of its server is open, and
    most tests are inside of one from beginning to end.
    """
    home = home_of_a_server()
    made = TestServer(home)
    yield made
    made.release()
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def _shared_database_url(server: TestServer) -> str:
    return server.new_database()


@pytest.fixture
def database(_shared_database_url: str) -> Iterator[Database]:
    """The application's database, in a transaction that is rolled back after the test."""
    made = RolledBackDatabase(app_url(_shared_database_url))
    yield made
    made.close()


@pytest.fixture
def owner_url(server: TestServer) -> Iterator[str]:
    """The owner's URL of a fresh database of the test's own."""
    url = server.new_database()
    yield url
    server.drop_database(url)


@pytest.fixture
def committed_database(owner_url: str, warm_checks: None) -> Iterator[Database]:
    """A fresh database with real commits, for races, processes and imports, whose checks are loaded already."""
    made = database_of(owner_url)
    yield made
    made.close()


@pytest.fixture
def replica(committed_database: Database) -> Iterator[Replica]:
    """The process's replica, over `committed_database`; `tests.replicas.catch_up` brings what came later."""
    with replica_over(committed_database) as made:
        yield made


@pytest.fixture
def everything() -> Scope:
    """A scope that sees all."""
    return Scope.of_system("test")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real transactions beside the project."""
    if not REAL_DATA.exists():
        pytest.skip("the real transactions do not lie beside the project (../shared/data/online-retail)")
    return REAL_DATA
