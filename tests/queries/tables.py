"""Input tables for queries, built from small lists, and the rows that a query makes of them.

The tables have the names and columns of the replica's views. What a row doesn't name is null, except ids.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import duckdb
import polars as pl

from loyalty_core.analytics.views import FOLDED
from loyalty_core.kernel import PROJECT_FOLDER
from queries import load_query

QUERIES = PROJECT_FOLDER / "queries"

COLUMNS = {
    "region": "id uuid, code varchar, name varchar, parent_id uuid",
    "company": "id uuid, code varchar, name varchar, kind varchar, region_id uuid, salesperson_id uuid,"
    " distributor_id uuid",
    "product": "id uuid, code varchar, name varchar, brand varchar, product_group varchar",
    "participant": "id uuid, code varchar, company_id uuid, participant_group varchar, is_owner boolean,"
    " state varchar, registered_at timestamptz",
    "participant_person": "participant_id uuid, company_id uuid, display_name varchar",
    "app_user": "id uuid, display_name varchar",
    "sales_line": "id bigint, company_id uuid, region_id uuid, product_id uuid, invoice_no varchar,"
    " quantity decimal(18, 4), amount_minor bigint, currency varchar, sold_on date, sold_at timestamptz,"
    " import_id uuid, sheet varchar, row_no bigint, reverses_id bigint",
    "award": "id bigint, sales_line_id bigint, claim_number bigint, programme_id uuid, company_id uuid,"
    " points bigint, basis_minor bigint, happened_on date, rule_id varchar",
    "account": "id uuid, programme_id uuid, kind varchar, owner_id uuid, company_id uuid, balance bigint",
    "claim": "number bigint, claim_no varchar, programme_id uuid, company_id uuid, participant_id uuid,"
    " state varchar, product_code varchar, quantity decimal(18, 4), sold_on date, recorded_at timestamptz,"
    " decided_at timestamptz, sales_line_id bigint, approved_quantity decimal(18, 4)",
    "claim_verdict": "id bigint, claim_number bigint, programme_id uuid, company_id uuid, verdict varchar,"
    " sales_line_id bigint, proposed_invoice_no varchar, judged_at timestamptz",
    "claim_decision": "id bigint, claim_number bigint, revision integer, programme_id uuid, company_id uuid,"
    " kind varchar, sales_line_id bigint, quantity decimal(18, 4), is_by_rule boolean,"
    " decided_at timestamptz",
    "reward": "id uuid, programme_id uuid, code varchar, name varchar, category varchar, kind varchar,"
    " points bigint, cost_minor bigint, stock bigint, state varchar",
    "reward_order": "id uuid, number bigint, programme_id uuid, company_id uuid, participant_id uuid,"
    " requested_by uuid, reward_id uuid, points bigint, cost_minor bigint, currency varchar, budget_id uuid,"
    " state varchar, ordered_at timestamptz, decided_at timestamptz",
    "budget": "id uuid, programme_id uuid, region_id uuid, starts_on date, ends_on date, currency varchar,"
    " set_minor bigint, reserved_minor bigint, spent_minor bigint",
    "budget_movement": "id bigint, budget_id uuid, region_id uuid, kind varchar, amount_minor bigint,"
    " recorded_at timestamptz, set_after_minor bigint, reserved_after_minor bigint, spent_after_minor bigint",
    "sales_day": "sold_on date, company_id uuid, product_id uuid, currency varchar, lines bigint,"
    " return_lines bigint, quantity decimal(18, 4), amount_minor bigint, returned_minor bigint",
    "award_day": "happened_on date, company_id uuid, product_id uuid, programme_id uuid, points_earned bigint,"
    " points_taken bigint",
    "sales_company_day": "sold_on date, company_id uuid, currency varchar, lines bigint, return_lines bigint,"
    " amount_minor bigint, returned_minor bigint",
    "award_company_day": "happened_on date, company_id uuid, programme_id uuid, points_earned bigint,"
    " points_taken bigint",
    "receipt_day": "sold_on date, company_id uuid, currency varchar, receipts bigint",
}

# Coarser roll-ups are made of the finer ones that a test gives.
COARSER = (
    "insert into sales_company_day select sold_on, company_id, currency, sum(lines), sum(return_lines),"
    " sum(amount_minor), sum(returned_minor) from sales_day group by sold_on, company_id, currency",
    "insert into award_company_day select happened_on, company_id, programme_id, sum(points_earned),"
    " sum(points_taken) from award_day group by happened_on, company_id, programme_id",
)

Row = Mapping[str, object]
Tables = Mapping[str, Sequence[Row]]


def name_id(name: str) -> UUID:
    """Return the id that stands for a name in these tests: the same for the same name."""
    return UUID(bytes=name.encode().ljust(16, b"\0")[:16])


def parameters_of(query: str) -> list[str]:
    """Return the names of the parameters that a query's file describes."""
    text = (QUERIES / f"{query}.sql").read_text(encoding="utf-8")
    return re.findall(r"^--   (\w+) \S", text.partition("-- parameters:")[2], flags=re.MULTILINE)


def rows_of(query: str, tables: Tables, **parameters: object) -> list[dict[str, Any]]:
    """Return what the query makes of the tables; a described parameter that is not given is null."""
    names = parameters_of(query)
    unknown = set(parameters) - set(names)
    assert not unknown, f"{query} describes no parameter {unknown}"
    text = load_query(query).sql
    with duckdb.connect() as connection:
        connection.execute(f"create macro {FOLDED}")
        for table, columns in COLUMNS.items():
            connection.execute(f"create table {table} ({columns})")
            for row in tables.get(table, ()):
                connection.execute(
                    f"insert into {table} ({', '.join(row)}) values ({', '.join('?' * len(row))})",
                    [*row.values()],
                )
        for statement in COARSER:
            connection.execute(statement)
        asked = connection.sql(text, params={name: parameters.get(name) for name in names})
        return pl.DataFrame(asked.to_arrow_table()).to_dicts()


def table_of(rows: Sequence[Mapping[str, Any]], *columns: str) -> list[tuple[Any, ...]]:
    """Return the rows' values in these columns."""
    return [tuple(row[column] for column in columns) for row in rows]
