"""A file of a source that is known is recognised; what can't be read is noticed."""

from loyalty_core.intake import guess_mapping, load_shipped_mapping, reads_date, reads_number
from loyalty_core.sales import SALES_COLUMNS

ONLINE_RETAIL = load_shipped_mapping("online-retail")
HEADER = [
    "invoiceno",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
]


def test_a_known_source_is_recognised_whatever_the_order_and_case_of_its_headers() -> None:
    guess = guess_mapping(list(reversed(HEADER)), [], SALES_COLUMNS, [ONLINE_RETAIL])
    assert guess.known is ONLINE_RETAIL
    assert guess.columns["invoice_no"] == "invoiceno"
    assert guess.date_formats == ONLINE_RETAIL.date_formats


def test_a_file_that_lacks_a_header_of_the_source_is_not_taken_for_it() -> None:
    guess = guess_mapping(HEADER[:-1], [], SALES_COLUMNS, [ONLINE_RETAIL])
    assert guess.known is None
    assert guess.columns["company_code"] == "CustomerID"


def test_what_cannot_be_read_is_noticed() -> None:
    assert reads_number("1.234,50", ",", ".")
    assert not reads_number("abc", ".", None)
    assert not reads_number("1,234.50", ".", None)
    assert not reads_number("NaN", ".", None)
    assert reads_date("31.01.2026", ("%Y-%m-%d", "%d.%m.%Y"))
    assert not reads_date("01/31/2026", ("%d/%m/%Y",))
