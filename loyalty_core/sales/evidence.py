"""What a transaction wrote of sales lines, as a digest for its audit record, and whether that still stands there."""

from typing import Any

from sqlalchemy import Connection, text

RECORDED = "lines_recorded"
"""The name of the digest in an audit record's detail."""

# Of each line what points, claims and statements go by. Every field has a fixed length or says its own, so that no
# two lines have the same bytes.
_BYTES = (
    "int8send(l.id)||uuid_send(l.line_key)||int4send(l.edition)||int8send(coalesce(l.reverses_id, 0))"
    "||uuid_send(l.import_id)||int8send(l.row_no)||uuid_send(l.company_id)||uuid_send(l.region_id)"
    "||uuid_send(l.product_id)||numeric_send(l.quantity)||numeric_send(coalesce(l.unit_price, 'NaN'))"
    "||int8send(l.amount_minor)||bpcharsend(l.currency)||timestamptz_send(l.sold_at)||date_send(l.sold_on)"
    "||int4send(octet_length(l.invoice_no))||textsend(l.invoice_no)"
)

# A part for each 65,536 ids: what a part's lines come to is read in the order of the primary key, without a sort.
# Not by the index of transactions: each part would read all of a large import.
_DIGEST = (
    "(select encode(sha256(string_agg(part.hash, ''::bytea order by part.first)), 'hex') from ("
    " select g.first, (select sha256(string_agg({bytes}, ''::bytea order by l.id)) from sales_line l"
    " where l.id >= g.first and l.id < g.first + 65536 and l.id <= {last}"
    " and l.txid is not distinct from {txid}) as hash"
    " from generate_series({first}, {last}, 65536) g (first)) part)"
).replace("{bytes}", _BYTES)


def lines_recorded(connection: Connection) -> dict[str, Any]:
    """Return the digest of all lines that this transaction wrote, for its audit record; empty where it wrote none.

    The caller sees all that it wrote.
    """
    row = connection.execute(
        text(
            "with own as materialized (select min(id) as first, max(id) as last, count(*) as lines,"  # noqa: S608 put together from constants
            " pg_current_xact_id() as txid from sales_line where txid = pg_current_xact_id())"
            " select own.first, own.last, own.lines, own.txid::text as txid, "
            + _DIGEST.format(first="own.first", last="own.last", txid="own.txid")
            + " as digest from own"
        )
    ).one()
    return {RECORDED: dict(row._mapping)} if row.lines else {}


_OF_RECORDS = (
    f"of_records as materialized (select r.id, r.detail->'{RECORDED}' as said from audit_record r"  # noqa: S608 put together from constants
    " where r.action in ('intake.import_accepted', 'intake.rows_repaired', 'corrections.import_undone')"
    f" and r.detail ? '{RECORDED}'),"
    " recorded as materialized (select id, (said->>'first')::bigint as first, (said->>'last')::bigint as last,"
    " (said->>'lines')::bigint as lines, (said->>'txid')::xid8 as txid, said->>'digest' as digest from of_records)"
)

EVIDENCE_CHECKS: dict[str, str] = {
    "the sales lines of an import are those that the audit recorded": (
        f"with {_OF_RECORDS} select count(*) from recorded d where d.digest is distinct from "  # noqa: S608 put together from constants
        + _DIGEST.format(first="d.first", last="d.last", txid="d.txid")
    ),
    # Lines from before digests were recorded lie below the first of them.
    "every sales line came with a record of the audit": (
        f"with {_OF_RECORDS} select count(*) from sales_line l"  # noqa: S608 put together from constants
        " left join recorded d on d.txid = l.txid and l.id between d.first and d.last"
        " where d.id is null and l.id > (select min(first) from recorded)"
    ),
}
