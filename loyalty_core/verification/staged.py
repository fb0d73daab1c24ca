"""Queries that judge the rows of a file of claims and make claims of the good ones."""

from uuid import UUID

from sqlalchemy import Connection, TextClause

from loyalty_core.intake import Acceptance, FileFigures, ImportContext, Staging
from loyalty_core.verification.policy import (
    DAYS_AHEAD,
    FIRST_DAY,
    LARGEST_QUANTITY,
    LONGEST_TEXT,
    MOST_DECIMALS,
)

# What statements below share, by the name that stands for it in them.
_FRAGMENTS = {
    "{good}": "not exists (select from {bad} b where b.row_no = s.row_no and b.sheet is not distinct from s.sheet)",
    # Each row with the company and the participant that it names, as far as the scope sees them.
    "{named}": "{staging} s left join participant p on p.code = s.participant_code"
    " left join company c on c.code = s.company_code",
    "{body}": "row(p.id, s.invoice_no, s.product_code, trim_scale(s.quantity), {day})::text",
    "{company_id}": "coalesce(p.company_id, c.id)",
    # A company that is not known, where nothing is out of sight: the claim is told what it is like any other. Who
    # sees a part only gets the row back, since the company may lie outside of it.
    "{said}": "case when p.id is null and c.id is null and :sees_all then s.company_code end",
    # What was withdrawn with its file may come again.
    "{same_claim}": "k.state <> 'withdrawn' and (k.company_id = n.company_id"
    " or (k.company_id is null and k.company_code_said = n.said))"
    " and k.claim_no = n.claim_no",
    "{day}": "(s.sold_on at time zone cast(:time_zone as text))::date",
}


def _sql(staging: Staging, statement: str) -> TextClause:
    for name, fragment in _FRAGMENTS.items():
        statement = statement.replace(name, fragment)
    return staging.sql(statement)


def judge_rows(connection: Connection, staging: Staging, context: ImportContext) -> None:
    """Write every reason of every bad row. What is unknown to the scope counts as unknown.

    An unknown invoice or product is no reason: the sale may be reported later.
    """
    connection.execute(
        _sql(
            staging,
            "insert into {bad} (row_no, sheet, reasons) select row_no, sheet, reasons from ("
            " select s.row_no, s.sheet, array_remove(array["
            " case when s.claim_no is null then 'missing_claim_no' end,"
            " case when s.company_code is null and s.participant_code is null then 'missing_claimant' end,"
            " case when s.invoice_no is null then 'missing_invoice' end,"
            " case when s.product_code is null then 'missing_product' end,"
            " case when s.quantity is null and not coalesce(s.unreadable ? 'quantity', false)"
            "   then 'missing_quantity' end,"
            " case when s.sold_on is null and not coalesce(s.unreadable ? 'sold_on', false)"
            "   then 'missing_date' end,"
            " case when s.unreadable ? 'quantity' then 'unreadable_quantity' end,"
            " case when s.unreadable ? 'sold_on' then 'unreadable_sold_on' end,"
            " case when s.unreadable ? 'beyond_last_column' then 'beyond_last_column' end,"
            " case when s.quantity <= 0 then 'nothing_claimed' end,"
            " case when s.quantity > :largest or scale(trim_scale(s.quantity)) > :decimals"
            "   then 'quantity_not_sold' end,"
            " case when greatest(length(s.claim_no), length(s.company_code), length(s.participant_code),"
            "   length(s.invoice_no), length(s.product_code)) > :longest then 'text_too_long' end,"
            " case when concat(s.claim_no, s.invoice_no, s.product_code) ~ '[[:cntrl:]]'"
            "   then 'control_character' end,"
            " case when {day} < :first_day then 'date_too_early' end,"
            " case when {day} > (cast(:now as timestamptz) at time zone cast(:time_zone as text))::date + :ahead"
            "   then 'date_in_the_future' end,"
            " case when s.company_code is not null and c.id is null"
            "   and not (:sees_all and s.participant_code is null) then 'unknown_company' end,"
            " case when s.participant_code is not null and p.id is null then 'unknown_participant' end,"
            " case when p.company_id <> c.id then 'participant_of_other_company' end,"
            " case when p.state <> 'active' then 'participant_not_active' end,"
            " case when s.programme_code is not null and not exists (select from programme g"
            "   where g.code = s.programme_code and g.earns_from = 'claims'"
            "   and (cast(:programmes as uuid[]) is null or g.id = any(cast(:programmes as uuid[]))))"
            "   then 'unknown_programme' end"
            " ], null) as reasons from {named}) judged where cardinality(reasons) > 0",
        ),
        {
            "longest": LONGEST_TEXT,
            "largest": LARGEST_QUANTITY,
            "decimals": MOST_DECIMALS,
            "first_day": FIRST_DAY,
            "ahead": DAYS_AHEAD,
            "now": context.recorded_at,
            "time_zone": context.mapping.time_zone,
            "programmes": _programmes(context),
            "sees_all": context.scope.sees_everything,
        },
    )


def _programmes(context: ImportContext) -> list[UUID] | None:
    ids = context.scope.programme_ids
    return None if ids is None else sorted(ids)


def reject_conflicts(connection: Connection, staging: Staging, context: ImportContext) -> None:
    """Add the reason `conflicts_with_earlier` for rows whose claim number their company used for another claim.

    Earlier is what the database has, but for what was withdrawn, or a row further up in the same file.
    """
    connection.execute(
        _sql(
            staging,
            "insert into {bad} (row_no, sheet, reasons)"
            " select n.row_no, n.sheet, array['conflicts_with_earlier'] from ("
            " select s.row_no, s.sheet, {company_id} as company_id, {said} as said, s.claim_no, {body} as body,"
            " first_value({body}) over (partition by {company_id}, {said}, s.claim_no order by s.row_no) as first_body"
            " from {named} where {good}) n"
            " left join claim k on {same_claim}"
            " where n.body <> case when k.number is null then n.first_body else row(k.participant_id, k.invoice_no,"
            " k.product_code, trim_scale(k.quantity), k.sold_on)::text end",
        ),
        {"time_zone": context.mapping.time_zone, "sees_all": context.scope.sees_everything},
    )


def hold_companies(connection: Connection, staging: Staging, context: ImportContext) -> None:
    """Hold the companies that the rows name until the transaction ends: none goes with an import that is undone.

    Rows whose company has gone since they were judged get their reason, as far as they need to know it.
    """
    connection.execute(
        _sql(
            staging,
            "select from company c where c.code in (select s.company_code from {staging} s) order by c.id"
            " for key share",
        )
    )
    connection.execute(
        _sql(
            staging,
            "insert into {bad} (row_no, sheet, reasons) select s.row_no, s.sheet, array['unknown_company']"
            " from {named} where {good} and s.company_code is not null and c.id is null"
            " and not (:sees_all and s.participant_code is null)",
        ),
        {"sees_all": context.scope.sees_everything},
    )


def staged_figures(connection: Connection, staging: Staging) -> FileFigures:
    """Return how many companies the good rows claim for; claims carry no amounts."""
    companies = connection.execute(
        _sql(staging, "select count(distinct {company_id}) from {named} where {good}")
    ).scalar_one()
    return FileFigures({}, int(companies))


def insert_claims(connection: Connection, staging: Staging, context: ImportContext) -> Acceptance:
    """Make waiting claims of the good rows whose claim number is not there yet, and count them.

    The programme is the only one that earns from claims of the day (of those that the row names, if it names
    one), and that needs no participant where the row has none; else none. The caller has held the companies.
    """
    good = int(
        connection.execute(_sql(staging, "select count(*) from {staging} s where {good}")).scalar_one()
    )
    accepted = connection.execute(
        _sql(
            staging,
            "insert into claim (claim_no, programme_id, company_id, company_code_said, participant_id, source,"
            " import_id, sheet, row_no, invoice_no, product_code, quantity, sold_on, state, entered_by,"
            " entered_by_name, recorded_at) select n.claim_no, (select (array_agg(g.id))[1] from programme g"
            " where g.earns_from = 'claims'"
            "   and n.day between g.starts_on and g.ends_on"
            "   and (n.programme_code is null or g.code = n.programme_code)"
            "   and (n.participant_id is not null or g.collects <> 'participant')"
            "   and (cast(:programmes as uuid[]) is null or g.id = any(cast(:programmes as uuid[])))"
            "   having count(*) = 1),"
            " n.company_id, n.said, n.participant_id, 'file', :import_id, n.sheet, n.row_no,"
            " n.invoice_no, n.product_code, n.quantity, n.day, 'waiting', :by, :by_name, :recorded_at from ("
            " select s.*, {company_id} as company_id, {said} as said, p.id as participant_id, {day} as day,"
            " row_number() over (partition by {company_id}, {said}, s.claim_no order by s.row_no) as place"
            " from {named} where {good}) n where n.place = 1 order by n.row_no"
            " on conflict do nothing",
        ),
        {
            "import_id": context.import_id,
            "time_zone": context.mapping.time_zone,
            "programmes": _programmes(context),
            "sees_all": context.scope.sees_everything,
            "by": context.scope.user_id,
            "by_name": context.scope.actor_name,
            "recorded_at": context.recorded_at,
        },
    ).rowcount
    return Acceptance(accepted, good - accepted, {})
