"""Every benchmark, one after the other, or those that are named: `python -m bench [NAME ...] [--rows N] [--small]`.

`make bench` runs them all. With `--small` each takes seconds and its figures mean nothing: what counts is that it runs
to its end, and that Laurel and its peer come to the same.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench import claims, import_sales, pages, queries, replica, settle


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark's own main, its arguments for so many rows, and its arguments where it is to be small."""

    main: Callable[[Sequence[str]], None]
    usual: Callable[[int], Sequence[str]]
    small: Sequence[str]


BENCHMARKS: Mapping[str, Benchmark] = {
    "import-csv": Benchmark(
        import_sales.main,
        lambda rows: ["--rows", str(rows)],
        ["--rows", "2000", "--bad", "0.05", "--cold"],
    ),
    # A fifth of the rows, because its peer reads for minutes.
    "import-xlsx": Benchmark(
        import_sales.main,
        lambda rows: ["--rows", str(max(1, rows // 5)), "--bad", "0.01", "--format", "xlsx"],
        ["--rows", "500", "--bad", "0.05", "--format", "xlsx", "--cold"],
    ),
    "pages": Benchmark(
        pages.main,
        lambda rows: ["--rows", str(max(1, rows // 5))],
        [
            "--rows",
            "1000",
            "--files",
            "2",
            "--people",
            "3",
            "--think",
            "0.2",
            "--seconds",
            "3",
            "--each",
            "0",
        ],
    ),
    "claims": Benchmark(
        claims.main,
        lambda rows: ["--claims", str(max(100, rows // 10))],
        ["--claims", "600", "--sample", "200", "--generated-only"],
    ),
    "settle": Benchmark(
        settle.main,
        lambda rows: ["--rows", str(rows), "--peer-rows", str(max(1, rows // 5))],
        ["--rows", "2000", "--peer-rows", "500"],
    ),
    "replica": Benchmark(
        replica.main, lambda rows: ["--rows", str(rows)], ["--rows", "4000", "--seconds", "4"]
    ),
    "queries": Benchmark(
        queries.main,
        lambda rows: ["--rows", str(rows), "--inside", str(rows * 10)],
        ["--rows", "4000", "--inside", "4000"],
    ),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmarks; whatever raises, different results included, ends it."""
    parser = argparse.ArgumentParser(prog="bench", description="How fast Laurel is, beside its peers.")
    parser.add_argument("name", nargs="*", help=f"which; all where none is named: {', '.join(BENCHMARKS)}")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--small", action="store_true", help="only to see that each still runs; no --rows")
    options = parser.parse_args(arguments)
    if unknown := set(options.name) - set(BENCHMARKS):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    for name in options.name or BENCHMARKS:
        one = BENCHMARKS[name]
        one.main(one.small if options.small else one.usual(options.rows))


if __name__ == "__main__":
    main()
