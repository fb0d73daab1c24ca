"""Every query says what it answers, its grain and its parameters, and is tried on tables with exact rows."""

import re

import pytest

from loyalty_core.kernel import PROJECT_FOLDER
from tests.queries.tables import QUERIES, parameters_of

NAMES = sorted(path.stem for path in QUERIES.glob("*.sql"))
TESTS = "\n".join(
    path.read_text(encoding="utf-8") for path in (PROJECT_FOLDER / "tests" / "queries").glob("test_*.py")
)


@pytest.mark.parametrize("name", NAMES)
def test_a_query_describes_itself_and_is_tried(name: str) -> None:
    text = (QUERIES / f"{name}.sql").read_text(encoding="utf-8")
    assert re.match(r"-- [A-Z]", text)
    assert re.search(r"^-- grain: \S", text, flags=re.MULTILINE)
    sql = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    assert set(re.findall(r"\$(\w+)", sql)) == set(parameters_of(name))
    assert "current_date" not in sql
    assert re.search(rf'"{name.removesuffix("_roughly")}[{{"]', TESTS), f"no test names {name}"
