"""Databases of both PostgreSQL versions that the wheel carries."""

import shutil
from collections.abc import Iterator

import pytest

from tests.databases import TestServer, home_of_a_server


@pytest.fixture(scope="session")
def server_16() -> Iterator[TestServer]:
    """A PostgreSQL 16 of this test process's own."""
    home = home_of_a_server()
    made = TestServer(home, postgres_version=16)
    yield made
    made.release()
    shutil.rmtree(home)


@pytest.fixture(
    params=[
        pytest.param(18, id="PostgreSQL 18"),
        # All of it again on the older version.
        pytest.param(16, id="PostgreSQL 16", marks=pytest.mark.slow),
    ]
)
def any_server(request: pytest.FixtureRequest) -> TestServer:
    """A server of each version in turn."""
    made: TestServer = request.getfixturevalue("server" if request.param == 18 else "server_16")
    return made


@pytest.fixture
def any_owner_url(any_server: TestServer) -> Iterator[str]:
    """The owner's URL of a fresh migrated database, of each version in turn."""
    url = any_server.new_database()
    yield url
    any_server.drop_database(url)
