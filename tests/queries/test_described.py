"""Every query says what it answers, its grain and its parameters, and is tried on tables with exact rows."""

import re

import pytest

from loyalty_core.kernel import PROJECT_FOLDER
from queries import QueryFileError, load_query
from queries.loader import parse_query
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
    sql = "\n".join(line for line in load_query(name).sql.splitlines() if not line.startswith("--"))
    assert set(re.findall(r"\$(\w+)", sql)) == set(parameters_of(name))
    assert "current_date" not in sql
    assert re.search(rf'"{name.removesuffix("_roughly")}[{{"]', TESTS), f"no test names {name}"


def test_a_query_begins_with_what_is_shared_and_only_with_what_is_there() -> None:
    head = "-- Claims.\n-- with: {}\n-- grain: one row\n-- parameters:\n"
    asked = "\n".join(
        f"--   {one}"
        for one in ("since date: a", "until date: b", "time_zone varchar: c", "programme_id uuid: d")
    )
    sql = parse_query("told", f"{head.format('told_claims')}{asked}\nselect count(*) as n from told").sql
    assert sql.index("with known as") < sql.index("select count(*) as n from told")
    for name in ("nothing_like_it", "../verdict_claims"):
        with pytest.raises(QueryFileError, match="no shared beginning"):
            parse_query("told", f"{head.format(name)}{asked}\nselect 1")
