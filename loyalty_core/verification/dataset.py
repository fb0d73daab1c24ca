"""Claims as a dataset: the columns of a file of claims, the rules for its rows, and how they become claims."""

from collections.abc import Mapping, Sequence

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
from loyalty_core.kernel import N_, _
from loyalty_core.verification import own_rows, staged, verdicts

CLAIMS_COLUMNS = DatasetColumns(
    "claims",
    (
        DatasetColumn(
            "claim_no",
            required=True,
            also_called=("claim", "claim number", "form", "form no"),
            notes=N_("The claim's own number within its company, which never comes twice."),
        ),
        DatasetColumn(
            "company_code",
            also_called=("customer id", "customer", "company", "partner"),
            notes=N_("The company that claims. Either this or the participant is needed."),
        ),
        DatasetColumn(
            "participant_code",
            also_called=("participant", "member", "card", "person"),
            notes=N_("The participant who claims. Either this or the company is needed."),
        ),
        DatasetColumn(
            "programme_code",
            also_called=("programme", "program", "scheme"),
            notes=N_("The programme that should give the points, where more than one may."),
        ),
        DatasetColumn(
            "invoice_no",
            required=True,
            also_called=("invoice", "invoice number", "receipt"),
            notes=N_("The number of the invoice on which the goods were bought or sold."),
        ),
        DatasetColumn(
            "product_code",
            required=True,
            also_called=("stock code", "sku", "article", "item"),
            notes=N_("The code of the product."),
        ),
        DatasetColumn(
            "quantity",
            ColumnKind.NUMBER,
            required=True,
            also_called=("qty", "units", "pieces"),
            notes=N_("How many are claimed, above zero."),
        ),
        DatasetColumn(
            "sold_on",
            ColumnKind.TIMESTAMP,
            required=True,
            also_called=("invoice date", "date", "sale date"),
            notes=N_("The day of the sale."),
        ),
    ),
)


def reason_text(reason: str) -> str:
    """Say what a quarantine reason means and what to do about it; an unknown reason is said as it is."""
    texts = {
        "missing_claim_no": _("No claim number in the row. Each claim of a company needs its own."),
        "missing_claimant": _("Neither a company nor a participant in the row."),
        "missing_invoice": _("No invoice number in the row."),
        "missing_product": _("No product in the row."),
        "missing_quantity": _("No quantity in the row."),
        "missing_date": _("No date of sale in the row."),
        "unreadable_quantity": _("The quantity is not a number in the mapping's format."),
        "unreadable_sold_on": _("The date is not in one of the mapping's formats, or does not exist."),
        "beyond_last_column": _("The row has more cells than the file has columns."),
        "nothing_claimed": _("The quantity is not above zero: nothing is claimed."),
        "quantity_not_sold": _("The quantity is larger, or has more decimals, than any sale can have."),
        "text_too_long": _("A code or number is longer than 300 characters."),
        "control_character": _("A text holds a control character that no keyboard writes."),
        "date_too_early": _("The date of sale lies before 1990."),
        "date_in_the_future": _("The date of sale lies in the future."),
        "unknown_company": _(
            "The company is not known among those you see. Check the code, or register it first."
        ),
        "unknown_participant": _(
            "The participant is not known among those you see. Check the code, or register the person first."
        ),
        "participant_of_other_company": _("The participant belongs to another company than the row names."),
        "participant_not_active": _(
            "The participant does not take part at the moment: waits for approval, is suspended or was rejected."
        ),
        "unknown_programme": _("No programme with this code gives points for claims."),
        "conflicts_with_earlier": _("The company's claim of this number came before with other contents."),
    }
    return texts.get(reason) or own_rows.reason_text(reason)


class ClaimsDataset:
    """Rows of claims. An invoice, product or company that nobody knows is a verdict, and no bad row."""

    columns = CLAIMS_COLUMNS
    modes = frozenset({ImportMode.ADD, ImportMode.CHECK})
    example_rows: Sequence[Mapping[str, str]] = (
        {
            "claim_no": "1",
            "company_code": "C-1001",
            "participant_code": "P-20017",
            "programme_code": "SPRING",
            "invoice_no": "FV/2026/03/118",
            "product_code": "KETTLE-2L",
            "quantity": "12",
            "sold_on": "2026-03-14",
        },
        {
            "claim_no": "2",
            "company_code": "C-1002",
            "participant_code": "",
            "programme_code": "",
            "invoice_no": "FV/2026/03/121",
            "product_code": "TEA-250",
            "quantity": "30",
            "sold_on": "2026-03-15",
        },
    )

    def reason_text(self, reason: str) -> str:
        """Say in words what a reason means and what to do about it."""
        return reason_text(reason)

    def judge(self, connection: Connection, staging: Staging, context: ImportContext) -> None:
        """Put every bad row with all its reasons into the table of reasons.

        In a participant's own file the rows are the participant's, whatever else they name. Raises NotAllowedError,
        UnknownParticipantError, ClaimantNotActiveError, TooManyOwnRowsError.
        """
        claimant = own_rows.claimant_of(connection, context)
        if claimant is not None:
            own_rows.prepare_rows(connection, staging, context, claimant)
        staged.judge_rows(connection, staging, context)
        staged.reject_conflicts(connection, staging, context)

    def list_changes(self, connection: Connection, staging: Staging, context: ImportContext) -> None:
        """List nothing: a claim that is there is never changed by a file."""

    def figures(self, connection: Connection, staging: Staging) -> FileFigures:
        """Count the companies of the good rows."""
        return staged.staged_figures(connection, staging)

    def accept(self, connection: Connection, staging: Staging, context: ImportContext) -> Acceptance:
        """Make claims of the good rows that are not there yet, and judge them; what agrees is approved by rule.

        A company's claim is known by its number: the same again is there already, another under a known number
        goes to quarantine.
        """
        staged.hold_companies(connection, staging, context)
        # Again: another import may have come in since the rows were judged.
        staged.reject_conflicts(connection, staging, context)
        accepted = staged.insert_claims(connection, staging, context)
        verdicts.judge_claims(connection, context.scope, import_id=context.import_id)
        return accepted
