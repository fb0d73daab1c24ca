"""Rows of a participant's own file of claims: they are the participant's, whatever else a row names.

Before they are judged like other rows, what the server knows is filled in: the company and the participant, the
programme that was chosen, and a number for each claim.
"""

from uuid import UUID

from sqlalchemy import Connection

from loyalty_core import access, participants
from loyalty_core.intake import OWNER, ColumnKind, DatasetColumn, DatasetColumns, ImportContext, Staging
from loyalty_core.kernel import N_, Refusal, _
from loyalty_core.participants import Participant, ParticipantState
from loyalty_core.verification.entering import ClaimantNotActiveError
from loyalty_core.verification.policy import FIRST_DAY

MOST_OWN_ROWS = 2_000
"""How many rows a participant's own file may have."""

EXAMPLE_INVOICES = ("EXAMPLE-1", "EXAMPLE-2")
"""The invoices of the template's example rows, which never become claims."""

OWN_CLAIMS_COLUMNS = DatasetColumns(
    "claims",
    (
        DatasetColumn(
            "invoice_no",
            required=True,
            also_called=("invoice", "invoice number", "receipt"),
            notes=N_("The number of the invoice on which the goods were bought or sold."),
        ),
        DatasetColumn(
            "product_code",
            required=True,
            also_called=("stock code", "sku", "article", "item", "product"),
            notes=N_("The code of the product, as it stands on the invoice."),
        ),
        DatasetColumn(
            "quantity",
            ColumnKind.NUMBER,
            required=True,
            also_called=("qty", "units", "pieces"),
            notes=N_("How many you claim, above zero."),
        ),
        DatasetColumn(
            "sold_on",
            ColumnKind.TIMESTAMP,
            required=True,
            also_called=("invoice date", "date", "sale date"),
            notes=N_("The day of the sale."),
        ),
        DatasetColumn(
            "programme_code",
            also_called=("programme", "program", "scheme"),
            notes=N_("The programme that should give the points, where more than one may."),
        ),
    ),
)
"""The columns of the template for participants."""

OWN_FILE_COLUMNS = DatasetColumns(
    "claims",
    (
        *OWN_CLAIMS_COLUMNS.columns,
        DatasetColumn("company_code", also_called=("customer id", "customer", "company", "partner")),
        DatasetColumn("participant_code", also_called=("participant", "member", "card", "person")),
    ),
)
"""What a participant's file may hold: a company or participant in it is only compared with the own."""


class TooManyOwnRowsError(Refusal):
    """The file has more rows than a participant may bring at once."""

    def __init__(self, rows: int, most: int) -> None:
        super().__init__(
            _(
                "The file has {rows} rows, and one file may bring {most}. Nothing of it was taken: divide it into"
                " smaller files and upload these."
            ).format(rows=f"{rows:,}", most=f"{most:,}")
        )
        self.rows = rows


def reason_text(reason: str) -> str:
    """Say what a reason means that only rows of participants' own files have; another is said as it is."""
    texts = {
        "names_other_company": _(
            "The row names a company that is not the claimant's own. People claim for themselves only."
        ),
        "names_other_participant": _(
            "The row names a participant who is not the one that brought the file. People claim for themselves only."
        ),
        "example_row": _("The row is an example of the template. Put a sale of your own in its place."),
        "no_programme_that_day": _(
            "No programme gives points for claims of that day. Check the date of the sale."
        ),
        "several_programmes": _(
            "Several programmes give points for claims of that day. Upload the row again and choose one."
        ),
    }
    return texts.get(reason, reason)


def claimant_of(connection: Connection, context: ImportContext) -> Participant | None:
    """Return whose rows alone the file may bring; None for a file of anybody's claims.

    Refuses who neither is that person nor may enter claims for others, which whoever corrects such rows must. Raises
    NotAllowedError, UnknownParticipantError, ClaimantNotActiveError.
    """
    owner = context.options.get(OWNER)
    if owner is None:
        access.check_permission(connection, context.scope, access.Permission.ENTER_CLAIMS)
        return None
    claimant = participants.participant_by_id(connection, UUID(owner["participant"]))
    is_own = context.scope.user_id is not None and claimant.user_id == context.scope.user_id
    access.check_permission(
        connection,
        context.scope,
        access.Permission.UPLOAD_OWN_CLAIMS if is_own else access.Permission.ENTER_CLAIMS,
    )
    if claimant.state is not ParticipantState.ACTIVE:
        raise ClaimantNotActiveError(claimant)
    return claimant


def prepare_rows(
    connection: Connection, staging: Staging, context: ImportContext, claimant: Participant
) -> None:
    """Write the reasons that only own files have, and fill in what the server knows of each row.

    A claim that the claimant has with the same contents lends the row its number: such a row is there already,
    whatever brought the claim. Raises TooManyOwnRowsError.
    """
    rows = int(connection.execute(staging.sql("select count(*) from {staging}")).scalar_one())
    if rows > MOST_OWN_ROWS:
        raise TooManyOwnRowsError(rows, MOST_OWN_ROWS)
    values = {
        "participant_id": claimant.id,
        "company_id": claimant.company_id,
        "participant_code": claimant.code,
        "company_code": claimant.company_code,
        "participant_names": [claimant.code.lower(), claimant.display_name.lower()],
        "company_names": [claimant.company_code.lower(), claimant.company_name.lower()],
        "examples": list(EXAMPLE_INVOICES),
        "chosen": context.options[OWNER].get("programme"),
        "programmes": None if context.scope.programme_ids is None else sorted(context.scope.programme_ids),
        "time_zone": context.mapping.time_zone,
        "first_day": FIRST_DAY,
        "now": context.recorded_at,
    }
    for statement in _STATEMENTS:
        for name, fragment in _FRAGMENTS.items():
            statement = statement.replace(name, fragment)
        connection.execute(staging.sql(statement), values)


_FRAGMENTS = {
    "{others_company}": "(s.company_code is not null and lower(btrim(s.company_code)) <> all(:company_names))",
    "{others_participant}": "(s.participant_code is not null"
    " and lower(btrim(s.participant_code)) <> all(:participant_names))",
    "{day}": "(s.sold_on at time zone cast(:time_zone as text))::date",
    "{earning}": "g.earns_from = 'claims'"
    " and (cast(:programmes as uuid[]) is null or g.id = any(cast(:programmes as uuid[])))",
}

_STATEMENTS = (
    # The same sentence whether the other is known or not: nobody learns from it who takes part.
    "insert into {bad} (row_no, sheet, reasons) select row_no, sheet, reasons from ("
    " select s.row_no, s.sheet, array_remove(array["
    " case when {others_company} then 'names_other_company' end,"
    " case when {others_participant} then 'names_other_participant' end,"
    " case when s.invoice_no = any(:examples) then 'example_row' end"
    " ], null) as reasons from {staging} s) named where cardinality(reasons) > 0",
    # What such a row named stays with it for who looks at it, as what could not be read does.
    "update {staging} s set unreadable = coalesce(s.unreadable, '{}'::jsonb)"
    " || jsonb_strip_nulls(jsonb_build_object('company_code', s.company_code,"
    " 'participant_code', s.participant_code)) where {others_company} or {others_participant}",
    "with told as materialized (select s.row_no, s.sheet, s.invoice_no, s.product_code, s.quantity, {day} as day,"
    " dense_rank() over (order by s.invoice_no, s.product_code, s.quantity, {day}) as content from {staging} s),"
    " numbered as materialized (select content, nextval(pg_get_serial_sequence('claim', 'number')) as number"
    " from (select content from told group by content order by min(sheet), min(row_no)) in_order),"
    " earlier as materialized (select distinct on (invoice_no, product_code, quantity, sold_on) invoice_no,"
    " product_code, quantity, sold_on, claim_no from claim where participant_id = :participant_id"
    " and company_id = :company_id and state <> 'withdrawn'"
    " order by invoice_no, product_code, quantity, sold_on, number)"
    " update {staging} s set company_code = :company_code, participant_code = :participant_code,"
    " programme_code = coalesce((select g.code from programme g where {earning}"
    " and lower(btrim(s.programme_code)) in (lower(g.code), lower(g.name)) order by g.code limit 1),"
    " s.programme_code, cast(:chosen as text)), claim_no = named.claim_no"
    " from (select t.row_no, t.sheet, coalesce(e.claim_no, 'L-' || n.number) as claim_no"
    " from told t join numbered n on n.content = t.content"
    " left join earlier e on e.invoice_no = t.invoice_no and e.product_code = t.product_code"
    " and e.quantity = t.quantity and e.sold_on = t.day) named"
    " where named.row_no = s.row_no and named.sheet is not distinct from s.sheet",
    "insert into {bad} (row_no, sheet, reasons)"
    " select d.row_no, d.sheet, array[case when d.earning = 0 then 'no_programme_that_day'"
    " else 'several_programmes' end] from (select s.row_no, s.sheet, (select count(*) from programme g"
    " where {earning} and {day} between g.starts_on and g.ends_on"
    " and (s.programme_code is null or g.code = s.programme_code)) as earning from {staging} s"
    " where {day} between :first_day and (cast(:now as timestamptz) at time zone cast(:time_zone as text))::date"
    # One that is unknown has a reason of its own.
    " and (s.programme_code is null or exists (select from programme g where {earning}"
    " and g.code = s.programme_code))) d where d.earning <> 1",
)
