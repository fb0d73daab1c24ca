"""Another database beside the usual one."""

from collections.abc import Iterator

import pytest

from loyalty_core.kernel import Database
from tests.databases import TestServer, database_of


@pytest.fixture
def other_database(server: TestServer) -> Iterator[Database]:
    """A second fresh database of the same server."""
    url = server.new_database()
    made = database_of(url)
    yield made
    made.close()
    server.drop_database(url)
