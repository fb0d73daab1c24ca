"""The world behind the pages, made once a module."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from loyalty_core import access
from loyalty_core.access import Role
from loyalty_core.kernel import Runtime, Settings, use_runtime
from tests.access.people import EVERYTHING, PASSWORD
from tests.databases import TestServer, database_of
from tests.pages.world import COMMAND_LINE, World, make_world
from tests.replicas import replica_over


@pytest.fixture(scope="module")
def world(server: TestServer) -> Iterator[World]:
    """A world of the module's own; what a test changes there, later ones see.

    The process has a replica of it, as of now: `catch_up(current_replica(), world.database)` brings what came later.
    """
    owner_url = server.new_database()
    home = Path(tempfile.mkdtemp(prefix="l-", dir="/tmp"))
    database, settings = database_of(owner_url), Settings(home=home, database_url=None)
    use_runtime(Runtime(database, settings))
    try:
        made = make_world(database, settings)
        with replica_over(database):
            yield made
    finally:
        use_runtime(None)
        database.close()
        server.drop_database(owner_url)
        shutil.rmtree(home)


@pytest.fixture
def world_without_data(server: TestServer, world: World) -> Iterator[World]:
    """A migrated database with an administrator and nothing else."""
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
    use_runtime(Runtime(database, world.settings))
    nothing = UUID(int=0)
    with replica_over(database):
        yield World(database, world.settings, nothing, nothing, nothing, nothing)
    use_runtime(Runtime(world.database, world.settings))
    database.close()
    server.drop_database(owner_url)
