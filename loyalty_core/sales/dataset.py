"""Sales as a dataset: the columns of a sales file, the rules for its rows, and how they become lines."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from loyalty_core.intake import (
    Acceptance,
    ColumnKind,
    DatasetColumn,
    DatasetColumns,
    FileFigures,
    ImportContext,
    ImportMode,
    Staging,
)
from loyalty_core.kernel import N_
from loyalty_core.sales import store
from loyalty_core.sales.evidence import lines_recorded
from loyalty_core.sales.policy import reason_text
from loyalty_core.sales.reversal import let_lines_in, records_have_gone

SALES_COLUMNS = DatasetColumns(
    "sales",
    (
        DatasetColumn(
            "company_code",
            required=True,
            also_called=("customer id", "customer", "company"),
            notes=N_("The code of the company that bought, the same in every file."),
        ),
        DatasetColumn(
            "company_name",
            also_called=("customer name",),
            notes=N_("The company's name, for companies that are not known yet."),
        ),
        DatasetColumn(
            "region",
            also_called=("country", "area"),
            notes=N_("The company's region, for companies that are not known yet."),
        ),
        DatasetColumn(
            "outlet_code",
            also_called=("store", "outlet", "shop"),
            notes=N_("The company's outlet, where it has more than one."),
        ),
        DatasetColumn(
            "invoice_no",
            required=True,
            also_called=("invoice", "invoice number", "document"),
            notes=N_("The number of the invoice or receipt."),
        ),
        DatasetColumn(
            "line_no",
            also_called=("line", "position", "pos"),
            notes=N_(
                "The line's place on the invoice. With it a line is known again when it comes a second time."
            ),
        ),
        DatasetColumn(
            "product_code",
            required=True,
            also_called=("stock code", "sku", "article", "item"),
            notes=N_("The code of the product that was sold."),
        ),
        DatasetColumn(
            "product_name",
            also_called=("description", "article name", "item name"),
            notes=N_("The product's name, for products that are not known yet."),
        ),
        DatasetColumn("brand", notes=N_("The product's brand, for products that are not known yet.")),
        DatasetColumn(
            "product_group",
            also_called=("category", "group"),
            notes=N_("The product's group, for products that are not known yet."),
        ),
        DatasetColumn(
            "sold_at",
            ColumnKind.TIMESTAMP,
            required=True,
            also_called=("invoice date", "date", "sale date"),
            notes=N_("The day of the sale, with its time where it is known."),
        ),
        DatasetColumn(
            "quantity",
            ColumnKind.NUMBER,
            required=True,
            also_called=("qty", "units", "pieces"),
            notes=N_("How many were sold; below zero for goods that came back."),
        ),
        DatasetColumn(
            "unit_price",
            ColumnKind.NUMBER,
            also_called=("price", "net price"),
            notes=N_("The price of one, without tax. Either this or the amount is needed."),
        ),
        DatasetColumn(
            "amount",
            ColumnKind.NUMBER,
            also_called=("net amount", "value", "total"),
            notes=N_("What the line comes to, without tax; below zero for goods that came back."),
        ),
        DatasetColumn(
            "currency",
            also_called=("currency code",),
            notes=N_("The currency's code, as in EUR. It may be said once for the whole file instead."),
        ),
    ),
)


class SalesDataset:
    """Rows of sales and returns."""

    columns = SALES_COLUMNS
    modes = frozenset({ImportMode.ADD, ImportMode.CHECK})
    example_rows: Sequence[Mapping[str, str]] = (
        {
            "company_code": "C-1001",
            "company_name": "Hotel Bristol",
            "region": "Poland",
            "outlet_code": "C-1001-1",
            "invoice_no": "FV/2026/03/118",
            "line_no": "1",
            "product_code": "KETTLE-2L",
            "product_name": "Kettle, 2 litres",
            "brand": "Brightside",
            "product_group": "Kitchen",
            "sold_at": "2026-03-14",
            "quantity": "12",
            "unit_price": "18.50",
            "amount": "222.00",
            "currency": "EUR",
        },
        {
            "company_code": "C-1001",
            "company_name": "Hotel Bristol",
            "region": "Poland",
            "outlet_code": "C-1001-1",
            "invoice_no": "FV/2026/03/118",
            "line_no": "2",
            "product_code": "TEA-250",
            "product_name": "Black tea, 250 g",
            "brand": "Northfield",
            "product_group": "Pantry",
            "sold_at": "2026-03-14",
            "quantity": "-2",
            "unit_price": "4.20",
            "amount": "-8.40",
            "currency": "EUR",
        },
    )

    def reason_text(self, reason: str) -> str:
        """Say in words what a reason means and what to do about it."""
        return reason_text(reason)

    def judge(self, connection: Connection, staging: Staging, context: ImportContext) -> None:
        """Put every bad row with all its reasons into the table of reasons."""
        store.judge_rows(connection, staging, context)
        store.reject_conflicts(connection, staging)

    def list_changes(self, connection: Connection, staging: Staging, context: ImportContext) -> None:
        """List nothing: a line that is there is never changed by a file."""

    def figures(self, connection: Connection, staging: Staging) -> FileFigures:
        """Add up amounts by currency and count the companies of the good rows."""
        return store.staged_figures(connection, staging)

    def accept(self, connection: Connection, staging: Staging, context: ImportContext) -> Acceptance:
        """Make sales lines of the good rows that are not there yet.

        A row with a line_no is known by company, outlet, invoice and line_no; another body under a known key
        goes to quarantine. Any other row is known by its whole contents, and of rows that are alike as many
        are kept as the fullest file had.
        """
        let_lines_in(connection)
        if records_have_gone(connection, context.import_id):
            store.judge_rows(connection, staging, context)
        # Again: another import of the source may have come in since the rows were judged.
        store.reject_conflicts(connection, staging)
        if context.creates_missing:
            store.create_missing(connection, staging, context)
        counted = store.insert_lines(connection, staging, context)
        return replace(counted, evidence=lines_recorded(connection))
