"""Every query of settlement."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import polars as pl
from psycopg import sql
from sqlalchemy import Connection, Row, text

from loyalty_core.kernel import NotFoundError, Scope, Sort, Sorts, StateError, _, driver_connection
from loyalty_core.settlement.states import MOVES, RequestState

_FRAME_BYTES = 64 << 20
_LINE_SCHEMA = {
    "sales_line_id": pl.Int64,
    "company_id": pl.String,
    "amount_minor": pl.Int64,
    "currency": pl.String,
    "sold_on": pl.Date,
    "is_void": pl.Boolean,
}
STANDING_SCHEMA = {"sales_line_id": pl.Int64, "rule_id": pl.String, "held": pl.Int64, "revision": pl.Int32}
_CLAIM_SCHEMA = {
    "claim_number": pl.Int64,
    "sales_line_id": pl.Int64,
    "company_id": pl.String,
    "owner_id": pl.String,
    "amount_minor": pl.Int64,
    "currency": pl.String,
    "sold_on": pl.Date,
    "sold_at_us": pl.Int64,
}
STANDING_CLAIM_SCHEMA = {
    "claim_number": pl.Int64,
    "rule_id": pl.String,
    "sales_line_id": pl.Int64,
    "held": pl.Int64,
    "happened_on": pl.Date,
    "revision": pl.Int32,
}


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a programme is settled: every line of transactions below `low_txid`, under `version`.

    `seen` is the snapshot (a pg_snapshot as text) taken before the last settlement read; None where there is none.
    """

    version: int
    low_txid: int
    seen: str | None = None


def lock_settlement(connection: Connection, programme_id: UUID) -> None:
    """Let one settlement of a programme run at a time."""
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended('laurel.settle:' || :id, 0))"),
        {"id": str(programme_id)},
    )


def mark_of(connection: Connection, programme_id: UUID) -> Mark | None:
    """Return how far the programme is settled, None when it never was.

    A mark that another cluster made, or that lies ahead of this one's transactions (the database was restored
    from a dump), says nothing about the ids given out here: all lines count as new, and what they hold already
    is not awarded again.
    """
    row = connection.execute(
        text(
            "select version, case when system_identifier = (select system_identifier from pg_control_system())"
            " and low_txid <= pg_snapshot_xmax(pg_current_snapshot()) then low_txid::text else '0' end as low,"
            " seen from settlement_mark where programme_id = :id"
        ),
        {"id": programme_id},
    ).first()
    return Mark(row.version, int(row.low), row.seen) if row else None


def move_mark(connection: Connection, programme_id: UUID, mark: Mark) -> None:
    """Remember how far the programme is settled."""
    connection.execute(
        text(
            "insert into settlement_mark (programme_id, version, low_txid, system_identifier, seen)"
            " select :id, :version, cast(cast(:low as text) as xid8), system_identifier, :seen"
            " from pg_control_system() on conflict (programme_id) do update set version = excluded.version,"
            " low_txid = excluded.low_txid, system_identifier = excluded.system_identifier, seen = excluded.seen"
        ),
        {"id": programme_id, "version": mark.version, "low": str(mark.low_txid), "seen": mark.seen},
    )


def mark_now(connection: Connection, version: int) -> Mark:
    """Return the mark of a settlement that reads from now on.

    Below its id every transaction has ended, so that later reads see all that those wrote.
    """
    row = connection.execute(
        text("select pg_snapshot_xmin(s)::text as low, s::text as seen from pg_current_snapshot() s")
    ).one()
    return Mark(version, int(row.low), row.seen)


_DUE = """
select p.id from programme p left join settlement_mark m on m.programme_id = p.id
where case when p.earns_from = 'sales' then m.programme_id is not null and exists (
    select from sales_line r where r.reverses_id is not null
    -- Of a mark that says nothing about this server's transactions, all that was ever taken back is looked at.
    and (m.seen is null or m.system_identifier <> (select system_identifier from pg_control_system())
        or m.low_txid > pg_snapshot_xmax(pg_current_snapshot())
        or (r.txid >= m.low_txid and not pg_visible_in_snapshot(r.txid, m.seen::pg_snapshot)))
    and exists (select from award a where a.sales_line_id = r.reverses_id and a.programme_id = p.id
        and a.claim_number is null group by a.rule_id having sum(a.points) <> 0))
else case
    when m.programme_id is null or m.version <> p.current_version or m.seen is null
        or m.system_identifier <> (select system_identifier from pg_control_system())
        or m.low_txid > pg_snapshot_xmax(pg_current_snapshot())
    then exists (select from claim_decision d where d.programme_id = p.id)
    -- What is seen and yet ahead of the server came with a dump; the first settlement here took it all in.
    else exists (select from claim_decision d where d.programme_id = p.id and d.txid >= m.low_txid
        and d.txid < pg_snapshot_xmax(pg_current_snapshot())
        and not pg_visible_in_snapshot(d.txid, m.seen::pg_snapshot))
end end order by p.code
"""


def due_programmes(connection: Connection) -> list[UUID]:
    """Return the programmes with what the last settlement can't have seen: decided claims, also under other rules,
    and lines that were taken back and still hold points."""
    return list(connection.execute(text(_DUE)).scalars())


def count_lines_since(connection: Connection, low_txid: int) -> int:
    """Return how many sales lines transactions from `low_txid` on have written, or taken back."""
    return int(
        connection.execute(
            text(
                "select (select count(*) from sales_line where txid >= cast(cast(:low as text) as xid8))"
                " + (select count(*) from sales_line l join sales_line r on r.reverses_id = l.id"
                " where r.reverses_id is not null and r.txid >= cast(cast(:low as text) as xid8)"
                " and l.txid < cast(cast(:low as text) as xid8))"
            ),
            {"low": str(low_txid)},
        ).scalar_one()
    )


# The lines that transactions from {low} on have written, as `l`, and those that they have taken back.
_LINES_SINCE = sql.SQL(
    "select {columns}, l.reverses_id is not null or exists (select from sales_line r where r.reverses_id = l.id"
    " and r.reverses_id is not null) from sales_line l where l.txid >= {low}::text::xid8"
    " union all select {columns}, true from sales_line r join sales_line l on l.id = r.reverses_id"
    " where r.reverses_id is not null and r.txid >= {low}::text::xid8 and l.txid < {low}::text::xid8"
)


def _copied(connection: Connection, query: sql.Composed) -> Iterator[bytes]:
    """Yield the query's rows as CSV in pieces that end at a line's end."""
    with (
        driver_connection(connection).cursor() as cursor,
        cursor.copy(sql.SQL("copy ({}) to stdout (format csv)").format(query)) as copy,
    ):
        held = io.BytesIO()
        for piece in copy:
            # Each piece is one row or more, whole: the protocol sends a row a message.
            held.write(piece)
            if held.tell() >= _FRAME_BYTES:
                yield held.getvalue()
                held = io.BytesIO()
        if held.tell():
            yield held.getvalue()


def lines_since(connection: Connection, low_txid: int, *, with_moment: bool) -> Iterator[pl.DataFrame]:
    """Yield the lines that transactions from `low_txid` on have written or taken back, in frames of bounded size.

    (sales_line_id int64, company_id text, amount_minor int64, currency text, sold_on date, is_void boolean) and, if
    asked for, sold_at, a timestamp in UTC. Void is a line that was taken back, and one that takes another back:
    neither earns anything, whatever the rules are.
    """
    names = [name for name in _LINE_SCHEMA if name != "is_void"]
    schema: dict[str, Any] = {name: _LINE_SCHEMA[name] for name in names}
    columns = "l.id, l.company_id, l.amount_minor, l.currency, l.sold_on"
    if with_moment:
        schema["sold_at_us"] = pl.Int64
        columns += ", (extract(epoch from l.sold_at) * 1000000)::bigint"
    schema["is_void"] = pl.String
    query = sql.SQL("{} order by 1").format(
        _LINES_SINCE.format(columns=sql.SQL(columns), low=sql.Literal(str(low_txid)))
    )
    for piece in _copied(connection, query):
        frame = pl.read_csv(piece, has_header=False, schema=schema).with_columns(pl.col("is_void") == "t")
        if with_moment:
            moment = pl.col("sold_at_us").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
            frame = frame.with_columns(moment.alias("sold_at")).drop("sold_at_us")
        yield frame


def standing_awards(connection: Connection, programme_id: UUID, low_txid: int) -> pl.DataFrame:
    """Return what the lines of `lines_since` hold already.

    A row per line and rule: (sales_line_id int64, rule_id text, held int64 points, revision int32, the last).
    """
    query = sql.SQL(
        "select a.sales_line_id, a.rule_id, sum(a.points), max(a.revision) from award a"
        " where a.programme_id = {programme} and a.sales_line_id in (select id from sales_line"
        " where txid >= {low}::text::xid8 union all select reverses_id from sales_line"
        " where reverses_id is not null and txid >= {low}::text::xid8) group by a.sales_line_id, a.rule_id"
    ).format(programme=sql.Literal(programme_id), low=sql.Literal(str(low_txid)))
    frames = [
        pl.read_csv(piece, has_header=False, schema=STANDING_SCHEMA) for piece in _copied(connection, query)
    ]
    return pl.concat(frames) if frames else pl.DataFrame(schema=STANDING_SCHEMA)


_DECIDED_SINCE = sql.SQL(
    "select n.claim_number from claim_decision n where n.programme_id = {programme} and n.txid >= {low}::text::xid8"
)


def count_claims_since(connection: Connection, programme_id: UUID, low_txid: int) -> int:
    """Return how many claims of the programme transactions from `low_txid` on have decided."""
    return int(
        connection.execute(
            text(
                "select count(distinct claim_number) from claim_decision where programme_id = :programme_id"
                " and txid >= cast(cast(:low as text) as xid8)"
            ),
            {"programme_id": programme_id, "low": str(low_txid)},
        ).scalar_one()
    )


def claims_since(
    connection: Connection, programme_id: UUID, low_txid: int, *, currency: str, for_participants: bool
) -> Iterator[pl.DataFrame]:
    """Yield the last decisions on claims that transactions from `low_txid` on have decided.

    (claim_number, sales_line_id, company_id, owner_id, amount_minor, currency, sold_on, sold_at in UTC), in frames
    of bounded size. A rejected claim has no line and no amount, in the programme's `currency`. The owner is the
    participant or the company; a claim without a participant is left out where participants collect.
    """
    query = sql.SQL(
        "select d.claim_number, d.sales_line_id, d.company_id, d.{owner}, d.amount_minor,"
        " coalesce(d.currency, {currency}), d.sold_on,"
        " (extract(epoch from coalesce(d.sold_at, d.sold_on::timestamp at time zone 'UTC')) * 1000000)::bigint"
        " from claim_decision d where d.{owner} is not null and d.claim_number in ({since})"
        " and not exists (select from claim_decision n where n.claim_number = d.claim_number"
        " and n.revision > d.revision) order by d.claim_number"
    ).format(
        owner=sql.Identifier("participant_id" if for_participants else "company_id"),
        currency=sql.Literal(currency),
        since=_DECIDED_SINCE.format(programme=sql.Literal(programme_id), low=sql.Literal(str(low_txid))),
    )
    moment = pl.col("sold_at_us").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    for piece in _copied(connection, query):
        frame = pl.read_csv(piece, has_header=False, schema=_CLAIM_SCHEMA)
        yield frame.with_columns(moment.alias("sold_at")).drop("sold_at_us")


def standing_claim_awards(connection: Connection, programme_id: UUID, low_txid: int) -> pl.DataFrame:
    """Return what the claims of `claims_since` hold already.

    A row per claim, rule and line: (claim_number, rule_id, sales_line_id, held points, happened_on, revision), the
    last two of the last award there.
    """
    query = sql.SQL(
        "select a.claim_number, a.rule_id, a.sales_line_id, sum(a.points),"
        " (array_agg(a.happened_on order by a.revision desc))[1], max(a.revision) from award a"
        " where a.programme_id = {programme} and a.claim_number in ({since})"
        " group by a.claim_number, a.rule_id, a.sales_line_id"
    ).format(
        programme=sql.Literal(programme_id),
        since=_DECIDED_SINCE.format(programme=sql.Literal(programme_id), low=sql.Literal(str(low_txid))),
    )
    frames = [
        pl.read_csv(piece, has_header=False, schema=STANDING_CLAIM_SCHEMA)
        for piece in _copied(connection, query)
    ]
    return pl.concat(frames) if frames else pl.DataFrame(schema=STANDING_CLAIM_SCHEMA)


def points_of_claims(connection: Connection, numbers: Sequence[int]) -> dict[int, int]:
    """Return the points that each of the claims holds in the scope; a claim that never had any is left out."""
    rows = connection.execute(
        text(
            "select claim_number, sum(points)::bigint from award"
            " where claim_number in (select unnest(cast(:numbers as bigint[]))) group by claim_number"
        ),
        {"numbers": list(numbers)},
    )
    return {row[0]: int(row[1]) for row in rows}


def insert_awards(connection: Connection, awards: pl.DataFrame, *, programme_id: UUID, version: int) -> None:
    """Insert awards: (sales_line_id, claim_number, posting_id, points, basis_minor, revision, happened_on, rule_id).

    Each is its posting's company's. By COPY into a table of the transaction's own, then one INSERT: COPY can't
    write under row security.
    """
    raw = driver_connection(connection)
    raw.execute(
        "create temporary table new_award (sales_line_id bigint, claim_number bigint, posting_id bigint,"
        " points bigint, basis_minor bigint, revision integer, happened_on date, rule_id text) on commit drop"
    )
    columns = [
        "sales_line_id",
        "claim_number",
        "posting_id",
        "points",
        "basis_minor",
        "revision",
        "happened_on",
        "rule_id",
    ]
    with raw.cursor() as cursor, cursor.copy("copy new_award from stdin (format csv)") as copy:
        for frame in awards.select(columns).iter_slices(250_000):
            copy.write(frame.write_csv(include_header=False).encode())
    connection.execute(
        text(
            "insert into award (sales_line_id, claim_number, programme_id, company_id, posting_id, points,"
            " basis_minor, version, revision, happened_on, rule_id) select n.sales_line_id, n.claim_number,"
            " :programme_id, p.company_id, n.posting_id, n.points, n.basis_minor, :version, n.revision,"
            " n.happened_on, n.rule_id"
            " from new_award n join posting p on p.id = n.posting_id"
        ),
        {"programme_id": programme_id, "version": version},
    )
    raw.execute("drop table new_award")


@dataclass(frozen=True, slots=True)
class Settlement:
    """One run: the lines it scored, the awards and postings it made, and the points they come to."""

    id: UUID
    programme_id: UUID
    version: int
    lines: int
    awards: int
    points: int
    postings: int
    settled_by_name: str
    started_at: datetime
    finished_at: datetime
    seconds: Decimal


def insert_settlement(connection: Connection, run: Settlement) -> None:
    """Remember a run."""
    connection.execute(
        text(
            "insert into settlement (id, programme_id, version, lines, awards, points, postings,"
            " settled_by_name, started_at, finished_at, seconds) values (:id, :programme_id, :version, :lines,"
            " :awards, :points, :postings, :settled_by_name, :started_at, :finished_at, :seconds)"
        ),
        {name: getattr(run, name) for name in Settlement.__slots__},
    )


def settlements(connection: Connection, programme_id: UUID, *, limit: int) -> list[Settlement]:
    """Return the programme's runs, newest first."""
    rows = connection.execute(
        text(
            "select id, programme_id, version, lines, awards, points, postings, settled_by_name, started_at,"
            " finished_at, seconds from settlement where programme_id = :id"
            " order by finished_at desc limit :limit"
        ),
        {"id": programme_id, "limit": limit},
    )
    return [Settlement(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class SettlementRequest:
    """A settlement that someone asked the worker for, and how far it is."""

    id: UUID
    programme_id: UUID
    state: RequestState
    lines_scored: int
    lines_total: int | None
    refusal: str | None
    settlement_id: UUID | None
    requested_by: UUID | None
    requested_by_name: str
    requested_at: datetime
    finished_at: datetime | None


def insert_request(
    connection: Connection,
    scope: Scope,
    *,
    id: UUID,
    programme_id: UUID,
    request_key: UUID,
    requested_at: datetime,
) -> UUID:
    """Queue a settlement and return the request's id; with a key that was used before, that one's."""
    connection.execute(
        text(
            "insert into settlement_request (id, programme_id, request_key, state, requested_by,"
            " requested_by_name, requested_at) values (:id, :programme_id, :request_key, 'queued', :by, :by_name,"
            " :requested_at) on conflict (request_key) do nothing"
        ),
        {
            "id": id,
            "programme_id": programme_id,
            "request_key": request_key,
            "by": scope.user_id,
            "by_name": scope.actor_name,
            "requested_at": requested_at,
        },
    )
    found: UUID = connection.execute(
        text("select id from settlement_request where request_key = :key"), {"key": request_key}
    ).scalar_one()
    return found


_REQUEST = (
    "select id, programme_id, state, lines_scored, lines_total, refusal, settlement_id, requested_by,"
    " requested_by_name, requested_at, finished_at from settlement_request"
)


def _request(row: Row[Any]) -> SettlementRequest:
    values = dict(row._mapping)
    values["state"] = RequestState(values["state"])
    return SettlementRequest(**values)


def request_by_id(connection: Connection, request_id: UUID, *, lock: bool = False) -> SettlementRequest:
    """Return a requested settlement, with its row locked if asked. Raises NotFoundError."""
    suffix = " for update" if lock else ""
    row = connection.execute(text(f"{_REQUEST} where id = :id{suffix}"), {"id": request_id}).first()
    if row is None:
        raise NotFoundError(_("There is no settlement request {id}.").format(id=request_id))
    return _request(row)


def latest_request(connection: Connection, programme_id: UUID) -> SettlementRequest | None:
    """Return the programme's newest requested settlement, None when nobody asked for one."""
    row = connection.execute(
        text(_REQUEST + " where programme_id = :id order by requested_at desc, id desc limit 1"),
        {"id": programme_id},
    ).first()
    return _request(row) if row else None


def unfinished_request_ids(connection: Connection) -> list[UUID]:
    """Return the requested settlements that have not ended, oldest first."""
    rows = connection.execute(
        text("select id from settlement_request where state in ('queued', 'running') order by requested_at")
    )
    return list(rows.scalars())


def move_request(
    connection: Connection,
    found: SettlementRequest,
    state: RequestState,
    *,
    settlement_id: UUID | None = None,
    refusal: str | None = None,
    finished_at: datetime | None = None,
) -> None:
    """Move a request, whose row the caller has locked. Raises StateError where no such move exists."""
    if state not in MOVES[found.state]:
        raise StateError(
            _("This settlement is {state}; it can't become {wanted}.").format(
                state=found.state.value, wanted=state.value
            )
        )
    connection.execute(
        text(
            "update settlement_request set state = :state, settlement_id = :settlement_id, refusal = :refusal,"
            " finished_at = :finished_at where id = :id"
        ),
        {
            "id": found.id,
            "state": state.value,
            "settlement_id": settlement_id,
            "refusal": refusal,
            "finished_at": finished_at,
        },
    )


def show_progress(connection: Connection, request_id: UUID, lines_scored: int, lines_total: int) -> None:
    """Tell how far a requested settlement is."""
    connection.execute(
        text("update settlement_request set lines_scored = :scored, lines_total = :total where id = :id"),
        {"id": request_id, "scored": lines_scored, "total": lines_total},
    )


@dataclass(frozen=True, slots=True)
class AwardOfPosting:
    """One award on a statement, down to the row of the file that its line came from.

    `unit_price`, `quantity` and `amount_minor` are the whole line's, as they were reported; `basis_minor` is what
    the rule was applied to: of an award for a claim the claimed share. Both amounts are minor units of `currency`.
    `claim_number` and `claim_no` are None where the line itself earned. `is_undone`: the award takes back what the
    line held, because its import was undone.
    """

    award_id: int
    sales_line_id: int
    rule_id: str
    version: int
    revision: int
    points: int
    basis_minor: int
    currency: str
    sold_on: date
    sold_at: datetime
    invoice_no: str
    line_no: str | None
    product_code: str
    product_name: str
    quantity: Decimal
    unit_price: Decimal | None
    amount_minor: int
    import_id: UUID
    import_number: int | None
    file_name: str | None
    sheet: str | None
    row_no: int
    posting_id: int
    claim_number: int | None
    claim_no: str | None
    is_undone: bool


_AWARD = (
    "select a.id, l.id, a.rule_id, a.version, a.revision, a.points, a.basis_minor, l.currency, l.sold_on,"
    " l.sold_at, l.invoice_no, l.line_no, p.code, p.name, l.quantity, l.unit_price, l.amount_minor,"
    " l.import_id, i.number, f.file_name, l.sheet, l.row_no, a.posting_id, a.claim_number, c.claim_no,"
    # A settlement that saw the line taken back began to write after that was written.
    " a.claim_number is null and exists (select from sales_line r where r.reverses_id = l.id and r.txid < a.txid)"
    " from award a"
    " join sales_line l on l.id = a.sales_line_id join product p on p.id = l.product_id"
    " left join file_import i on i.id = l.import_id left join received_file f on f.id = i.file_id"
    " left join claim c on c.number = a.claim_number"
)


def awards_of_posting(
    connection: Connection, posting_id: int, *, limit: int, offset: int = 0
) -> list[AwardOfPosting]:
    """Return the awards behind a posting of the scope, largest first.

    The file's name and the import's number are None for those who do not see the import.
    """
    rows = connection.execute(
        text(
            _AWARD + " where a.posting_id = :posting_id order by abs(a.points) desc, a.id"
            " limit :limit offset :offset"
        ),
        {"posting_id": posting_id, "limit": limit, "offset": offset},
    )
    return [AwardOfPosting(*row) for row in rows]


def awards_of_claim(connection: Connection, claim_number: int) -> list[AwardOfPosting]:
    """Return every award that a claim of the scope was given or lost, the first first; each names its posting."""
    rows = connection.execute(
        text(_AWARD + " where a.claim_number = :number order by a.id"), {"number": claim_number}
    )
    return [AwardOfPosting(*row) for row in rows]


def count_awards_of_posting(connection: Connection, posting_id: int) -> int:
    """Return how many awards stand behind a posting of the scope."""
    return int(
        connection.execute(
            text("select count(*) from award where posting_id = :posting_id"), {"posting_id": posting_id}
        ).scalar_one()
    )


@dataclass(frozen=True, slots=True)
class LineOfCompany:
    """One sales line with the points that it holds in one programme, and the row of the file it came from.

    `is_void`: its import was undone, and it was taken back or takes another back (`takes_back`); it earns nothing.
    """

    sales_line_id: int
    sold_on: date
    sold_at: datetime
    invoice_no: str
    line_no: str | None
    product_code: str
    product_name: str
    quantity: Decimal
    unit_price: Decimal | None
    amount_minor: int
    currency: str
    points: int
    import_id: UUID
    import_number: int | None
    file_name: str | None
    sheet: str | None
    row_no: int
    is_void: bool
    takes_back: bool


_LINE_OF_COMPANY = (
    "select l.id, l.sold_on, l.sold_at, l.invoice_no, l.line_no, p.code, p.name, l.quantity, l.unit_price,"
    " l.amount_minor, l.currency, coalesce((select sum(a.points) from award a where a.sales_line_id = l.id"
    " and a.programme_id = :programme_id), 0)::bigint, l.import_id, i.number, f.file_name, l.sheet, l.row_no,"
    " l.reverses_id is not null or exists (select from sales_line r where r.reverses_id = l.id),"
    " l.reverses_id is not null from sales_line l join product p on p.id = l.product_id"
    " left join file_import i on i.id = l.import_id"
    " left join received_file f on f.id = i.file_id"
)


_LINE_SORTS = Sorts(
    {
        "sold": "l.sold_on",
        "invoice": "l.invoice_no",
        "product": "folded(p.name)",
        "quantity": "l.quantity",
        "amount": "l.amount_minor",
    },
    default="l.sold_on desc, l.id desc",
)


def lines_of_company(
    connection: Connection,
    company_id: UUID,
    programme_id: UUID,
    *,
    sort: Sort | None = None,
    limit: int,
    offset: int = 0,
) -> list[LineOfCompany]:
    """Return a company's sales lines of the scope, those sold last first, with their points in the programme.

    `sort` is by sold, invoice, product, quantity or amount.
    """
    order_by = _LINE_SORTS.order_by(sort)
    rows = connection.execute(
        text(_LINE_OF_COMPANY + f" where l.company_id = :company_id{order_by} limit :limit offset :offset"),
        {"company_id": company_id, "programme_id": programme_id, "limit": limit, "offset": offset},
    )
    return [LineOfCompany(*row) for row in rows]


def count_lines_of_company(connection: Connection, company_id: UUID) -> int:
    """Return how many sales lines of the scope the company has."""
    return int(
        connection.execute(
            text("select count(*) from sales_line where company_id = :company_id"), {"company_id": company_id}
        ).scalar_one()
    )


@dataclass(frozen=True, slots=True)
class LineOfImport(LineOfCompany):
    """One sales line that an import brought, with the company that bought."""

    company_code: str
    company_name: str


_OF_IMPORT = (
    " from sales_line l join company k on k.id = l.company_id where l.import_id = :import_id and l.reverses_id is null"
    " and (:words = '' or position(folded(:words) in folded(concat_ws(' ', l.invoice_no, k.code, k.name))) > 0)"
)


def lines_of_import(
    connection: Connection,
    import_id: UUID,
    programme_id: UUID | None,
    *,
    words: str = "",
    limit: int,
    offset: int = 0,
) -> list[LineOfImport]:
    """Return the sales lines of the scope that an import brought, by sheet and row of the file.

    `words` are looked for in the invoice and the company; '' finds all. Each line has its points in the programme;
    without one, 0. Lines that take others back, of an import that was undone, are left out.
    """
    rows = connection.execute(
        text(
            "select n.*, k.code as company_code, k.name as company_name"  # noqa: S608 put together from constants
            f" from ({_LINE_OF_COMPANY} where l.id in (select l.id {_OF_IMPORT} order by l.sheet, l.row_no"
            " limit :limit offset :offset)) n (id, sold_on, sold_at, invoice_no, line_no, product_code, product_name,"
            " quantity, unit_price, amount_minor, currency, points, import_id, import_number, file_name, sheet, row_no,"
            " is_void, takes_back) join sales_line o on o.id = n.id join company k on k.id = o.company_id"
            " order by n.sheet, n.row_no"
        ),
        {
            "import_id": import_id,
            "programme_id": programme_id,
            "words": words.strip(),
            "limit": limit,
            "offset": offset,
        },
    )
    return [LineOfImport(*row) for row in rows]


def count_lines_of_import(connection: Connection, import_id: UUID, *, words: str = "") -> int:
    """Return how many lines `lines_of_import` would return in all."""
    return int(
        connection.execute(
            text(f"select count(*){_OF_IMPORT}"), {"import_id": import_id, "words": words.strip()}
        ).scalar_one()
    )


# What must hold between sales, awards and the ledger; each finds how many things break it.
SETTLEMENT_CHECKS: dict[str, str] = {
    "every posting from awards is the sum of its awards": (
        "select count(*) from posting p left join (select posting_id, sum(points) as points from award"
        " group by posting_id) a on a.posting_id = p.id"
        " where p.source = 'settlement' and p.points is distinct from a.points"
    ),
    "every award belongs to a sales line of its company": (
        "select count(*) from award a left join sales_line l on l.id = a.sales_line_id"
        " where l.id is null or l.company_id <> a.company_id"
    ),
    "every award belongs to a posting of its company": (
        "select count(*) from award a left join posting p on p.id = a.posting_id"
        " where p.id is null or p.company_id <> a.company_id or p.programme_id <> a.programme_id"
    ),
    "awards of a line under a rule are numbered without gaps": (
        "select count(*) from (select count(*) as n, max(revision) as last from award where claim_number is null"
        " group by sales_line_id, programme_id, rule_id) a where a.n <> a.last"
    ),
    "awards of a claim under a rule are numbered without gaps": (
        "select count(*) from (select count(*) as n, max(revision) as last from award where claim_number is not null"
        " group by claim_number, programme_id, rule_id) a where a.n <> a.last"
    ),
    "every award of a claim rests on a decision for its line": (
        "select count(*) from award a where a.claim_number is not null and not exists (select from claim_decision d"
        " where d.claim_number = a.claim_number and d.sales_line_id = a.sales_line_id"
        " and d.programme_id = a.programme_id and d.company_id = a.company_id)"
    ),
    # What was decided since the last settlement holds after the next one.
    "points of a claim lie on the line of its last decision": (
        "select count(*) from (select claim_number, sales_line_id, programme_id from award"
        " where claim_number is not null group by claim_number, sales_line_id, programme_id, rule_id"
        " having sum(points) <> 0) a join claim_decision d on d.claim_number = a.claim_number"
        " and not exists (select from claim_decision n where n.claim_number = d.claim_number"
        " and n.revision > d.revision) join settlement_mark m on m.programme_id = a.programme_id"
        " where d.sales_line_id is distinct from a.sales_line_id"
        " and (d.txid < m.low_txid or pg_visible_in_snapshot(d.txid, m.seen::pg_snapshot))"
    ),
    "every award is posted to the account of who earned it": (
        "select count(*) from (select distinct a.posting_id, case when p.collects = 'participant'"
        " then c.participant_id else a.company_id end as owner_id, p.collects from award a"
        " join programme p on p.id = a.programme_id left join claim c on c.number = a.claim_number"
        " where (p.earns_from = 'claims') = (a.claim_number is not null)) a"
        " full join (select p.id, o.owner_id, o.kind from posting p join ledger_entry e on e.posting_id = p.id"
        " join account o on o.id = e.account_id and o.kind <> 'system' where p.source = 'settlement') o"
        " on o.id = a.posting_id where o.owner_id is distinct from a.owner_id or o.kind is distinct from a.collects"
    ),
    "every accepted or undone import has exactly its lines": (
        "select count(*) from file_import i full join (select import_id, count(*) filter (where reverses_id is null)"
        " as n, count(reverses_id) as reversed from sales_line group by import_id) l on l.import_id = i.id"
        " where (i.dataset = 'sales' or i.id is null)"
        " and (coalesce(l.n, 0) <> case when i.state in ('accepted', 'undone') then i.accepted else 0 end"
        " or coalesce(l.reversed, 0) <> case when i.state = 'undone' then i.accepted else 0 end)"
    ),
    # What was taken back since the last settlement holds no points after the next one.
    "no points stand on lines that were taken back": (
        "select count(*) from (select a.sales_line_id, a.programme_id from award a join sales_line r"
        " on r.reverses_id = a.sales_line_id and r.reverses_id is not null where a.claim_number is null"
        " group by a.sales_line_id, a.programme_id, a.rule_id having sum(a.points) <> 0) a"
        " join sales_line r on r.reverses_id = a.sales_line_id and r.reverses_id is not null"
        " join settlement_mark m on m.programme_id = a.programme_id"
        " where r.txid < m.low_txid or pg_visible_in_snapshot(r.txid, m.seen::pg_snapshot)"
    ),
    "no points were ever given to a line that takes another back": (
        "select count(*) from award a join sales_line r on r.id = a.sales_line_id where r.reverses_id is not null"
    ),
    "every sales line names a known company, region and product": (
        "select count(*) from sales_line l where not exists (select from company c where c.id = l.company_id)"
        " or not exists (select from region r where r.id = l.region_id)"
        " or not exists (select from product p where p.id = l.product_id)"
    ),
}


def broken_settlements(connection: Connection) -> dict[str, int]:
    """Return, for each of SETTLEMENT_CHECKS, how many things break it."""
    counts: dict[str, Any] = {
        name: connection.execute(text(query)).scalar_one() for name, query in SETTLEMENT_CHECKS.items()
    }
    return {name: int(count) for name, count in counts.items()}
