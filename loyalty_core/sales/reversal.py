"""Every query on taking back an import's lines: the lines against them, what stays, and who waits for whom."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core.sales.evidence import EVIDENCE_CHECKS


def not_reversed(line: str) -> str:
    """Return SQL that holds of a sales line of this alias when it was not taken back and takes back nothing.

    What looks for sold lines, to lay a claim to one or to see whether a row came before, must ask so.
    """
    return (
        f"({line}.reverses_id is null"
        f" and not exists (select from sales_line reversal where reversal.reverses_id = {line}.id))"
    )


NOT_REVERSED = not_reversed("l")

_BRINGING = "hashtextextended('laurel.sales_lines', 0)"
_OF_IMPORT = "hashtextextended('laurel.lines_of:' || {import_id}, 0)"

# Of each line of the import: the earliest other import that brought it too and still counts.
_KEPT = f"""
kept as materialized (
    select distinct on (l.id) l.id, q.import_id, q.sheet, q.row_no
    from sales_line l
    join repeated_line q on q.company_id = l.company_id and q.line_key = l.line_key
        and q.occurrence = l.occurrence and q.import_id <> l.import_id
    join file_import i on i.id = q.import_id and i.state = 'accepted'
    where l.import_id = :import_id and {NOT_REVERSED}
    order by l.id, i.number
)
"""  # noqa: S608 put together from constants

_COLUMNS = (
    "line_key, occurrence, body_key, company_id, outlet_id, region_id, product_id, unit_price, currency, sold_at,"
    " sold_on, invoice_no, line_no"
)
_OF_LINE = ", ".join(f"l.{name}" for name in _COLUMNS.split(", "))


@dataclass(frozen=True, slots=True)
class LinesToReverse:
    """What taking back an import's lines comes to.

    `lines` are all that would be taken back, `kept` those of them that stay because another import brought them
    too, `companies` whose lines they are. `net_minor` is what goes with those that don't stay, by currency, in minor
    units.
    """

    lines: int
    kept: int
    companies: int
    net_minor: Mapping[str, int]


def let_lines_in(connection: Connection) -> None:
    """Let lines come in until this transaction ends, beside others who do; nobody takes lines back meanwhile.

    Whether a row was there already must hold until it is written down: else the line that it repeats could be taken
    back in between, and the row would count nowhere.
    """
    connection.execute(text(f"select pg_advisory_xact_lock_shared({_BRINGING})"))


def records_have_gone(connection: Connection, import_id: UUID) -> bool:
    """Say whether companies, outlets or products may have gone, with an undone import, since this one was judged."""
    return bool(
        connection.execute(
            text(
                "select exists (select from removed_record r join file_import i on i.id = :import_id"
                # An undo is recorded a moment before it counts.
                " where r.recorded_at > coalesce(i.started_at, i.requested_at) - interval '10 minutes')"
            ),
            {"import_id": import_id},
        ).scalar_one()
    )


def hold_lines(connection: Connection, sales_line_ids: Collection[int]) -> frozenset[int]:
    """Return those of the lines that are not reversed; until this transaction ends, none of them will be.

    Whoever lays a claim to a line asks here first, before the line's units are locked.
    """
    key = _OF_IMPORT.format(import_id="import_id::text")
    connection.execute(
        text(
            f"select pg_advisory_xact_lock_shared({key}) from (select distinct import_id from sales_line"  # noqa: S608 put together from constants
            " where id in (select unnest(cast(:ids as bigint[]))) order by import_id) i"
        ),
        {"ids": list(sales_line_ids)},
    )
    rows = connection.execute(
        text(
            "select l.id from sales_line l where l.id in (select unnest(cast(:ids as bigint[])))"  # noqa: S608 put together from constants
            f" and {NOT_REVERSED}"
        ),
        {"ids": list(sales_line_ids)},
    )
    return frozenset(rows.scalars())


def lock_for_reversal(connection: Connection, import_id: UUID) -> None:
    """Wait for everyone who brings lines or lays a claim to one of the import, and let none begin."""
    connection.execute(text(f"select pg_advisory_xact_lock({_BRINGING})"))
    key = _OF_IMPORT.format(import_id=":import_id")
    connection.execute(text(f"select pg_advisory_xact_lock({key})"), {"import_id": str(import_id)})


def lines_to_reverse(connection: Connection, import_id: UUID) -> LinesToReverse:
    """Return what taking back the import's lines would come to. Over everything: the scope must see all."""
    rows = connection.execute(
        text(
            f"with {_KEPT} select l.currency, count(*) as lines, count(k.id) as kept,"  # noqa: S608 put together from constants
            " coalesce(sum(l.amount_minor) filter (where k.id is null), 0)::bigint as net_minor"
            " from sales_line l left join kept k on k.id = l.id"
            f" where l.import_id = :import_id and {NOT_REVERSED} group by l.currency order by l.currency"
        ),
        {"import_id": import_id},
    ).all()
    companies = connection.execute(
        text(
            "select count(distinct l.company_id) from sales_line l"  # noqa: S608 put together from constants
            f" where l.import_id = :import_id and {NOT_REVERSED}"
        ),
        {"import_id": import_id},
    ).scalar_one()
    return LinesToReverse(
        lines=sum(int(row.lines) for row in rows),
        kept=sum(int(row.kept) for row in rows),
        companies=int(companies),
        net_minor={row.currency: int(row.net_minor) for row in rows if row.lines > row.kept},
    )


@dataclass(frozen=True, slots=True)
class LinesKept:
    """Lines that an import has from one that was undone: how many, and their net amounts by currency."""

    import_id: UUID
    lines: int
    net_minor: Mapping[str, int]


def reverse_lines(connection: Connection, import_id: UUID, *, recorded_at: datetime) -> list[LinesKept]:
    """Take back each of the import's lines by a line against it, and let stand what other imports brought too.

    The line against one is of the same day, product, file and row, with its units and amount below zero. What
    stays stands again as a new line of the import that repeated it, at that import's row; returned by import. The
    caller has locked with `lock_for_reversal`, sees everything, and does it once.
    """
    connection.execute(
        text(
            f"insert into sales_line ({_COLUMNS}, edition, import_id, sheet, row_no, quantity, amount_minor,"  # noqa: S608 put together from constants
            f" reverses_id, recorded_at) select {_OF_LINE}, -l.edition, l.import_id, l.sheet, l.row_no, -l.quantity,"
            " -l.amount_minor, l.id, :recorded_at from sales_line l"
            f" where l.import_id = :import_id and {NOT_REVERSED} order by l.id"
        ),
        {"import_id": import_id, "recorded_at": recorded_at},
    )
    # What stood until now has the highest edition of its key: a higher one comes only after it was taken back.
    kept = _KEPT.replace(NOT_REVERSED, "l.edition > 0")
    rows = connection.execute(
        text(
            f"with {kept}, stays as ("  # noqa: S608 put together from constants
            f" insert into sales_line ({_COLUMNS}, edition, import_id, sheet, row_no, quantity, amount_minor,"
            " recorded_at)"
            f" select {_OF_LINE}, l.edition + 1, k.import_id, k.sheet, k.row_no, l.quantity, l.amount_minor,"
            " :recorded_at from kept k join sales_line l on l.id = k.id order by l.id"
            " returning import_id, currency, amount_minor)"
            " select import_id, currency, count(*) as lines, sum(amount_minor)::bigint as net_minor from stays"
            " group by import_id, currency order by import_id"
        ),
        {"import_id": import_id, "recorded_at": recorded_at},
    )
    found: dict[UUID, tuple[int, dict[str, int]]] = {}
    for row in rows:
        lines, net_minor = found.get(row.import_id, (0, {}))
        found[row.import_id] = (lines + int(row.lines), {**net_minor, row.currency: int(row.net_minor)})
    return [LinesKept(one, lines, net_minor) for one, (lines, net_minor) in found.items()]


# What must hold of lines; each finds how many things break it.
SALES_CHECKS: dict[str, str] = {
    **EVIDENCE_CHECKS,
    "every reversal mirrors its line": (
        "select count(*) from sales_line r left join sales_line l on l.id = r.reverses_id"
        " where r.reverses_id is not null and (l.id is null or l.reverses_id is not null"
        " or (r.company_id, r.region_id, r.product_id, r.sold_at, r.sold_on, r.currency, r.invoice_no, r.import_id,"
        " r.row_no, r.line_key, r.occurrence) <> (l.company_id, l.region_id, l.product_id, l.sold_at, l.sold_on,"
        " l.currency, l.invoice_no, l.import_id, l.row_no, l.line_key, l.occurrence)"
        " or r.quantity + l.quantity <> 0 or r.amount_minor + l.amount_minor <> 0 or r.edition + l.edition <> 0"
        " or r.unit_price is distinct from l.unit_price or r.outlet_id is distinct from l.outlet_id"
        " or r.sheet is distinct from l.sheet or r.line_no is distinct from l.line_no)"
    ),
    "an undone import nets to zero by company, day and product": (
        "select count(*) from (select l.company_id from sales_line l"
        " where l.import_id in (select id from file_import where state = 'undone')"
        " group by l.import_id, l.company_id, l.sold_on, l.product_id, l.currency"
        " having sum(l.quantity) <> 0 or sum(l.amount_minor) <> 0) u"
    ),
    "lines are taken back of undone imports only": (
        "select count(*) from sales_line l left join file_import i on i.id = l.import_id"
        " where l.reverses_id is not null and i.state is distinct from 'undone'"
    ),
    "no line stands twice": (
        f"select count(*) from sales_line l where l.edition > 1 and {NOT_REVERSED}"  # noqa: S608 put together from constants
        " and exists (select from sales_line o where o.company_id = l.company_id and o.line_key = l.line_key"
        " and o.occurrence = l.occurrence and o.edition between 1 and l.edition - 1"
        " and not exists (select from sales_line r where r.reverses_id = o.id))"
    ),
}


def broken_lines(connection: Connection) -> dict[str, int]:
    """Return, for each of SALES_CHECKS, how many things break it."""
    return {name: int(connection.execute(text(query)).scalar_one()) for name, query in SALES_CHECKS.items()}
