"""Import of generated sales: Laurel, through its command and in a warm process, beside the naive chain.

    python -m bench.import_sales --rows 1000000 --bad 0 0.01 0.05 --format csv

Each file is imported by each into an empty table of the same server, one after the other, all in one run. Compared
are lines and net amounts company by company, and the rejected rows one by one, each with its reasons.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg

from bench.generate import write_csv, write_xlsx
from bench.phase_log import PhaseLog
from bench.workshop import LAUREL, Workshop, same, tell, workshop

GOALS = {"csv": 10.0, "xlsx": 5.0}
_CHECKS_AT_MOST = 1 / 3
_ROWS_TO_COMPILE_MODULES = 100
# A row's number in the file, the header's being 1, and its reasons by the alphabet.
_REJECTED = (
    'select row_no, array(select one.reason from unnest(reasons) as one (reason) order by one.reason collate "C")'
    " from {} order by row_no"
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(prog="bench.import_sales")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--bad", type=float, nargs="+", default=[0.0, 0.01, 0.05])
    parser.add_argument("--format", choices=sorted(GOALS), default="csv")
    parser.add_argument("--cold", action="store_true", help="don't compile the modules first: times mislead")
    options = parser.parse_args(arguments)
    with workshop() as place:
        if not options.cold:
            small = _file(place, options.format, _ROWS_TO_COMPILE_MODULES, 0.0)
            for step in (_peer, _by_command, _warm):
                step(place, small)
        for share in options.bad:
            compare(place, _file(place, options.format, options.rows, share), share)


def compare(place: Workshop, path: Path, share: float) -> None:
    """Import one file three times and print the figures."""
    peer, peer_seconds = _peer(place, path)
    command_seconds, phases = _by_command(place, path)
    warm = _warm(place, path)
    title = f"Import of {peer['rows']:,} rows, {path.suffix[1:]}, {share:.0%} bad"
    goal = GOALS[path.suffix[1:]]
    tell(f"{title}, command from start to exit", command_seconds, peer_seconds, goal=goal)
    tell(f"{title}, warm process", warm["seconds"], peer["seconds"], goal=goal)
    whole = sum(phases.values())
    parts = ", ".join(f"{phase} {seconds:.2f}" for phase, seconds in phases.items())
    print(f"    phases of the command, s: {parts}; all of it {command_seconds:.2f}")
    checks = phases.get("checks", 0.0) + phases.get("rules", 0.0)
    verdict = "met" if checks <= whole * _CHECKS_AT_MOST else "missed"
    print(f"    row rules and checks: {checks / whole:.0%} of the phases, goal 33% {verdict}")
    print(f"    the peer, s: read {peer['read']:.2f}, judge {peer['judge']:.2f}, write {peer['write']:.2f}")
    print(
        f"    peak memory, MB: Laurel {warm['peak_mb']} and its reader {warm['children_peak_mb']},"
        f" peer {peer['peak_mb']}",
        flush=True,
    )


def _file(place: Workshop, kind: str, rows: int, share: float) -> Path:
    path = place.folder / f"sales-{rows}-{share}.{kind}"
    return (write_csv if kind == "csv" else write_xlsx)(path, rows, bad_share=share)


def _by_command(place: Workshop, path: Path) -> tuple[float, dict[str, float]]:
    _empty(place)
    log = place.folder / "phases"
    log.unlink(missing_ok=True)
    with PhaseLog(log) as phases:
        answer, seconds = place.run(
            [
                LAUREL,
                "import",
                path,
                "--dataset",
                "sales",
                "--mapping",
                "online-retail",
                "--create-missing",
                "--json",
            ],
            {"LAUREL_PHASE_LOG": str(log)},
        )
    _compare_with_peer(place, answer)
    return seconds, phases.seconds()


def _warm(place: Workshop, path: Path) -> dict[str, Any]:
    _empty(place)
    answer, _seconds = place.run(
        [sys.executable, "-m", "bench.laurel_import", path], {"BENCH_URL": place.owner_url}
    )
    _compare_with_peer(place, answer)
    return answer


def _peer(place: Workshop, path: Path) -> tuple[dict[str, Any], float]:
    return place.run([sys.executable, "-m", "bench.naive_import", path], {"BENCH_URL": place.peer_url})


def _empty(place: Workshop) -> None:
    with psycopg.connect(place.owner_url, autocommit=True) as connection:
        # Without the imports too: a suite compares a file with the source's earlier ones.
        connection.execute("truncate sales_line, quarantined_row, file_import cascade")
        connection.execute("checkpoint")


def _compare_with_peer(place: Workshop, answer: dict[str, Any]) -> None:
    """Compare what stands in both databases, company by company."""
    same("status", [answer["status"]], ["accepted"])
    with psycopg.connect(place.peer_url) as connection:
        theirs = connection.execute(
            "select company_code, count(*), cast(sum(amount) * 100 as bigint) from naive_line"
            ' group by company_code order by company_code collate "C"'
        ).fetchall()
        their_rejected = connection.execute(_REJECTED.format("naive_quarantine")).fetchall()
    with psycopg.connect(place.owner_url) as connection:
        ours = connection.execute(
            "select company.code, count(*), cast(sum(amount_minor) as bigint) from sales_line"
            " join company on company.id = sales_line.company_id"
            ' group by company.code order by company.code collate "C"'
        ).fetchall()
        our_rejected = connection.execute(_REJECTED.format("quarantined_row")).fetchall()
    same("lines and net amounts by company", ours, theirs)
    same("rejected rows and their reasons", our_rejected, their_rejected)
    same("rejected rows", [answer["quarantined"]], [len(their_rejected)])
    same("reasons", sorted(answer["reasons"].items()), sorted(Counter(_reasons(their_rejected)).items()))
    same("accepted rows", [answer["accepted"]], [sum(row[1] for row in theirs)])


def _reasons(rejected: Iterable[tuple[int, list[str]]]) -> Iterator[str]:
    return (reason for _row_no, reasons in rejected for reason in reasons)


if __name__ == "__main__":
    main()
