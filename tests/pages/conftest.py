"""The world behind the pages: made once, copied for every module."""

import functools
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from streamlit.components.v2 import manifest_scanner

from loyalty_core import access
from loyalty_core.access import Role
from loyalty_core.analytics import Replica, current_replica, use_replica
from loyalty_core.kernel import Runtime, Settings, use_runtime
from tests.access.people import EVERYTHING, PASSWORD
from tests.databases import TestServer, database_of
from tests.pages.world import COMMAND_LINE, World, make_world
from tests.replicas import catch_up, replica_over


@pytest.fixture(scope="session", autouse=True)
def _one_look_at_what_is_installed() -> Iterator[None]:
    """Let Streamlit look for components among all installed packages once, and not for every `AppTest`."""
    with pytest.MonkeyPatch.context() as patch:
        look = manifest_scanner.scan_component_manifests
        patch.setattr(manifest_scanner, "scan_component_manifests", functools.cache(look))
        yield


@dataclass(frozen=True)
class MadeWorld:
    """A world to copy: its database, to which nobody is connected, its files, and the ids of what is in it."""

    database_name: str
    home: Path
    ids: dict[str, UUID]


@pytest.fixture(scope="session")
def made_world(server: TestServer, warm_checks: None) -> Iterator[MadeWorld]:
    """The world that modules get copies of."""
    owner_url = server.new_database()
    home = Path(tempfile.mkdtemp(prefix="l-", dir="/tmp"))
    database = database_of(owner_url)
    made = make_world(database, Settings(home=home, database_url=None))
    database.close()
    ids = {name: getattr(made, name) for name in ("accepted", "held", "refused", "new_file")}
    yield MadeWorld(server.name_of(owner_url), home, ids)
    server.drop_database(owner_url)
    shutil.rmtree(home)


@pytest.fixture(scope="module")
def world(server: TestServer, made_world: MadeWorld) -> Iterator[World]:
    """A world of the module's own; what a test changes there, later ones see.

    The process has a replica of it, as of now: `catch_up(current_replica(), world.database)` brings what came later.
    """
    owner_url = server.new_database(made_world.database_name)
    home = Path(tempfile.mkdtemp(prefix="l-", dir="/tmp"))
    shutil.copytree(made_world.home, home, dirs_exist_ok=True)
    database, settings = database_of(owner_url), Settings(home=home, database_url=None)
    use_runtime(Runtime(database, settings))
    try:
        with replica_over(database):
            yield World(database, settings, **made_world.ids)
    finally:
        use_runtime(None)
        database.close()
        server.drop_database(owner_url)
        shutil.rmtree(home)


@pytest.fixture(scope="module")
def _empty_world(
    server: TestServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, Replica]]:
    owner_url = server.new_database()
    database = database_of(owner_url)
    access.create_user(
        database,
        COMMAND_LINE,
        name=Role.ADMIN.value,
        display_name="Admin",
        password=PASSWORD,
        roles=[Role.ADMIN],
        grants=EVERYTHING,
    )
    nothing = UUID(int=0)
    settings = Settings(home=tmp_path_factory.mktemp("empty"), database_url=None)
    replica = Replica(database)
    catch_up(replica, database)
    yield World(database, settings, nothing, nothing, nothing, nothing), replica
    replica.close()
    database.close()
    server.drop_database(owner_url)


@pytest.fixture
def world_without_data(world: World, _empty_world: tuple[World, Replica]) -> Iterator[World]:
    """A migrated database with an administrator and nothing else; to look at, as a module's tests share it."""
    empty, its_replica = _empty_world
    replica = current_replica()
    use_runtime(Runtime(empty.database, empty.settings))
    use_replica(its_replica)
    yield empty
    use_replica(replica)
    use_runtime(Runtime(world.database, world.settings))
