"""The peer of settlement: line after line scored in Python and posted by executemany, with idempotency keys.

Double entry with a running balance, as short as it gets: no lots, no versions, no row security. Prints one JSON
object.
"""

import argparse
import json
import os
import time

import psycopg

_LINES_PER_TRANSACTION = 10_000
_TABLES = """
drop table if exists naive_posting, naive_entry, naive_account;
create table naive_account (company_id uuid primary key, balance bigint not null);
create table naive_posting (key text primary key, company_id uuid, points bigint);
create table naive_entry (id bigint generated always as identity primary key, posting_key text, account text,
    points bigint);
"""


def points_of(amount_minor: int) -> int:
    """One point for each whole ten of the amount, toward zero."""
    tens = abs(amount_minor) // 1000
    return tens if amount_minor >= 0 else -tens


def main() -> None:
    """Settle the first lines and print how many, their points, and the seconds from reading to the last commit."""
    parser = argparse.ArgumentParser()
    parser.add_argument("lines", type=int)
    arguments = parser.parse_args()
    points_in_all = 0
    source_url, target_url = os.environ["BENCH_SOURCE_URL"], os.environ["BENCH_TARGET_URL"]
    with psycopg.connect(source_url) as source, psycopg.connect(target_url) as target:
        target.execute(_TABLES)
        companies = source.execute("select id, 0 from company").fetchall()
        target.cursor().executemany("insert into naive_account values (%s, %s)", companies)
        target.commit()
        begun = time.perf_counter()
        lines = source.execute(
            "select id, company_id, amount_minor from sales_line order by id limit %s", [arguments.lines]
        ).fetchall()
        for start in range(0, len(lines), _LINES_PER_TRANSACTION):
            part = lines[start : start + _LINES_PER_TRANSACTION]
            scored = [(f"base:{line}", company, points_of(amount)) for line, company, amount in part]
            posted = [row for row in scored if row[2] != 0]
            points_in_all += sum(points for _key, _company, points in posted)
            with target.cursor() as cursor:
                cursor.executemany(
                    "insert into naive_posting values (%s, %s, %s) on conflict (key) do nothing", posted
                )
                cursor.executemany(
                    "insert into naive_entry (posting_key, account, points) values (%s, %s, %s)",
                    [
                        leg
                        for key, company, points in posted
                        for leg in ((key, str(company), points), (key, "issued", -points))
                    ],
                )
                cursor.executemany(
                    "update naive_account set balance = balance + %s where company_id = %s",
                    [(points, company) for _key, company, points in posted],
                )
            target.commit()
        seconds = time.perf_counter() - begun
    print(json.dumps({"lines": len(lines), "points": points_in_all, "seconds": seconds}))


if __name__ == "__main__":
    main()
