"""What each column holds is found whatever the order of columns, the language of headers and the writing of cells."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laurel.registers import DATASETS
from loyalty_core.intake.cells import (
    currency_beside,
    date_formats,
    number_signs,
    plain_letters,
    reads_date,
    reads_number,
)
from loyalty_core.intake.guessing import guess_dataset, guess_mapping, suggest_mapping
from loyalty_core.intake.mapping import ColumnMapping
from loyalty_core.sales import SALES_COLUMNS
from loyalty_core.verification import CLAIMS_COLUMNS

# canonical column: names by language as files have them.
NAMES: dict[str, dict[str, list[str]]] = {
    "company_code": {
        "en": ["Customer ID", "CustomerNo", "Client code", "customer_number", "Partner code"],
        "pl": ["Kod klienta", "Nr klienta", "KOD KONTRAHENTA", "Numer odbiorcy"],
        "sr": ["Šifra kupca", "Sifra partnera", "Шифра купца", "Broj klijenta"],
        "id": ["Kode Pelanggan", "ID Pelanggan", "No. Pelanggan", "kode mitra"],
    },
    "invoice_no": {
        "en": ["Invoice No", "InvoiceNumber", "Document number", "receipt_no"],
        "pl": ["Nr faktury", "Numer dokumentu", "NUMER FAKTURY", "Faktura nr"],
        "sr": ["Broj računa", "Broj fakture", "Број рачуна", "Br. dokumenta"],
        "id": ["No Faktur", "Nomor Faktur", "No. Nota", "nomor dokumen"],
    },
    "product_code": {
        "en": ["StockCode", "Product ID", "Item code", "SKU", "Article number"],
        "pl": ["Kod towaru", "Kod produktu", "Indeks towaru", "Numer artykułu"],
        "sr": ["Šifra artikla", "Šifra proizvoda", "Шифра артикла", "Sifra robe"],
        "id": ["Kode Barang", "Kode Produk", "No Barang", "ID Produk"],
    },
    "quantity": {
        "en": ["Quantity", "Qty", "Units", "Pieces"],
        "pl": ["Ilość", "ILOSC", "Szt.", "Ilość sztuk"],
        "sr": ["Količina", "Kolicina", "Количина", "Kom."],
        "id": ["Jumlah", "Kuantitas", "Jml", "Qty"],
    },
    "sold_at": {
        "en": ["Invoice date", "SaleDate", "Date", "Date of sale"],
        "pl": ["Data sprzedaży", "Data faktury", "DATA", "Data dokumentu"],
        "sr": ["Datum prodaje", "Datum računa", "Датум", "Datum dokumenta"],
        "id": ["Tanggal", "Tgl Penjualan", "Tanggal Faktur", "Tgl"],
    },
    "unit_price": {
        "en": ["Unit price", "Price", "Net price"],
        "pl": ["Cena", "Cena jednostkowa", "Cena netto"],
        "sr": ["Cena", "Jedinična cena", "Цена"],
        "id": ["Harga", "Harga Satuan"],
    },
}
CELLS = {
    "company_code": ["17850", "C-12", "13047"],
    "invoice_no": ["536365", "FV/12/2026", "S-1"],
    "product_code": ["85123A", "71053", "POST"],
    "quantity": ["6", "-2", "12"],
    "sold_at": ["2026-03-01", "2026-03-14", "2026-03-31"],
    "unit_price": ["2.55", "1.85", "10.00"],
}
EVEN = st.sampled_from(["Uwagi", "Napomena", "Catatan", "Remarks", "Comment"])


@settings(max_examples=150)
@given(data=st.data())
def test_columns_are_found_in_any_order_under_names_of_four_languages(data: st.DataObject) -> None:
    language = data.draw(st.sampled_from(["en", "pl", "sr", "id"]))
    columns = data.draw(st.permutations(list(NAMES)))
    headers = [data.draw(st.sampled_from(NAMES[column][language])) for column in columns]
    extra = data.draw(EVEN)
    rows = [[*(CELLS[column][place] for column in columns), "ok"] for place in range(3)]
    guess = suggest_mapping([*headers, extra], rows, SALES_COLUMNS)
    assert guess.columns == dict(zip(columns, headers, strict=True))
    assert guess.missing == ()
    assert guess.mapping is not None


@settings(max_examples=60)
@given(data=st.data())
def test_a_file_of_claims_is_told_from_one_of_sales_in_any_of_the_languages(data: st.DataObject) -> None:
    language = data.draw(st.sampled_from(["en", "pl", "sr", "id"]))
    claim_no = {"en": "Claim no", "pl": "Nr zgłoszenia", "sr": "Broj prijave", "id": "No Klaim"}[language]
    columns = [column for column in NAMES if column != "unit_price"]
    headers = [data.draw(st.sampled_from(NAMES[column][language])) for column in columns]
    rows = [[f"K{place}", *(CELLS[column][place] for column in columns)] for place in range(3)]
    assert guess_dataset([claim_no, *headers], rows, [SALES_COLUMNS, CLAIMS_COLUMNS]) == "claims"
    with_price = [*headers, data.draw(st.sampled_from(NAMES["unit_price"][language]))]
    rows = [[*row[1:], CELLS["unit_price"][place]] for place, row in enumerate(rows)]
    assert guess_dataset(with_price, rows, [SALES_COLUMNS, CLAIMS_COLUMNS]) == "sales"


def test_a_column_of_known_codes_is_found_whatever_its_header_says() -> None:
    header = ["X1", "Customer", "X2", "Invoice", "Date", "Qty"]
    rows = [
        ["K-7", "Zenith Ltd", "P-1", "1", "2026-03-01", "1"],
        ["K-9", "Nadir", "P-2", "2", "2026-03-14", "2"],
    ]
    codes = {"company": {"K-7", "K-9"}, "product": {"P-1", "P-2"}, "participant": set[str]()}
    guess = suggest_mapping(header, rows, SALES_COLUMNS, codes=codes)
    assert guess.columns["company_code"] == "X1"
    assert guess.columns["product_code"] == "X2"
    assert guess.missing == ()
    assert suggest_mapping(header, rows, SALES_COLUMNS).columns["company_code"] == "Customer"


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("Kod klienta", "Klient"),
        ("Customer code", "Customer"),
        ("Šifra kupca", "Kupac"),
        ("Kode mitra", "Mitra"),
    ],
)
def test_a_company_beside_its_code_is_its_name(code: str, name: str) -> None:
    header = [name, code, "Invoice no", "SKU", "Qty", "Date"]
    guess = suggest_mapping(header, [["Zenith Ltd", "K-7", "1", "P", "2", "2026-03-01"]], SALES_COLUMNS)
    assert (guess.columns["company_code"], guess.columns["company_name"]) == (code, name)


def test_the_only_column_of_days_is_the_day_whatever_its_header_says() -> None:
    header = ["Customer ID", "Invoice no", "SKU", "Qty", "When exactly"]
    rows = [["C", "1", "P", "2", "31.12.2026"], ["C", "2", "P", "1", "14.03.2026"]]
    guess = suggest_mapping(header, rows, SALES_COLUMNS)
    assert guess.columns["sold_at"] == "When exactly"
    assert guess.confidence["sold_at"] < 0.7
    assert guess.date_formats == ("%d.%m.%Y",)


def test_what_is_missing_is_told_with_what_came_nearest() -> None:
    header = ["Custom text", "Invoice", "Stock", "Qty", "Remarks"]
    rows = [["a", "1", "9", "2", "x"]]
    guess = suggest_mapping(header, rows, SALES_COLUMNS)
    assert "sold_at" in guess.missing
    assert "sold_at" not in guess.nearest or guess.nearest["sold_at"] in header
    assert guess.nearest["company_code"] == "Custom text"


def test_a_known_source_whose_days_are_written_in_another_way_now_is_read_as_they_are() -> None:
    known = ColumnMapping(
        name="tills",
        dataset="sales",
        columns={column: column for column in CELLS},
        date_formats=("%Y-%m-%d",),
        time_zone="UTC",
        currency="EUR",
    )
    rows = [["C", "1", "P", "2", "31.12.2026", "1,50"], ["C", "2", "P", "1", "14.03.2026", "2,25"]]
    guess = guess_mapping(list(CELLS), rows, SALES_COLUMNS, [known])
    assert guess.known is known
    assert guess.date_formats == ("%d.%m.%Y", "%Y-%m-%d")
    assert (guess.decimal_separator, guess.currency) == (",", "EUR")


@pytest.mark.parametrize(
    ("cells", "format_"),
    [
        (["31.12.2026", "01.02.2026"], "%d.%m.%Y"),
        (["2026/12/31"], "%Y/%m/%d"),
        (["3 stycznia 2026", "14 grudnia 2025"], "%d %B %Y"),
        (["3. januar 2026.", "14. decembar 2025."], "%d. %B %Y."),
        (["3. мај 2026", "14. август 2025"], "%d. %B %Y"),
        (["3 Agustus 2026", "14 Mei 2025"], "%d %B %Y"),
        (["3-Aug-2026"], "%d-%b-%Y"),
    ],
)
def test_days_are_told_as_people_write_them(cells: list[str], format_: str) -> None:
    assert date_formats(cells) == (format_,)
    assert all(reads_date(cell, (format_,)) for cell in cells)


@pytest.mark.parametrize(
    ("cells", "signs"),
    [
        (["1.234,56", "7"], (",", ".")),
        (["1,234.56", "7"], (".", ",")),
        (["1 234,56"], (",", " ")),
        (["1 234,56 zł", "12,00 zł"], (",", " ")),
        (["£1,234.50"], (".", ",")),
        (["Rp 1.234.000", "Rp 15.500,00"], (",", ".")),
        (["12.5%"], (".", None)),
        (["1'234.50"], (".", "'")),
        (["1234"], (".", None)),
    ],
)
def test_numbers_are_told_as_people_write_them(cells: list[str], signs: tuple[str, str | None]) -> None:
    assert number_signs(cells) == signs
    assert all(reads_number(cell, *signs) for cell in cells)


@given(
    number=st.decimals(min_value=0, max_value=10**8, places=2, allow_nan=False, allow_infinity=False),
    signs=st.sampled_from([(".", ","), (",", "."), (",", " "), (".", " "), (".", "'")]),
)
def test_the_signs_of_any_long_number_are_told(number: object, signs: tuple[str, str]) -> None:
    decimal, group = signs
    text = f"{number:,.2f}".replace(",", "G").replace(".", decimal).replace("G", group)
    told = number_signs([text, f"12{decimal}30"])
    assert told[0] == decimal
    assert told[1] in (group, None)
    assert reads_number(text, *told)


@given(st.text(max_size=40))
def test_no_cell_upsets_a_guess(cell: str) -> None:
    guess = suggest_mapping([cell, "Date", "Qty"], [[cell, cell, cell], [cell]], SALES_COLUMNS)
    assert set(guess.columns) <= set(SALES_COLUMNS.names)
    assert plain_letters(plain_letters(cell)) is not None


def test_the_currency_is_told_by_its_sign_only_where_there_is_one() -> None:
    assert currency_beside(["1 234,56 zł", "12"]) == "PLN"
    assert currency_beside(["Cena EUR", "12"]) == "EUR"
    assert currency_beside(["€ 5", "£ 5"]) is None
    assert currency_beside(["Price", "All", "12"]) is None


def test_a_file_that_has_all_of_a_known_sources_columns_and_more_is_of_the_dataset_that_explains_them_all() -> (
    None
):
    outlets = ColumnMapping(
        name="shops",
        dataset="outlets",
        columns={"company_code": "Company code", "code": "Code", "name": "Name"},
        date_formats=("%Y-%m-%d",),
        time_zone="UTC",
    )
    every = [dataset.columns for dataset in DATASETS.values()]
    shops = ["Company code", "Code", "Name"]
    assert guess_dataset(shops, [["C-1", "S-1", "Main street"]], every, [outlets]) == "outlets"
    people = [*shops, "Group", "Phone"]
    assert (
        guess_dataset(people, [["C-1", "P-1", "Ana", "wholesaler", "1"]], every, [outlets]) == "participants"
    )
    # What no dataset knows is no reason to doubt the source.
    remarks = [*shops, "Opened by"]
    assert guess_dataset(remarks, [["C-1", "S-1", "Main street", "x"]], every, [outlets]) == "outlets"
