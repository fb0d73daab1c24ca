"""The peer of the import: the short chain that a competent person writes with the usual libraries.

pandas (openpyxl for a workbook) reads, great-expectations judges every row with COMPLETE results, executemany
writes. It knows nothing of repeats, scopes, audit or recovery. Prints one JSON object.
"""

import argparse
import json
import os
import resource
import time
from typing import Any

import great_expectations as gx
import pandas as pd
import psycopg

_COLUMNS = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
)
_TABLES = """
drop table if exists naive_line, naive_quarantine;
create table naive_line (
    id bigint generated always as identity primary key, invoice_no text, product_code text, product_name text,
    quantity numeric, sold_at timestamp, unit_price numeric, company_code text, region text,
    amount numeric(18, 2));
create table naive_quarantine (row_no bigint, reasons text[]);
"""


def read(path: str) -> Any:
    """Return the file as a frame whose index is the row number in the sheet."""
    texts = {"InvoiceNo": str, "StockCode": str, "CustomerID": str}
    if path.endswith(".xlsx"):
        frame = pd.read_excel(path, engine="openpyxl", dtype=texts)
    else:
        frame = pd.read_csv(path, dtype=texts)
    frame.index += 2
    frame["Quantity"] = pd.to_numeric(frame["Quantity"], errors="coerce")
    frame["UnitPrice"] = pd.to_numeric(frame["UnitPrice"], errors="coerce")
    frame["InvoiceDate"] = pd.to_datetime(frame["InvoiceDate"], format="%Y-%m-%d %H:%M", errors="coerce")
    return frame


def judge(frame: Any) -> dict[int, list[str]]:
    """Return the reasons of every bad row, by row number."""
    expect = gx.expectations
    rules = {
        "missing_company": expect.ExpectColumnValuesToNotBeNull(column="CustomerID"),
        "unreadable_quantity": expect.ExpectColumnValuesToNotBeNull(column="Quantity"),
        "unreadable_sold_at": expect.ExpectColumnValuesToNotBeNull(column="InvoiceDate"),
        "negative_price": expect.ExpectColumnValuesToBeBetween(column="UnitPrice", min_value=0),
        "zero_quantity": expect.ExpectColumnValuesToNotBeInSet(column="Quantity", value_set=[0]),
    }
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("files").add_dataframe_asset("file")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    reasons: dict[int, list[str]] = {}
    for reason, rule in rules.items():
        result = batch.validate(rule, result_format="COMPLETE")
        for row_no in result.result["unexpected_index_list"] or []:
            reasons.setdefault(row_no, []).append(reason)
    return reasons


def write(frame: Any, reasons: dict[int, list[str]], url: str) -> None:
    """Insert the good rows as lines and the bad ones with their reasons."""
    good = frame.drop(index=list(reasons))[list(_COLUMNS)]
    good["Amount"] = (good["Quantity"] * good["UnitPrice"]).round(2)
    good = good.astype(object).where(good.notna(), None)
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(_TABLES)
        cursor.executemany(
            "insert into naive_line (invoice_no, product_code, product_name, quantity, sold_at, unit_price,"
            " company_code, region, amount) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            good.itertuples(index=False, name=None),
        )
        cursor.executemany("insert into naive_quarantine values (%s, %s)", list(reasons.items()))


def main() -> None:
    """Import a file and print what came of it and how long each step took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    arguments = parser.parse_args()
    begun = time.perf_counter()
    frame = read(arguments.path)
    has_read = time.perf_counter()
    reasons = judge(frame)
    has_judged = time.perf_counter()
    write(frame, reasons, os.environ["BENCH_URL"])
    has_written = time.perf_counter()
    counts: dict[str, int] = {}
    for row_reasons in reasons.values():
        for reason in row_reasons:
            counts[reason] = counts.get(reason, 0) + 1
    print(
        json.dumps(
            {
                "rows": len(frame),
                "accepted": len(frame) - len(reasons),
                "quarantined": len(reasons),
                "reasons": counts,
                "read": has_read - begun,
                "judge": has_judged - has_read,
                "write": has_written - has_judged,
                "seconds": has_written - begun,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
