"""Mappings: what they allow, what ships, what is guessed."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from loyalty_core.intake.guessing import suggest_mapping
from loyalty_core.intake.mapping import (
    ColumnMapping,
    MappingFileError,
    MappingIncompleteError,
    UnknownMappingError,
    load_mapping,
    load_shipped_mapping,
    shipped_mapping_names,
)
from loyalty_core.kernel import write_csv, write_xlsx
from tests.intake_reading.files import SALES, SMALL_MAPPING, read_small


def test_the_shipped_mapping_fills_what_sales_need() -> None:
    mapping = load_shipped_mapping("online-retail")
    mapping.check_against(SALES)
    assert mapping.columns["company_code"] == "CustomerID"
    assert (mapping.currency, mapping.time_zone) == ("GBP", "Europe/London")
    assert shipped_mapping_names() == ["claims", "online-retail", "online-retail-claims"]


def test_an_unknown_name_is_told_the_known_ones() -> None:
    with pytest.raises(
        UnknownMappingError,
        match=r"There is no mapping “x/\.\./y”\. Known ones: claims, online-retail, online-retail-claims",
    ):
        load_shipped_mapping("x/../y")


def test_a_mapping_without_a_required_column_is_refused_by_name() -> None:
    mapping = ColumnMapping(
        name="half",
        dataset="sales",
        columns={"company_code": "C"},
        date_formats=("%Y-%m-%d",),
        time_zone="UTC",
    )
    with pytest.raises(MappingIncompleteError, match="invoice_no, product_code, sold_at, quantity"):
        mapping.check_against(SALES)


def test_a_mapping_that_fills_a_column_unknown_to_the_dataset_is_refused() -> None:
    columns = {**load_shipped_mapping("online-retail").columns, "colour": "Colour"}
    mapping = load_shipped_mapping("online-retail").model_copy(update={"columns": columns})
    with pytest.raises(MappingIncompleteError, match="fills colour"):
        mapping.check_against(SALES)


@pytest.mark.parametrize(
    "change",
    [
        {"time_zone": "Europe/Atlantis"},
        {"time_zone": "../../etc/passwd"},
        {"currency": "pounds"},
        {"date_formats": ["day"]},
        {"date_formats": []},
        {"decimal_separator": ",", "thousands_separator": ","},
        {"columns": {}},
        {"optional": ["unknown"]},
        {"optional": sorted(SMALL_MAPPING.columns)},
        {"columns": {"code": "  "}},
        {"encoding": "klingon"},
        {"unknown": 1},
    ],
)
def test_what_a_mapping_cannot_mean_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ColumnMapping.model_validate({**SMALL_MAPPING.model_dump(), **change})


def test_the_real_headers_are_guessed_right() -> None:
    headers = [
        "InvoiceNo",
        "StockCode",
        "Description",
        "Quantity",
        "InvoiceDate",
        "UnitPrice",
        "CustomerID",
        "Country",
    ]
    rows = [
        ["536365", "85123A", "WHITE HEART", "6", "2010-12-01 08:26", "2.55", "17850", "United Kingdom"],
        ["536366", "71053", "LANTERN", "8", "2010-12-01 08:28", "3.39", "", "France"],
    ]
    guess = suggest_mapping(headers, rows, SALES, currency="GBP", time_zone="Europe/London")
    shipped = load_shipped_mapping("online-retail")
    assert guess.mapping is not None
    assert guess.mapping.columns == shipped.columns
    assert guess.date_formats == ("%Y-%m-%d %H:%M",)
    assert guess.missing == ()
    assert min(guess.confidence.values()) > 0.8


def test_formats_are_guessed_from_the_cells_and_what_is_missing_is_named() -> None:
    headers = ["Date", "Article no", "Qty", "Net value", "Store", "Remarks"]
    rows = [
        ["31.12.2011", "A1", "1.234,5", "12,50", "S1", "2011"],
        ["01.02.2011", "A2", "7", "1.000,00", "S2", ""],
    ]
    guess = suggest_mapping(headers, rows, SALES)
    assert guess.columns == {
        "sold_at": "Date",
        "product_code": "Article no",
        "quantity": "Qty",
        "amount": "Net value",
        "outlet_code": "Store",
    }
    assert (guess.decimal_separator, guess.thousands_separator) == (",", ".")
    assert guess.date_formats == ("%d.%m.%Y",)
    assert guess.mapping is None
    assert guess.missing == ("company_code", "invoice_no")


def test_days_before_months_are_told_apart_by_a_day_above_twelve() -> None:
    rows = [["3/13/2011", "A", "1", "C", "I"], ["3/2/2011", "A", "1", "C", "I"]]
    guess = suggest_mapping(["date", "sku", "qty", "customer", "invoice"], rows, SALES)
    assert guess.date_formats == ("%m/%d/%Y",)


def test_a_mapping_of_ones_own_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "name: mine\ndataset: sales\ncolumns: {company_code: Kunde, quantity: Menge}\n"
        'decimal_separator: ","\ndate_formats: ["%d.%m.%Y"]\ncurrency: EUR\ntime_zone: Europe/Warsaw\n'
    )
    mapping = load_mapping(str(path))
    assert (mapping.name, mapping.columns["quantity"], mapping.decimal_separator) == ("mine", "Menge", ",")
    assert load_mapping("online-retail") == load_shipped_mapping("online-retail")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: [", "while parsing"),
        ("name: mine", "dataset: Field required"),
        ("- 1", "valid dictionary"),
        (
            "name: x\ndataset: sales\ncolumns: {a: b}\ndate_formats: ['%d.%m.%Y']\ntime_zone: Mars/Base",
            "Mars/Base",
        ),
    ],
)
def test_a_file_that_holds_no_mapping_is_told_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(MappingFileError, match="is not a mapping") as refused:
        load_mapping(str(path))
    assert words in refused.value.sentence


def test_a_missing_mapping_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(MappingFileError, match="no such file"):
        load_mapping(str(tmp_path / "none.yml"))


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_header_that_files_may_lack_is_read_where_it_is_and_empty_where_it_is_not(
    tmp_path: Path, kind: str
) -> None:
    for width, note in ((4, "new"), (3, None)):
        path = tmp_path / f"small.{kind}"
        header, line = ["Code", "Qty", "When", "Note"], ["A", "1", "2011-07-03", "new"]
        (write_csv if kind == "csv" else write_xlsx)(path, header[:width], [line[:width]])
        (row,) = read_small(tmp_path, path.read_bytes(), file_name=path.name, optional=["note"])
        assert row.cells["note"] == note
        assert row.cells["code"] == "A"
