import random
from decimal import ROUND_DOWN, Decimal
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import text

from laurel.registers import DATASETS
from loyalty_core import intake, ledger, organisation, programmes, settlement
from loyalty_core.kernel import Database, Scope, Settings, new_id

DOCUMENT = """
code: july
name: July
starts: 2011-07-01
ends: 2011-07-31
currency: GBP
collects: company
rules:
  - id: base
    per: line
    award: {points: 1, per_amount: 10.00}
"""


@pytest.mark.slow
def test_any_point_on_a_statement_leads_to_the_cell_that_it_was_given_for(
    committed_database: Database, everything: Scope, tmp_path: Path, real_data: Path
) -> None:
    database, settings = committed_database, Settings(tmp_path, None)
    workbook = real_data / "sales-2011-07.xlsx"
    import_id = intake.start_import(
        database,
        everything,
        file_id=intake.receive_local_file(database, settings, everything, workbook),
        mapping=intake.load_shipped_mapping("online-retail"),
        datasets=DATASETS,
        creates_missing=True,
        request_key=new_id(),
        defers=False,
    )
    found = intake.run_import(database, settings, import_id, datasets=DATASETS, scope=everything).found
    assert found.state is intake.ImportState.ACCEPTED
    programmes.apply_programme(database, everything, DOCUMENT)
    settlement.settle_programme(database, everything, "july")

    # From the statement of a random company, as its page does, down to awards.
    choice = random.Random(20110731)
    awards = []
    with database.transaction(everything) as connection:
        codes = list(connection.execute(text("select code from company order by code")).scalars())
        for code in choice.sample(codes, 60):
            company = organisation.company_by_code(connection, code)
            for balance in ledger.company_balances(connection, company.id):
                for posting in ledger.statement(connection, balance.account_id, limit=10):
                    behind = settlement.awards_of_posting(connection, posting.posting_id, limit=100_000)
                    assert sum(award.points for award in behind) == posting.points
                    awards += [(code, award) for award in choice.sample(behind, min(3, len(behind)))]
    assert len(awards) > 60

    book = openpyxl.load_workbook(workbook, read_only=True)
    rows = [tuple(row) for row in book[awards[0][1].sheet or ""].iter_rows(values_only=True)]
    book.close()
    header = rows[0]
    for code, award in awards:
        assert award.file_name == workbook.name
        quoted = dict(zip(header, rows[award.row_no - 1], strict=True))
        assert str(quoted["CustomerID"]) == code
        assert str(quoted["InvoiceNo"]) == award.invoice_no
        assert str(quoted["StockCode"]) == award.product_code
        assert Decimal(str(quoted["Quantity"])) == award.quantity
        assert Decimal(str(quoted["UnitPrice"])) == award.unit_price
        amount = (award.quantity * Decimal(str(quoted["UnitPrice"]))).quantize(Decimal("0.01"))
        assert award.points == int((amount / 10).quantize(Decimal(1), rounding=ROUND_DOWN))

    # And the way that the page takes to the same row.
    code, award = awards[-1]
    row = intake.original_rows_around(settings, found, award.sheet, award.row_no, context=0)[award.row_no]
    assert (row["CustomerID"], row["InvoiceNo"], row["StockCode"]) == (
        code,
        award.invoice_no,
        award.product_code,
    )
