"""What the README tells a newcomer to type works as it stands there, and what it points at is there."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from laurel.embedded import embedded_server
from loyalty_core.kernel import PROJECT_FOLDER

README = (PROJECT_FOLDER / "README.md").read_text(encoding="utf-8")
DOCUMENTS = ["README.md", "CHANGELOG.md", "docs/decisions/README.md", "docs/intake-and-verification.md"]


@pytest.fixture
def newcomers_checkout(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A copy of the project with its packages installed, and a home of its own; its path must be short."""
    checkout = tmp_path / "laurel"
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=PROJECT_FOLDER, check=True, capture_output=True, text=True
    ).stdout.split("\0")
    for name in filter(None, tracked):
        if (PROJECT_FOLDER / name).exists():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PROJECT_FOLDER / name, checkout / name)
    (checkout / ".venv").symlink_to(sys.prefix)
    home = Path(tempfile.mkdtemp(prefix="l-", dir="/tmp"))
    yield checkout, home
    shutil.rmtree(home)


@pytest.mark.slow
def test_the_commands_for_ones_own_file_can_be_copied_as_they_stand(
    newcomers_checkout: tuple[Path, Path],
) -> None:
    checkout, home = newcomers_checkout
    said = ""
    # The copy's packages come before those that are installed.
    environment = os.environ | {"LAUREL_HOME": str(home), "PYTHONPATH": str(checkout)}
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 6
    # Held, so that not every command starts it and stops it again.
    with embedded_server(home):
        for block in blocks:
            done = subprocess.run(
                ["/bin/sh", "-e", "-c", block], cwd=checkout, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr
            said += done.stdout
    assert "spring is now at version 1" in said
    assert "5 rows, 4 accepted, 1 quarantined" in said
    first, second = re.findall(r"^ +\d  100\d .*$", said, re.MULTILINE)
    assert re.fullmatch(r" +1  1002 +Bridge Stores +15 +148.50 EUR", first)
    assert re.fullmatch(r" +2  1001 +Corner Shop Ltd +9 +106.80 EUR", second)
    assert "BROKEN" not in said


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_into_the_project_leads_somewhere(document: str) -> None:
    text = (PROJECT_FOLDER / document).read_text(encoding="utf-8")
    named = re.findall(r"\]\(([^)#]+)\)", text) + re.findall(r'(?:src|srcset)="([^"]+)"', text)
    targets = [target for target in named if "://" not in target]
    missing = [
        target for target in targets if not (PROJECT_FOLDER / document).parent.joinpath(target).exists()
    ]
    assert missing == []


def test_the_index_of_decisions_names_them_all() -> None:
    folder = PROJECT_FOLDER / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    unnamed = [path.name for path in folder.glob("*.md") if f"]({path.name})" not in index]
    assert unnamed == ["README.md"]
