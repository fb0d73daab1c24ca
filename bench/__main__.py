"""Every benchmark, one after the other: `python -m bench [--rows N]`. `make bench` runs it."""

import argparse

from bench import claims, import_sales, pages, queries, replica, settle


def main() -> None:
    """Run them all with this many rows; the workbook has a fifth of them, because its peer reads for minutes."""
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    import_sales.main(["--rows", str(rows)])
    import_sales.main(["--rows", str(max(1, rows // 5)), "--bad", "0.01", "--format", "xlsx"])
    pages.main(["--rows", str(max(1, rows // 5))])
    claims.main(["--claims", str(max(100, rows // 10))])
    settle.main(["--rows", str(rows), "--peer-rows", str(max(1, rows // 5))])
    replica.main(["--rows", str(rows)])
    queries.main(["--rows", str(rows), "--inside", str(rows * 10)])


if __name__ == "__main__":
    main()
