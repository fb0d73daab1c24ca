"""Settlement of generated lines: Laurel's command beside scoring and posting line by line.

    python -m bench.settle --rows 1000000 --peer-rows 200000

The peer's cost is the same for each line, so it may settle fewer; the points are compared company by company
over the lines that both settled.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import psycopg

from bench.generate import write_csv
from bench.workshop import LAUREL, Workshop, same, tell, workshop

_GOAL = 10.0
_LINES_PER_SECOND = 400_000
_PROGRAMME = """\
code: bench
name: Bench
starts: 2024-01-01
ends: 2024-12-31
currency: GBP
collects: company
rules:
  - id: base
    per: line
    award: {points: 1, per_amount: 10.00}
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(prog="bench.settle")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--peer-rows", type=int, default=200_000)
    options = parser.parse_args(arguments)
    with workshop() as place:
        document = place.folder / "bench.yaml"
        document.write_text(_PROGRAMME)
        place.run([LAUREL, "programme", "apply", document, "--json"])
        # A first settlement without a line compiles the modules.
        settle: list[str | Path] = [LAUREL, "settle", "--programme", "bench", "--json"]
        place.run(settle)
        path = write_csv(place.folder / "sales.csv", options.rows)
        place.run([sys.executable, "-m", "bench.laurel_import", path], {"BENCH_URL": place.owner_url})
        ours, whole_seconds = place.run(settle)
        again, _ = place.run(settle)
        same("points of a second settlement", [again["points"], again["postings"]], [0, 0])
        peer, _ = place.run(
            [sys.executable, "-m", "bench.naive_settle", str(options.peer_rows)],
            {"BENCH_SOURCE_URL": place.owner_url, "BENCH_TARGET_URL": place.peer_url},
        )
        _compare(place, peer["lines"])
        speed = ours["lines"] / float(ours["seconds"])
        tell(
            f"Settlement of {ours['lines']:,} lines into {ours['awards']:,} awards",
            speed,
            peer["lines"] / peer["seconds"],
            unit="lines/s",
            goal=_GOAL,
        )
        verdict = "met" if speed >= _LINES_PER_SECOND else "missed"
        print(
            f"    goal {_LINES_PER_SECOND:,} lines/s {verdict}; command from start to exit {whole_seconds:.2f} s"
        )


def _compare(place: Workshop, lines: int) -> None:
    with psycopg.connect(place.owner_url) as connection:
        ours = connection.execute(
            "select company_id, sum(points) from award where sales_line_id in"
            " (select id from sales_line order by id limit %s)"
            " group by company_id having sum(points) <> 0 order by company_id",
            [lines],
        ).fetchall()
    with psycopg.connect(place.peer_url) as connection:
        theirs = connection.execute(
            "select company_id, balance from naive_account where balance <> 0 order by company_id"
        ).fetchall()
    same("points by company", ours, theirs)


if __name__ == "__main__":
    main()
