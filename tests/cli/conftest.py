"""A home for the commands of a module."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command_line import CommandLine
from tests.server.homes import fast_server, fresh_home


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A home whose server stays up between the commands."""
    with fresh_home() as made:
        server = fast_server(made)
        server.hold()
        yield made
        server.release()


@pytest.fixture
def laurel(home: Path, tmp_path: Path) -> CommandLine:
    """The command in an empty folder."""
    return CommandLine(home, tmp_path)
