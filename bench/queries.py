"""Every query of `queries/` on the replica, beside the same SQL on PostgreSQL.

    python -m bench.queries --rows 10000000 --inside 100000000

At `--rows` both hold the same lines, which the replica pulled; PostgreSQL has Laurel's indexes, and views that give
its tables the replica's names and columns. It has no roll-ups: there they are views over the lines and awards. A
query that PostgreSQL does not finish in `--patience` seconds counts with that time; where it does, its rows must be
the replica's. At `--inside` lines the replica
fills itself, for PostgreSQL would need hours. Each query is asked with the widest parameters, by one who sees
everything and then by a head of sales of one region in twenty; the best of three runs counts as warm.
"""

import argparse
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from bench.market import fill, fill_inside
from bench.workshop import Workshop, same, workshop
from laurel.embedded import app_url
from laurel.replica_facts import FACT_TABLES
from loyalty_core.analytics import Replica, register_fact_tables
from loyalty_core.kernel import ActorKind, Database, Scope
from queries import Kind, Query, load_query, query_names

_GOAL_MS = 200
_GOAL_RATIO = 10
_EVERYTHING = Scope.of_system("bench")
# These take aggregates of DuckDB's own.
_NOT_PORTABLE = {"budget_burn_down", "participants"}

_PEER_ROLL_UPS = """
create view peer.sales_day as
    select sold_on, company_id, product_id, currency, count(*) as lines,
        count(*) filter (where quantity < 0) as return_lines, sum(quantity) as quantity,
        sum(amount_minor) as amount_minor,
        coalesce(-sum(amount_minor) filter (where quantity < 0), 0) as returned_minor
    from peer.sales_line group by sold_on, company_id, product_id, currency;
create view peer.award_day as
    select happened_on, company_id, product_id, programme_id,
        coalesce(sum(points) filter (where points > 0), 0) as points_earned,
        coalesce(-sum(points) filter (where points < 0), 0) as points_taken
    from peer.award group by happened_on, company_id, product_id, programme_id;
create view peer.sales_company_day as
    select sold_on, company_id, currency, count(*) as lines,
        count(*) filter (where quantity < 0) as return_lines, sum(amount_minor) as amount_minor,
        coalesce(-sum(amount_minor) filter (where quantity < 0), 0) as returned_minor
    from peer.sales_line group by sold_on, company_id, currency;
create view peer.award_company_day as
    select happened_on, company_id, programme_id,
        coalesce(sum(points) filter (where points > 0), 0) as points_earned,
        coalesce(-sum(points) filter (where points < 0), 0) as points_taken
    from peer.award group by happened_on, company_id, programme_id;
create view peer.receipt_day as
    select sold_on, company_id, currency, count(*) as receipts
    from (
        select distinct on (company_id, invoice_no) company_id, sold_on, currency
        from peer.sales_line order by company_id, invoice_no, sold_on, id
    ) as first_lines
    group by sold_on, company_id, currency;
create function peer.list_contains(anycompatiblearray, anycompatible) returns boolean language sql immutable
    as 'select $2 = any($1)';
create function peer.contains(text, text) returns boolean language sql immutable as 'select strpos($1, $2) > 0';
create domain peer.double as double precision;
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(prog="bench.queries")
    parser.add_argument("--rows", type=int, default=1_000_000, help="lines in both; 0: leave PostgreSQL out")
    parser.add_argument("--inside", type=int, default=0, help="lines that the replica makes itself; 0: none")
    parser.add_argument("--patience", type=int, default=30)
    options = parser.parse_args(arguments)
    register_fact_tables(FACT_TABLES)
    if options.rows:
        with workshop() as place:
            programme = fill(place.owner_url, options.rows)
            with _replica(place, place.folder / "replica.duckdb") as replica:
                replica.refresh()
                _prepare_peer(place)
                _measure(replica, programme, options.rows, place, options.patience)
    if options.inside:
        with workshop() as place:
            programme = fill(place.owner_url, 0)
            with _replica(place, place.folder / "replica.duckdb") as replica:
                replica.refresh()
                begun = time.perf_counter()
                with replica._cursor() as cursor:
                    fill_inside(cursor, options.inside, programme)
                    ((lines, rolled_up, days),) = cursor.execute(
                        "select (select count(*) from raw.sales_line), sum(lines), count(*) from raw.sales_day"
                    ).fetchall()
                same("lines made, and those in the roll-up", [lines, rolled_up], [options.inside] * 2)
                print(
                    f"{options.inside:,} lines made in {time.perf_counter() - begun:,.0f} s; sales_day {days:,} rows"
                )
                _measure(replica, programme, options.inside, None, options.patience)


@contextmanager
def _replica(place: Workshop, path: Path) -> Iterator[Replica]:
    """A replica over the workshop's database, closed at the end."""
    database = Database(app_url(place.owner_url))
    made = Replica(database, path)
    try:
        yield made
    finally:
        made.close()
        database.close()


def _prepare_peer(place: Workshop) -> None:
    with psycopg.connect(place.owner_url, autocommit=True) as connection:
        connection.execute("create schema peer")
        for table in FACT_TABLES:
            selected = ", ".join(
                f"{table.read_as.get(name, f'{table.name}.{name}')} as {name}" for name in table.columns
            )
            view = (
                f"create view peer.{table.name} as select {selected} from public.{table.name} {table.joins}"
            )
            connection.execute(view.encode())
        connection.execute(_PEER_ROLL_UPS)


def _measure(replica: Replica, programme: UUID, rows: int, peer: Workshop | None, patience: int) -> None:
    ours: list[float] = []
    ratios: list[float] = []
    narrow = _head_of_sales(replica)
    for name in query_names():
        query = load_query(name)
        values = _values(query, replica, programme)
        mine, cold, rows_of_ours = _ask(replica, _EVERYTHING, query, values)
        of_region, _, _ = _ask(replica, narrow, query, values)
        ours.append(mine)
        told = (
            f"{name}: {mine * 1000:,.0f} ms warm, {cold * 1000:,.0f} ms first,"
            f" {of_region * 1000:,.0f} ms for a region"
        )
        if peer is not None and name in _NOT_PORTABLE:
            told += "; not portable to PostgreSQL"
        elif peer is not None:
            theirs, rows_of_theirs = _ask_peer(peer, query, values, patience)
            if rows_of_theirs is not None:
                _compare(name, rows_of_ours, rows_of_theirs)
            ratios.append(theirs / mine)
            told += f"; PostgreSQL {theirs * 1000:,.0f} ms: {theirs / mine:,.0f}×"
        print(told, flush=True)
    p95 = statistics.quantiles(ours, n=20)[18] * 1000
    slow = sum(seconds * 1000 > _GOAL_MS for seconds in ours)
    print(
        f"At {rows:,} lines: median {statistics.median(ours) * 1000:,.0f} ms, p95 of the queries {p95:,.0f} ms,"
        f" {slow} of {len(ours)} above {_GOAL_MS} ms"
    )
    if ratios:
        print(
            f"    against PostgreSQL: median {statistics.median(ratios):,.0f}×,"
            f" {sum(ratio < _GOAL_RATIO for ratio in ratios)} of {len(ratios)} below {_GOAL_RATIO}×"
        )


def _compare(name: str, ours: Sequence[Sequence[Any]], theirs: Sequence[Sequence[Any]]) -> None:
    """Raise DifferentAnswersError unless both gave the same rows, in whatever order."""
    if name.endswith("_roughly"):
        # An estimate on our side, exact on the other.
        same(f"number of rows of {name}", [len(ours)], [len(theirs)])
    else:
        same(f"rows of {name}", sorted(map(_plain, ours)), sorted(map(_plain, theirs)))


def _plain(row: Sequence[Any]) -> tuple[str, ...]:
    """Return the values as texts that don't tell how each side keeps a number or an id."""
    return tuple(
        f"{float(value):.10g}"
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        else str(value)
        for value in row
    )


def _ask(
    replica: Replica, scope: Scope, query: Query, values: Mapping[str, object]
) -> tuple[float, float, Sequence[Sequence[Any]]]:
    """Return the seconds of the best of three runs, and of the first, and the rows."""
    taken = []
    for _run in range(3):
        begun = time.perf_counter()
        answer = replica.read(scope, query, values)
        taken.append(time.perf_counter() - begun)
    return min(taken), taken[0], answer.rows()


def _ask_peer(
    place: Workshop, query: Query, values: Mapping[str, object], patience: int
) -> tuple[float, Sequence[Sequence[Any]] | None]:
    """Return the seconds that PostgreSQL needed and its rows; None instead where `patience` seconds were not enough."""
    # It has no sketches, so there the counts that DuckDB gives roughly are exact ones.
    sql = query.sql.replace("%", "%%").replace("approx_count_distinct(", "count(distinct ")
    for parameter in sorted(query.parameters, key=lambda one: -len(one.name)):
        kind = {Kind.DECIMAL: "numeric"}.get(parameter.kind, parameter.kind.value)
        place_holder = f"cast(%({parameter.name})s as {kind}{'[]' if parameter.is_list else ''})"
        sql = sql.replace(f"${parameter.name}", place_holder)
    with psycopg.connect(place.owner_url, autocommit=True) as connection:
        connection.execute("set search_path = peer, public")
        connection.execute(f"set statement_timeout = '{patience}s'".encode())
        begun = time.perf_counter()
        try:
            rows = connection.execute(sql.encode(), dict(values)).fetchall()
        except psycopg.errors.QueryCanceled:
            return float(patience), None
        return time.perf_counter() - begun, rows


def _one(replica: Replica, sql: str) -> object:
    with replica._cursor() as cursor:
        rows = cursor.execute(sql).fetchall()
    return rows[0][0]


def _head_of_sales(replica: Replica) -> Scope:
    region = _one(replica, "select id from raw.region order by code limit 1")
    assert isinstance(region, UUID)
    return Scope(ActorKind.USER, "head of sales", region_ids=frozenset({region}))


_CHOSEN: Mapping[str, object] = {
    "since": date(2025, 10, 1),
    "until": date(2026, 9, 30),
    "before_since": date(2024, 10, 1),
    "before_until": date(2025, 9, 30),
    "year_since": date(2024, 10, 1),
    "year_until": date(2025, 9, 30),
    "today": date(2026, 10, 20),
    "on_day": date(2026, 10, 20),
    "currency": "EUR",
    "time_zone": "Europe/Warsaw",
    "bucket": "month",
    "dimension": "company",
    "collects": "participant",
    "days": 60,
    "limit": 50,
    "offset": 0,
    "words": "",
}


def _values(query: Query, replica: Replica, programme: UUID) -> dict[str, object]:
    values: dict[str, object] = {}
    for parameter in query.parameters:
        if parameter.name in ("programme_id", "budget_id"):
            values[parameter.name] = programme
        elif parameter.name in _CHOSEN:
            values[parameter.name] = _CHOSEN[parameter.name]
        elif parameter.name in ("product_group", "brand") and "receipts_of_products" in query.name:
            # These are asked only for a part of the products.
            values[parameter.name] = "Brand 1" if parameter.name == "brand" else None
        elif parameter.may_be_null:
            values[parameter.name] = None
        elif parameter.is_list:
            values[parameter.name] = []
        elif parameter.kind is Kind.ID:
            values[parameter.name] = _one(replica, "select id from raw.company order by code limit 1")
        elif parameter.kind is Kind.FLAG:
            values[parameter.name] = False
        else:
            values[parameter.name] = "" if parameter.kind is Kind.TEXT else 10
    return values


if __name__ == "__main__":
    main()
