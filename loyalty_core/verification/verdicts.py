"""Judging claims by the reported sales: reads what lies beside them, lets `judgement` decide, writes what it says."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core import audit, programmes
from loyalty_core.kernel import Database, Scope, now, set_scope, to_minor
from loyalty_core.sales import NOT_REVERSED, hold_lines
from loyalty_core.verification import proposals
from loyalty_core.verification.judgement import (
    Beside,
    Judgement,
    Said,
    Sale,
    Share,
    SoldLine,
    Taken,
    Terms,
    Tolerances,
    expected_loss,
    judge,
)
from loyalty_core.verification.policy import DAYS_AROUND, Verdict
from loyalty_core.verification.states import ClaimState

BY_RULE_NAME = "by rule"
# How many claims are looked at together, so that a file of millions does not fill the memory.
_TOGETHER = 20_000
# Above this many, the planner is told what lies in the temporary table.
_WORTH_COUNTING = 500
_SYSTEM = Scope.of_system("verification")


@dataclass(frozen=True, slots=True)
class Judged:
    """How many claims were judged, by verdict, how many verdicts are new or other ones, and how many were approved."""

    verdicts: Mapping[Verdict, int]
    changed: int
    approved: int

    @property
    def count(self) -> int:
        """How many claims were judged."""
        return sum(self.verdicts.values())


def judge_claims(
    connection: Connection,
    scope: Scope,
    *,
    import_id: UUID | None = None,
    numbers: Sequence[int] | None = None,
) -> Judged:
    """Judge undecided claims, of an import or of these numbers, within the caller's transaction.

    Claims of the same company and invoice are judged along, since they share its units. Whoever causes it, all sales
    are looked at: what a claim is does not depend on who asks. A verdict is written where it is new, and then what a
    first person decided under the one before is withdrawn; what agrees is approved by rule (`judgement` says when),
    with its units locked first.
    """
    set_scope(connection, _SYSTEM)
    verdicts: dict[Verdict, int] = defaultdict(int)
    changed = approved = 0
    reopened: list[int] = []
    terms: dict[UUID | None, Terms] = {}
    parts = list(_parts(connection, import_id, numbers))
    if len(parts) > 1:
        _hold(connection, [number for part in parts for number in part])
    for together in parts:
        fetched = _fetch(connection, together)
        for programme_id in {one.said.programme_id for one in fetched.values()} - terms.keys():
            terms[programme_id] = _terms(connection, programme_id)
        found = judge([one.said for one in fetched.values()], _beside(connection, terms))
        for one in found:
            verdicts[one.verdict] += 1
        others = _write(connection, fetched, found)
        changed += len(others)
        approved += _approve(connection, fetched, [one for one in found if one.shares])
        reopened += proposals.withdraw_outdated(connection, others)
    if reopened:
        # They wait now, so that what agrees is approved by rule after all.
        once_more = judge_claims(connection, _SYSTEM, numbers=reopened)
        approved += once_more.approved
    set_scope(connection, scope)
    if changed or approved:
        audit.record(
            connection,
            scope,
            "verification.claims_judged",
            "file_import" if import_id is not None else "claim",
            import_id if import_id is not None else ",".join(map(str, sorted(numbers or ())[:20])),
            {"verdicts": {v.value: n for v, n in sorted(verdicts.items())}, "approved_by_rule": approved},
        )
    return Judged(dict(verdicts), changed, approved)


def judge_due_claims(database: Database) -> int:
    """Judge the undecided claims that sales lines, reversals or people's decisions of the meantime may change.

    Returns how many. A decision gives units back, or takes them, that others of the same sale ask for; what is
    decided by rule was judged together with those. Nothing new costs three looks into indexes. One process at a time
    does it; claims that other transactions brought in meanwhile are looked at once more.
    """
    with database.transaction(_SYSTEM) as connection:
        got = connection.execute(
            text("select pg_try_advisory_xact_lock(hashtextextended('laurel.judge_due_claims', 0))")
        ).scalar_one()
        if not got:
            return 0
        low = (
            connection.execute(text("select low_txid::text::bigint from claims_judged where id = 1")).scalar()
            or 0
        )
        is_due, high = connection.execute(
            text(
                "select exists (select from sales_line where txid >= cast(:low as text)::xid8)"
                " or exists (select from claim where txid >= cast(:low as text)::xid8"
                " and state in ('waiting', 'asked', 'proposed'))"
                " or exists (select from claim_decision where txid >= cast(:low as text)::xid8 and not is_by_rule),"
                " pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
            ),
            {"low": str(low)},
        ).one()
        if not is_due:
            return 0
        due = connection.execute(
            text(
                "with fresh as materialized (select distinct company_id, invoice_no from sales_line"
                " where txid >= cast(:low as text)::xid8),"
                # What a decision holds, and what the claim held before it.
                " decided as materialized (select distinct claim_number from claim_decision"
                "  where txid >= cast(:low as text)::xid8 and not is_by_rule),"
                " lines as materialized (select d.sales_line_id from claim_decision d"
                "  where d.claim_number in (select claim_number from decided) and d.sales_line_id is not null"
                "  union select f.sales_line_id from claim_further_line f"
                "  where f.claim_number in (select claim_number from decided)),"
                " moved as materialized (select company_id, invoice_no from claim"
                "  where number in (select claim_number from decided)"
                "  union select company_id, invoice_no from sales_line"
                "  where id in (select sales_line_id from lines))"
                " select c.number from claim c where c.state in ('waiting', 'asked', 'proposed')"
                " and (c.txid >= cast(:low as text)::xid8 or c.company_id in (select company_id from fresh)"
                " or c.invoice_no in (select invoice_no from fresh)"
                " or (c.company_id, c.invoice_no) in (select company_id, invoice_no from moved)"
                " or c.best_line_id in (select sales_line_id from lines)) order by c.number"
            ),
            {"low": str(low)},
        )
        numbers = [row.number for row in due]
        judge_claims(connection, _SYSTEM, numbers=numbers)
        connection.execute(
            text(
                "insert into claims_judged (id, low_txid) values (1, cast(:high as text)::xid8)"
                " on conflict (id) do update set low_txid = excluded.low_txid"
            ),
            {"high": str(high)},
        )
    return len(numbers)


class ExportedClaim(NamedTuple):
    """A claim of a file as it stands: `decision` is approved, queued, rejected or withdrawn."""

    claim_no: str
    verdict: str
    decision: str
    proposed_invoice_no: str


_DECISIONS = {
    ClaimState.APPROVED.value: "approved",
    ClaimState.REJECTED.value: "rejected",
    ClaimState.WITHDRAWN.value: "withdrawn",
}


def export_claims(connection: Connection, import_id: UUID) -> Iterator[ExportedClaim]:
    """Yield the claims of an import with their verdicts, in the order of the file. Empty fields are ''."""
    rows = connection.execute(
        text(
            "select c.claim_no, coalesce(c.verdict, '') as verdict, c.state,"
            " coalesce(v.proposed_invoice_no, '') as proposed_invoice_no from claim c"
            " left join lateral (select proposed_invoice_no from claim_verdict v where v.claim_number = c.number"
            " order by v.id desc limit 1) v on true"
            " where c.import_id = :import_id order by c.sheet nulls first, c.row_no"
        ).execution_options(yield_per=5000),
        {"import_id": import_id},
    )
    for row in rows:
        yield ExportedClaim(
            row.claim_no, row.verdict, _DECISIONS.get(row.state, "queued"), row.proposed_invoice_no
        )


class _Fetched(NamedTuple):
    """A claim with what was last said of it."""

    said: Said
    revision: int
    verdict: str | None
    best_line_id: int | None
    proposed_invoice_no: str | None
    duplicate_of: int | None
    at_stake_minor: int | None
    expected_loss_minor: int | None
    decided: int
    rejected: int


def _parts(
    connection: Connection, import_id: UUID | None, numbers: Sequence[int] | None
) -> Iterator[list[int]]:
    """Yield the numbers of the claims to judge in parts, those of one company never apart."""
    rows = connection.execute(
        text(
            "select c.number, c.company_id from claim c where c.state in ('waiting', 'asked', 'proposed')"
            " and (c.import_id = cast(:import_id as uuid) or c.number = any(cast(:numbers as bigint[])))"
            " order by c.company_id, c.number"
        ),
        {"import_id": import_id, "numbers": list(numbers or ())},
    ).all()
    part: list[int] = []
    for _company_id, claims in groupby(rows, key=lambda row: row.company_id):
        mine = [row.number for row in claims]
        if part and len(part) + len(mine) > _TOGETHER:
            yield part
            part = []
        part += mine
    if part:
        yield part


# The undecided claims of :numbers, and those that share an invoice with them, locked in their order.
_LOCKED = (
    "with wanted as (select number from claim where number = any(cast(:numbers as bigint[]))"
    " union select o.number from claim w join claim o on o.company_id = w.company_id"
    "  and o.invoice_no = w.invoice_no where w.number = any(cast(:numbers as bigint[]))),"
    " locked as materialized (select c.* from claim c where c.number in (select number from wanted)"
    "  and c.state in ('waiting', 'asked', 'proposed') order by c.number for no key update)"
)


def _empty_hand(connection: Connection) -> None:
    connection.execute(
        text(
            "create temporary table if not exists claim_at_hand (number bigint, programme_id uuid, company_id uuid,"
            " participant_id uuid, invoice_no text, product_code text, product_id uuid, sold_on date) on commit drop"
        )
    )
    connection.execute(text("truncate claim_at_hand"))


def _hold(connection: Connection, numbers: Sequence[int]) -> None:
    """Lock all that the parts will lock: the claims by number, then the units that they name by line.

    That is the order of one part, and of everybody else. Part after part, a claim of the second part is locked after
    units of the first: who judges the same claims in other parts, or at once, would be met in a deadlock.
    """
    _empty_hand(connection)
    connection.execute(
        text(
            f"{_LOCKED} insert into claim_at_hand select c.number, c.programme_id, c.company_id, c.participant_id,"  # noqa: S608 put together from constants
            " c.invoice_no, c.product_code, p.id, c.sold_on from locked c"
            " left join product p on p.code = c.product_code"
        ),
        {"numbers": list(numbers)},
    )
    connection.execute(text("analyze claim_at_hand"))
    lines = connection.execute(
        text(
            "select l.id from (select distinct company_id, invoice_no, product_id from claim_at_hand) w"  # noqa: S608 put together from constants
            " join sales_line l on l.company_id = w.company_id and l.invoice_no = w.invoice_no"
            f" and l.product_id = w.product_id where l.quantity > 0 and {NOT_REVERSED}"
        )
    ).scalars()
    _lock_units(connection, list(lines))


def _fetch(connection: Connection, numbers: Sequence[int]) -> dict[int, _Fetched]:
    """Lock the claims and those that share an invoice with them, and put them where the other queries find them."""
    _empty_hand(connection)
    rows = connection.execute(
        text(
            f"{_LOCKED} select c.number, c.claim_no, c.programme_id, c.company_id, c.participant_id, c.invoice_no,"  # noqa: S608 put together from constants
            "  c.product_code, p.id as product_id, c.quantity, c.sold_on, c.state, c.company_code_said,"
            "  exists (select from claim_decision d where d.claim_number = c.number and d.kind = 'correct')"
            "  or exists (select from claim_proposal q where q.claim_number = c.number and q.kind <> 'approve'"
            "  and q.outcome = 'withdrawn') as is_by_person, c.revision, c.verdict, c.best_line_id,"
            "  c.at_stake_minor, c.expected_loss_minor, v.proposed_invoice_no, v.duplicate_of"
            " from locked c left join product p on p.code = c.product_code"
            " left join lateral (select v.proposed_invoice_no, v.duplicate_of from claim_verdict v"
            "  where v.claim_number = c.number order by v.id desc limit 1) v on c.verdict is not null"
        ),
        {"numbers": list(numbers)},
    ).all()
    records = {
        (row.participant_id, row.company_id): (row.decided, row.rejected)
        for row in connection.execute(
            text(
                "select c.participant_id, c.company_id, count(*) as decided,"
                " count(*) filter (where c.state = 'rejected') as rejected from claim c"
                " join claim_decision d on d.claim_number = c.number and d.revision = c.revision"
                " where c.state in ('approved', 'rejected') and not d.is_by_rule"
                " and c.company_id = any(cast(:companies as uuid[])) group by 1, 2"
            ),
            {"companies": list({row.company_id for row in rows if row.company_id is not None})},
        )
    }
    found = {
        row.number: _Fetched(
            Said(
                number=row.number,
                claim_no=row.claim_no,
                programme_id=row.programme_id,
                company_id=row.company_id,
                participant_id=row.participant_id,
                invoice_no=row.invoice_no,
                product_code=row.product_code,
                product_id=row.product_id,
                quantity=row.quantity,
                sold_on=row.sold_on,
                state=ClaimState(row.state),
                company_code_said=row.company_code_said,
                is_by_person=row.is_by_person,
            ),
            row.revision,
            row.verdict,
            row.best_line_id,
            row.proposed_invoice_no,
            row.duplicate_of,
            row.at_stake_minor,
            row.expected_loss_minor,
            *records.get((row.participant_id, row.company_id), (0, 0)),
        )
        for row in rows
    }
    said = [one.said for one in found.values()]
    names = ("programme_id", "company_id", "participant_id", "invoice_no", "product_code", "product_id")
    connection.execute(
        text(
            "insert into claim_at_hand select * from unnest(cast(:number as bigint[]), cast(:programme_id as uuid[]),"
            " cast(:company_id as uuid[]), cast(:participant_id as uuid[]), cast(:invoice_no as text[]),"
            " cast(:product_code as text[]), cast(:product_id as uuid[]), cast(:sold_on as date[]))"
        ),
        {
            "number": [one.number for one in said],
            "sold_on": [one.sold_on for one in said],
            **{name: [getattr(one, name) for one in said] for name in names},
        },
    )
    if len(said) > _WORTH_COUNTING:
        connection.execute(text("analyze claim_at_hand"))
    return found


def _terms(connection: Connection, programme_id: UUID | None) -> Terms:
    rules = programmes.verification_of(connection, programme_id)
    tolerances = Tolerances(rules.tolerance_days, rules.tolerance_units, rules.tolerance_percent)
    if programme_id is None or rules.second_person_above is None:
        return Terms(tolerances)
    currency = programmes.programme_by_id(connection, _SYSTEM, programme_id).currency
    return Terms(tolerances, currency, to_minor(rules.second_person_above, currency))


_COLUMNS = (
    "l.id, l.company_id, l.invoice_no, l.product_id, l.quantity, l.amount_minor, l.currency, l.sold_on,"
    " l.sold_at"
)
_OWN = (
    f"select {_COLUMNS} from (select distinct company_id, invoice_no, product_id from claim_at_hand) w"  # noqa: S608 put together from constants
    " join sales_line l on l.company_id = w.company_id and l.invoice_no = w.invoice_no"
    f" and l.product_id = w.product_id where {NOT_REVERSED} order by l.id"
)
# Claims whose company, invoice and product name no sale. Their first and last day bound what the index reads.
_LOST = (
    "select w.* from claim_at_hand w where not exists (select from unnest(cast(:companies as uuid[]),"
    " cast(:invoices as text[]), cast(:products as uuid[])) o(company_id, invoice_no, product_id)"
    " where o.company_id = w.company_id and o.invoice_no = w.invoice_no and o.product_id = w.product_id)"
)
_AROUND = (
    " and l.sold_on between w.sold_on - :days and w.sold_on + :days"
    " and l.sold_on between (select min(sold_on) from lost) - :days and (select max(sold_on) from lost) + :days"
)
_NEAR = (
    f"with lost as materialized ({_LOST}) select w.number, {_COLUMNS} from lost w join sales_line l"  # noqa: S608 put together from constants
    f" on l.company_id = w.company_id and l.product_id = w.product_id where {NOT_REVERSED}{_AROUND} order by l.id"
)
_OTHERS = (
    f"with lost as materialized ({_LOST}) select w.number, {_COLUMNS} from lost w join sales_line l"  # noqa: S608 put together from constants
    " on l.invoice_no = w.invoice_no and l.product_id = w.product_id"
    f" where l.company_id is distinct from w.company_id and {NOT_REVERSED}{_AROUND} order by l.id"
)

# Of what was lost, the invoices that its company has, whatever is on them.
_INVOICES = (
    f"with lost as materialized ({_LOST}) select distinct w.company_id, w.invoice_no from lost w where exists"  # noqa: S608 put together from constants
    f" (select from sales_line l where l.company_id = w.company_id and l.invoice_no = w.invoice_no and {NOT_REVERSED})"
)


def _sales(rows: Iterable[Any]) -> list[tuple[Any, Sale]]:
    """Return the sales that the lines make up, each with one of its rows; what was only returned is none."""
    grouped: dict[tuple[UUID, str, UUID], list[Any]] = defaultdict(list)
    for row in rows:
        grouped[row.company_id, row.invoice_no, row.product_id].append(row)
    sales = []
    for mine in grouped.values():
        sold = [row for row in mine if row.quantity > 0]
        if not sold:
            continue
        # Amounts of two currencies can't be one claim's: what the first line is in counts.
        lines = tuple(
            SoldLine(row.id, row.quantity, row.amount_minor, row.currency, row.sold_on, row.sold_at)
            for row in sold
            if row.currency == sold[0].currency
        )
        returned = -sum((row.quantity for row in mine if row.quantity < 0), Decimal(0))
        sales.append((sold[0], Sale(sold[0].invoice_no, lines, returned)))
    return sales


def _beside(connection: Connection, terms: Mapping[UUID | None, Terms]) -> Beside:
    """Return what lies beside the claims at hand, with the units of the sales that they name locked."""
    own = {
        (row.company_id, row.invoice_no, row.product_id): sale
        for row, sale in _sales(connection.execute(text(_OWN)))
    }
    keys = {
        "companies": [key[0] for key in own],
        "invoices": [key[1] for key in own],
        "products": [key[2] for key in own],
        "days": DAYS_AROUND,
    }
    near, others = _by_claim(connection, _NEAR, keys), _by_claim(connection, _OTHERS, keys)
    invoices = frozenset(
        (row.company_id, row.invoice_no) for row in connection.execute(text(_INVOICES), keys)
    )
    # Before it is asked which claims stand: who was at the same sale has come to an end by then, and is among them.
    taken = _taken(connection, own, near)
    standing: dict[tuple[object, ...], list[Said]] = defaultdict(list)
    for row in connection.execute(
        text(
            "select c.number, c.claim_no, c.programme_id, c.company_id, c.participant_id, c.invoice_no,"
            " c.product_code, c.quantity, c.sold_on, c.state from claim c"
            " where c.state in ('approved', 'rejected') and (c.company_id, c.invoice_no) in"
            " (select company_id, invoice_no from claim_at_hand) order by c.number"
        )
    ):
        one = Said(**{**row._asdict(), "state": ClaimState(row.state), "product_id": None})
        standing[one.repeats].append(one)
    return Beside(own, taken, dict(standing), near, others, terms, invoices)


def _by_claim(connection: Connection, query: str, keys: Mapping[str, Any]) -> dict[int, list[Sale]]:
    found: dict[int, list[Sale]] = {}
    rows = connection.execute(text(query), keys).all()
    for number, mine in groupby(sorted(rows, key=lambda row: row.number), key=lambda row: row.number):
        found[number] = [sale for _row, sale in _sales(mine)]
    return found


_UNITS = (
    "select sales_line_id, programme_id, units_claimed from claimed_line"
    " where sales_line_id = any(cast(:lines as bigint[])) order by sales_line_id, programme_id"
)


def _lock_units(connection: Connection, lines: Sequence[int]) -> Sequence[Any]:
    """Lock the units of lines that the claims at hand name, by line, and return how many are claimed of each."""
    connection.execute(
        text(
            "insert into claimed_line (sales_line_id, programme_id, company_id, units_sold, units_claimed)"
            " select distinct l.id, w.programme_id, l.company_id, l.quantity, 0 from claim_at_hand w"
            " join sales_line l on l.company_id = w.company_id and l.invoice_no = w.invoice_no"
            " and l.product_id = w.product_id where l.id = any(cast(:lines as bigint[])) order by 1, 2"
            " on conflict do nothing"
        ),
        {"lines": lines},
    )
    return connection.execute(text(f"{_UNITS} for no key update"), {"lines": lines}).all()


def _taken(
    connection: Connection, own: Mapping[tuple[UUID, str, UUID], Sale], near: Mapping[int, Sequence[Sale]]
) -> Taken:
    """Return which units are claimed: locked, for the sales that claims name."""
    beside = [line.sales_line_id for sales in near.values() for sale in sales for line in sale.lines]
    taken = Taken()
    for row in connection.execute(text(_UNITS), {"lines": beside}):
        taken.units[row.programme_id, row.sales_line_id] = row.units_claimed
    # From here on nobody else takes units of these lines; read again, since somebody may have just done so.
    for row in _lock_units(connection, [line.sales_line_id for sale in own.values() for line in sale.lines]):
        taken.units[row.programme_id, row.sales_line_id] = row.units_claimed
    held = sorted({line_id for (_programme, line_id), units in taken.units.items() if units > 0})
    if held:
        for row in connection.execute(
            text(
                "select h.sales_line_id, h.programme_id, min(h.number) as number from (select c.sales_line_id,"
                "  c.programme_id, c.number from claim c where c.state = 'approved'"
                "  and c.company_id in (select company_id from claim_at_hand)"
                "  and c.sales_line_id = any(cast(:lines as bigint[]))"
                " union all select f.sales_line_id, f.programme_id, f.claim_number from claim_further_line f"
                "  join claim c on c.number = f.claim_number and c.revision = f.revision"
                "  where f.sales_line_id = any(cast(:lines as bigint[]))) h group by 1, 2"
            ),
            {"lines": held},
        ):
            taken.holders[row.programme_id, row.sales_line_id] = row.number
    return taken


def _write(connection: Connection, fetched: Mapping[int, _Fetched], found: Sequence[Judgement]) -> list[int]:
    """Write the verdicts that are new or other ones, and return the numbers of those claims."""
    moment = now()
    fresh: list[Judgement] = []
    repeated: list[dict[str, Any]] = []
    for one in found:
        claim = fetched[one.number]
        loss = expected_loss(one, claim.said, claim.decided, claim.rejected) or (None, None)
        line = one.best.lines[0] if one.best is not None else None
        line_id = line.sales_line_id if line is not None else None
        is_new = (one.verdict.value, line_id, one.proposed_invoice_no, one.duplicate_of) != (
            claim.verdict,
            claim.best_line_id,
            claim.proposed_invoice_no,
            claim.duplicate_of,
        )
        if is_new:
            fresh.append(one)
        if is_new or loss != (claim.at_stake_minor, claim.expected_loss_minor):
            repeated.append(
                {
                    "number": one.number,
                    "verdict": one.verdict.value,
                    "line": line_id,
                    "stake": loss[0],
                    "loss": loss[1],
                    "currency": line.currency if line is not None else None,
                    "is_new": is_new,
                }
            )
    if fresh:
        connection.execute(
            text(
                "insert into claim_verdict (claim_number, programme_id, company_id, verdict, sales_line_id,"
                " proposed_invoice_no, duplicate_of, judged_at) select * from unnest(cast(:number as bigint[]),"
                " cast(:programme as uuid[]), cast(:company as uuid[]), cast(:verdict as text[]),"
                " cast(:line as bigint[]), cast(:proposed as text[]), cast(:duplicate as bigint[])),"
                " lateral (select cast(:moment as timestamptz)) m"
            ),
            {
                "number": [one.number for one in fresh],
                "programme": [fetched[one.number].said.programme_id for one in fresh],
                "company": [fetched[one.number].said.company_id for one in fresh],
                "verdict": [one.verdict.value for one in fresh],
                "line": [one.best.lines[0].sales_line_id if one.best else None for one in fresh],
                "proposed": [one.proposed_invoice_no for one in fresh],
                "duplicate": [one.duplicate_of for one in fresh],
                "moment": moment,
            },
        )
    if repeated:
        connection.execute(
            text(
                "update claim c set verdict = n.verdict, best_line_id = n.line, at_stake_minor = n.stake,"
                " expected_loss_minor = n.loss, stake_currency = n.currency,"
                " judged_at = case when n.is_new then :moment else c.judged_at end"
                " from unnest(cast(:number as bigint[]), cast(:verdict as text[]), cast(:line as bigint[]),"
                " cast(:stake as bigint[]), cast(:loss as bigint[]), cast(:currency as text[]),"
                " cast(:is_new as boolean[])) n(number, verdict, line, stake, loss, currency, is_new)"
                " where c.number = n.number"
            ),
            {"moment": moment, **{name: [row[name] for row in repeated] for name in repeated[0]}},
        )
    return [one.number for one in fresh]


def _approve(connection: Connection, fetched: Mapping[int, _Fetched], found: Sequence[Judgement]) -> int:
    """Write the decisions of what is approved by rule, with the units that each claim takes.

    A claim to a line that was taken back since it was read stays undecided: it is judged again.
    """
    standing = hold_lines(connection, {share.line.sales_line_id for one in found for share in one.shares})
    found = [one for one in found if all(share.line.sales_line_id in standing for share in one.shares)]
    if not found:
        return 0
    moment = now()
    main = [(one, one.shares[0], sum((s.quantity for s in one.shares), Decimal(0))) for one in found]
    values = {
        "number": [one.number for one in found],
        "revision": [fetched[one.number].revision + 1 for one in found],
        "programme": [fetched[one.number].said.programme_id for one in found],
        "company": [fetched[one.number].said.company_id for one in found],
        "participant": [fetched[one.number].said.participant_id for one in found],
        "line": [share.line.sales_line_id for _one, share, _quantity in main],
        "quantity": [quantity for _one, _share, quantity in main],
        "amount": [sum(share.amount_minor for share in one.shares) for one in found],
        "currency": [share.line.currency for _one, share, _quantity in main],
        "sold_on": [share.line.sold_on for _one, share, _quantity in main],
        "sold_at": [share.line.sold_at for _one, share, _quantity in main],
    }
    connection.execute(
        text(
            "insert into claim_decision (claim_number, revision, programme_id, company_id, participant_id, kind,"
            " sales_line_id, quantity, amount_minor, currency, sold_on, sold_at, is_by_rule, decided_by_name,"
            " decided_at) select n.number, n.revision, n.programme, n.company, n.participant, 'approve', n.line,"
            " n.quantity, n.amount, n.currency, n.sold_on, n.sold_at, true, :by_rule, :moment"
            " from unnest(cast(:number as bigint[]), cast(:revision as integer[]), cast(:programme as uuid[]),"
            " cast(:company as uuid[]), cast(:participant as uuid[]), cast(:line as bigint[]),"
            " cast(:quantity as numeric[]), cast(:amount as bigint[]), cast(:currency as text[]),"
            " cast(:sold_on as date[]), cast(:sold_at as timestamptz[])) n(number, revision, programme, company,"
            " participant, line, quantity, amount, currency, sold_on, sold_at)"
        ),
        {**values, "moment": moment, "by_rule": BY_RULE_NAME},
    )
    connection.execute(
        text(
            "update claim c set state = 'approved', revision = n.revision, sales_line_id = n.line,"
            " approved_quantity = n.quantity, decided_at = :moment, escalated_at = null"
            " from unnest(cast(:number as bigint[]), cast(:revision as integer[]), cast(:line as bigint[]),"
            " cast(:quantity as numeric[])) n(number, revision, line, quantity) where c.number = n.number"
        ),
        {**{name: values[name] for name in ("number", "revision", "line", "quantity")}, "moment": moment},
    )
    _write_shares(connection, fetched, found)
    return len(found)


def _write_shares(
    connection: Connection, fetched: Mapping[int, _Fetched], found: Sequence[Judgement]
) -> None:
    """Count the units that are taken now, and remember the lines beyond each decision's own."""
    units: dict[tuple[int, UUID | None], Decimal] = defaultdict(Decimal)
    further: list[tuple[_Fetched, Share]] = []
    for one in found:
        claim = fetched[one.number]
        for place, share in enumerate(one.shares):
            units[share.line.sales_line_id, claim.said.programme_id] += share.quantity
            if place:
                further.append((claim, share))
    connection.execute(
        text(
            "update claimed_line k set units_claimed = k.units_claimed + n.units"
            " from unnest(cast(:line as bigint[]), cast(:programme as uuid[]), cast(:units as numeric[]))"
            " n(line, programme, units) where k.sales_line_id = n.line"
            " and k.programme_id is not distinct from n.programme"
        ),
        {
            "line": [line for line, _programme in units],
            "programme": [programme for _line, programme in units],
            "units": list(units.values()),
        },
    )
    if further:
        connection.execute(
            text(
                "insert into claim_further_line (claim_number, revision, sales_line_id, programme_id, company_id,"
                " quantity, amount_minor) select * from unnest(cast(:number as bigint[]),"
                " cast(:revision as integer[]), cast(:line as bigint[]), cast(:programme as uuid[]),"
                " cast(:company as uuid[]), cast(:quantity as numeric[]), cast(:amount as bigint[]))"
            ),
            {
                "number": [claim.said.number for claim, _share in further],
                "revision": [claim.revision + 1 for claim, _share in further],
                "line": [share.line.sales_line_id for _claim, share in further],
                "programme": [claim.said.programme_id for claim, _share in further],
                "company": [claim.said.company_id for claim, _share in further],
                "quantity": [share.quantity for _claim, share in further],
                "amount": [share.amount_minor for _claim, share in further],
            },
        )
