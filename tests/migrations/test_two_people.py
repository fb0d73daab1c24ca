"""Whoever decides is known and is another than who asked: every CHECK of the catalogue that says so is tried."""

from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg import sql

from laurel.registers import DATASETS
from laurel.tables import metadata
from loyalty_core.intake import TWO_PEOPLE_DATASETS, RecordsDataset

pytestmark = pytest.mark.xdist_group("migrations")

MAKERS = ("asked_by", "proposed_by", "requested_by")
ONE, OTHER = "0190f3a0-0000-7000-8000-000000000001", "0190f3a0-0000-7000-8000-000000000002"


class Decision(NamedTuple):
    """A row of a table as it is when a second person has decided: which column names the maker, and the rest."""

    maker: str
    values: dict[str, str]


DECISIONS = {
    "budget_change": [Decision("asked_by", {"state": state}) for state in ("approved", "rejected")],
    "claim_proposal": [Decision("proposed_by", {"outcome": how}) for how in ("agreed", "disagreed")],
    "company_registration": [Decision("requested_by", {"state": "approved"})],
    "participant": [Decision("requested_by", {"state": "active"})],
    "reward_order": [Decision("requested_by", {"state": state}) for state in ("approved", "rejected")],
    "file_import": [
        Decision("requested_by", {"state": "accepted", "mode": "update", "dataset": name, "changed": "1"})
        for name in TWO_PEOPLE_DATASETS
    ],
}


def checks_of(owner: "psycopg.Connection[Any]") -> dict[str, tuple[str, bool]]:
    """Return the condition of every two-people CHECK by its table, and whether all rows were held against it."""
    found = owner.execute(
        "select conrelid::regclass::text, pg_get_expr(conbin, conrelid), convalidated from pg_constraint"
        " where contype = 'c' and conname like '%two\\_people'"
    )
    return {table: (holds, is_validated) for table, holds, is_validated in found}


def holds(
    owner: "psycopg.Connection[Any]", table: str, condition: str, values: dict[str, str | None]
) -> object:
    """Return what the condition says of a row with these values and nothing else: a CHECK passes true and NULL."""
    columns = owner.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = %s::regclass"
        " and attnum > 0 and not attisdropped",
        [table],
    ).fetchall()
    row = sql.SQL(", ").join(
        sql.SQL("{}::{} as {}").format(
            sql.Literal(values.get(name)),
            sql.SQL(kind),
            sql.Identifier(name),
        )
        for name, kind in columns
    )
    return owner.execute(
        sql.SQL("select ({condition}) from (select {row}) r").format(condition=sql.SQL(condition), row=row)
    ).fetchall()[0][0]


def test_every_two_people_check_of_the_catalogue_demands_a_decider_who_is_another(any_owner_url: str) -> None:
    with psycopg.connect(any_owner_url) as owner:
        checks = checks_of(owner)
        assert set(checks) == set(DECISIONS), "a new table says here what a decision looks like in it"
        for table, (condition, is_validated) in checks.items():
            assert is_validated, table
            for maker, values in DECISIONS[table]:

                def tried(
                    asker: str | None,
                    decider: str | None,
                    *,
                    of: tuple[str, str, str, dict[str, str]] = (table, condition, maker, values),
                ) -> object:
                    name, said, column, rest = of
                    return holds(owner, name, said, {**rest, column: asker, "decided_by": decider})

                assert tried(ONE, OTHER) is True, (table, values)
                assert tried(ONE, ONE) is False, (table, values)
                # NULL would pass: nobody known decided.
                assert tried(ONE, None) is False, (table, values)
                assert tried(None, None) is False, (table, values)
                assert tried(None, OTHER) is True, (table, values)


def test_every_table_with_somebody_who_asks_and_somebody_who_decides_has_the_check(
    any_owner_url: str,
) -> None:
    with psycopg.connect(any_owner_url) as owner:
        checks = set(checks_of(owner))
    both = {
        table.name
        for table in metadata.tables.values()
        if "decided_by" in table.columns and {*MAKERS} & set(table.columns.keys())
    }
    assert both == checks


def test_every_dataset_that_changes_companies_or_people_takes_two_people() -> None:
    changing = {
        name
        for name, dataset in DATASETS.items()
        if isinstance(dataset, RecordsDataset) and dataset.records.held in ("company", "participant")
    }
    assert changing == set(TWO_PEOPLE_DATASETS)
