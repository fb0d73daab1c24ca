"""What the tests of this folder share: the sales columns, a reading, its rows as a person would list them."""

import csv
import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from loyalty_core.intake.mapping import ColumnKind, ColumnMapping, DatasetColumn, DatasetColumns
from loyalty_core.intake.reading import ReadLimits, ReadResult, read_file

REAL_DATA = Path(__file__).parents[3] / "shared" / "data" / "online-retail"
needs_real_data = pytest.mark.skipif(
    not REAL_DATA.is_dir(), reason="the real transactions are not beside the project (../shared/data)"
)

SALES = DatasetColumns(
    "sales",
    (
        DatasetColumn("company_code", required=True),
        DatasetColumn("company_name"),
        DatasetColumn("region"),
        DatasetColumn("outlet_code"),
        DatasetColumn("invoice_no", required=True),
        DatasetColumn("line_no"),
        DatasetColumn("product_code", required=True),
        DatasetColumn("product_name"),
        DatasetColumn("brand"),
        DatasetColumn("product_group"),
        DatasetColumn("sold_at", ColumnKind.TIMESTAMP, required=True),
        DatasetColumn("quantity", ColumnKind.NUMBER, required=True),
        DatasetColumn("unit_price", ColumnKind.NUMBER),
        DatasetColumn("amount", ColumnKind.NUMBER),
        DatasetColumn("currency"),
    ),
)

SMALL = DatasetColumns(
    "small",
    (
        DatasetColumn("code", required=True),
        DatasetColumn("note"),
        DatasetColumn("quantity", ColumnKind.NUMBER),
        DatasetColumn("sold_at", ColumnKind.TIMESTAMP),
        DatasetColumn("currency"),
    ),
)

SMALL_MAPPING = ColumnMapping(
    name="small",
    dataset="small",
    columns={"code": "Code", "note": "Note", "quantity": "Qty", "sold_at": "When"},
    date_formats=("%Y-%m-%d %H:%M", "%Y-%m-%d"),
    currency="GBP",
    time_zone="Europe/London",
)


@dataclass(frozen=True)
class Row:
    """One canonical row, read back from a part as COPY would."""

    row_no: int
    sheet: str | None
    cells: dict[str, str | None]
    unreadable: dict[str, str] | None

    def number(self, column: str) -> Decimal | None:
        cell = self.cells[column]
        return None if cell is None else Decimal(cell)

    def time(self, column: str) -> datetime | None:
        cell = self.cells[column]
        return None if cell is None else datetime.fromisoformat(cell)


def rows_of(result: ReadResult) -> list[Row]:
    """Every row of the parts, in the order of the file."""
    rows = []
    for part in result.parts:
        with part.open(encoding="utf-8", newline="") as file:
            for record in csv.reader(file):
                named = dict(zip(result.columns, (cell or None for cell in record), strict=True))
                unreadable = named.pop("unreadable")
                row_no = named.pop("row_no")
                assert row_no is not None
                rows.append(
                    Row(
                        int(row_no), named.pop("sheet"), named, json.loads(unreadable) if unreadable else None
                    )
                )
    assert len(rows) == result.rows
    return sorted(rows, key=lambda row: row.row_no)


def read_small(
    folder: Path,
    content: bytes | str,
    *,
    file_name: str = "small.csv",
    limits: ReadLimits | None = None,
    careful: bool = False,
    **changes: object,
) -> list[Row]:
    """Read a small file with `SMALL_MAPPING`, changed as told."""
    return rows_of(
        read_small_result(folder, content, file_name=file_name, limits=limits, careful=careful, **changes)
    )


def read_small_result(
    folder: Path,
    content: bytes | str,
    *,
    file_name: str = "small.csv",
    limits: ReadLimits | None = None,
    careful: bool = False,
    **changes: object,
) -> ReadResult:
    """Read a small file with `SMALL_MAPPING`, changed as told, and return what reading says of it."""
    path = folder / "upload"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    mapping = ColumnMapping.model_validate({**SMALL_MAPPING.model_dump(), **changes})
    return read_file(
        path, file_name, mapping, SMALL, folder / "parts", limits=limits or ReadLimits(), careful=careful
    )
