"""Every file of `queries/` runs on the replica as it is, and names nothing but its views."""

import re

import duckdb
import pytest

from loyalty_core.analytics import Replica, registered_fact_tables, run_query
from loyalty_core.analytics.views import FOLDED, ROLL_UPS
from loyalty_core.kernel import Scope
from queries import load_query, query_names
from tests.analytics.asking import some_values

VIEWS = {table.name for table in registered_fact_tables()} | {one.name for one in ROLL_UPS}
# Functions that read something else than what the query names, or what belongs to the session.
FORBIDDEN = re.compile(
    r"(?<!\$)\b(raw|getvariable|setvariable|query|query_table|current_setting|information_schema|pg_catalog|sqlite_\w+"
    r"|duckdb_\w+|pragma_\w+|read_\w+|parquet_\w+|glob|current_date|now|today|get_current_\w+|current_timestamp"
    r"|seen_\w+)\b",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    """An empty DuckDB, which knows the replica's own function as every query does."""
    made = duckdb.connect()
    made.execute(f"create macro {FOLDED}")
    return made


def sql_alone(name: str) -> str:
    """Return a query without comments and quoted texts."""
    sql = re.sub(r"--[^\n]*", "", load_query(name).sql)
    return re.sub(r"'(?:[^']|'')*'", "''", sql)


@pytest.mark.parametrize("name", query_names())
def test_a_query_is_one_select_from_views_alone(name: str, engine: duckdb.DuckDBPyConnection) -> None:
    (statement,) = engine.extract_statements(load_query(name).sql)
    assert statement.type is duckdb.StatementType.SELECT
    named = engine.get_table_names(re.sub(r"\$\w+", "null", sql_alone(name)), qualified=True)
    assert named
    assert {table.partition(" ")[0] for table in named} <= VIEWS
    assert FORBIDDEN.search(sql_alone(name)) is None


def test_what_a_query_may_not_name_is_found() -> None:
    for told in ("select * from raw.sales_line", "select getvariable('regions')", "select now()"):
        assert FORBIDDEN.search(told)


def test_every_query_runs_before_there_is_any_data(replica: Replica, everything: Scope) -> None:
    for name in query_names():
        values = some_values(load_query(name))
        assert run_query(everything, name, values).height >= 0
        nobody = Scope(everything.actor_kind, "nobody", programme_ids=frozenset())
        assert run_query(nobody, name, values).height >= 0
