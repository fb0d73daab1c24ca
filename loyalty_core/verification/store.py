"""Every query on claims, decisions, claimed units and documents; `matching` lays claims beside sold lines."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from loyalty_core.kernel import NotFoundError, Scope, StateError, _, now
from loyalty_core.verification.policy import (
    Claim,
    ClaimSource,
    Decision,
    DecisionKind,
    EventKind,
    LineBeside,
    Verdict,
)
from loyalty_core.verification.states import CLAIM_MOVES, ClaimState


class UnknownClaimError(NotFoundError):
    """No such claim lies in the asker's scope."""

    def __init__(self, number: int) -> None:
        super().__init__(_("There is no claim {number} among those you see.").format(number=number))
        self.number = number


class UnknownDocumentError(NotFoundError):
    """No such document lies in the asker's scope."""

    def __init__(self, document_id: object) -> None:
        super().__init__(_("There is no document {id} among those you see.").format(id=document_id))


class UnknownLineError(NotFoundError):
    """No such sold line lies in the asker's scope."""

    def __init__(self, sales_line_id: int) -> None:
        super().__init__(_("There is no sold line {id} among those you see.").format(id=sales_line_id))
        self.sales_line_id = sales_line_id


class ClaimDecidedError(StateError):
    """The claim has been decided; only a correction changes it."""

    def __init__(self, claim: Claim) -> None:
        sentence = {
            ClaimState.APPROVED: _("Claim {claim} is approved already. Correct it if that was wrong."),
            ClaimState.REJECTED: _("Claim {claim} is rejected already. Correct it if that was wrong."),
            ClaimState.WITHDRAWN: _("Claim {claim} is withdrawn."),
            ClaimState.PROPOSED: _("Claim {claim} waits for a second person to agree with what was decided."),
            ClaimState.ASKED: _("Claim {claim} waits for an answer of who claimed."),
            ClaimState.WAITING: _("Claim {claim} waits for a decision."),
        }[claim.state]
        super().__init__(sentence.format(claim=claim.claim_no))
        self.claim = claim


CLAIM = (
    "select c.number, c.claim_no, c.programme_id, g.name as programme_name, c.company_id,"
    " coalesce(k.code, c.company_code_said) as company_code,"
    " coalesce(k.name, c.company_code_said) as company_name,"
    " c.participant_id, p.code as participant_code, pp.display_name as participant_name,"
    " c.source, c.import_id, i.number as import_number, f.file_name, c.sheet, c.row_no, c.invoice_no,"
    " c.product_code, product.name as product_name, c.quantity, c.sold_on, c.document_id, c.note, c.state,"
    " c.revision, c.sales_line_id, c.approved_quantity, c.decided_at, d.decided_by_name,"
    " d.reason as decision_reason, c.entered_by, c.entered_by_name, c.recorded_at, c.verdict, c.best_line_id,"
    " c.judged_at, c.at_stake_minor, c.expected_loss_minor, c.stake_currency, c.assigned_to, c.assigned_to_name,"
    " c.assigned_at, c.escalated_at"
    " from claim c left join company k on k.id = c.company_id"
    " left join programme g on g.id = c.programme_id"
    " left join participant p on p.id = c.participant_id"
    " left join participant_person pp on pp.participant_id = c.participant_id"
    " left join product on product.code = c.product_code"
    " left join claim_decision d on d.claim_number = c.number and d.revision = c.revision"
    " left join file_import i on i.id = c.import_id left join received_file f on f.id = i.file_id"
)


def claim_of(row: Row[Any]) -> Claim:
    """Return the claim that a row of CLAIM holds."""
    return Claim(
        **{
            **row._asdict(),
            "source": ClaimSource(row.source),
            "state": ClaimState(row.state),
            "verdict": Verdict(row.verdict) if row.verdict else None,
        }
    )


def claim_by_number(connection: Connection, number: int) -> Claim:
    """Return a claim of the scope. Raises UnknownClaimError."""
    row = connection.execute(text(CLAIM + " where c.number = :number"), {"number": number}).first()
    if row is None:
        raise UnknownClaimError(number)
    return claim_of(row)


def lock_claim(connection: Connection, number: int) -> Claim:
    """Return a claim of the scope with its row locked until the transaction ends. Raises UnknownClaimError."""
    connection.execute(text("select from claim where number = :number for update"), {"number": number})
    return claim_by_number(connection, number)


def lock_claim_in_sight(connection: Connection, scope: Scope, number: int) -> Claim:
    """Return the claim, locked. Raises UnknownClaimError, for one of a programme out of sight too."""
    claim = lock_claim(connection, number)
    if claim.programme_id is not None and not scope.sees_programme(claim.programme_id):
        raise UnknownClaimError(number)
    return claim


def claim_by_request_key(connection: Connection, request_key: UUID) -> Claim | None:
    """Return the claim of the scope that a form with this key entered."""
    row = connection.execute(text(CLAIM + " where c.request_key = :key"), {"key": request_key}).first()
    return claim_of(row) if row else None


def claims_by_number(connection: Connection, numbers: Sequence[int]) -> dict[int, Claim]:
    """Return those of the claims that lie in the scope."""
    rows = connection.execute(text(CLAIM + " where c.number = any(:numbers)"), {"numbers": list(numbers)})
    return {row.number: claim_of(row) for row in rows}


def claims_of_participant(
    connection: Connection, participant_id: UUID, *, limit: int, offset: int = 0
) -> list[Claim]:
    """Return a participant's claims of the scope, those entered last first."""
    rows = connection.execute(
        text(
            CLAIM
            + " where c.participant_id = :participant_id order by c.number desc limit :limit offset :offset"
        ),
        {"participant_id": participant_id, "limit": limit, "offset": offset},
    )
    return [claim_of(row) for row in rows]


def claims_asked_of(connection: Connection, participant_id: UUID, *, limit: int) -> list[Claim]:
    """Return a participant's claims with a question that waits for an answer, those entered first first."""
    rows = connection.execute(
        text(CLAIM + " where c.participant_id = :id and c.state = 'asked' order by c.number limit :limit"),
        {"id": participant_id, "limit": limit},
    )
    return [claim_of(row) for row in rows]


def count_claims_of_participant(connection: Connection, participant_id: UUID) -> int:
    """Return how many claims of the scope the participant has."""
    return int(
        connection.execute(
            text("select count(*) from claim where participant_id = :participant_id"),
            {"participant_id": participant_id},
        ).scalar_one()
    )


def next_number(connection: Connection) -> int:
    """Take the number of a new claim."""
    return int(
        connection.execute(text("select nextval(pg_get_serial_sequence('claim', 'number'))")).scalar_one()
    )


def insert_claim(connection: Connection, scope: Scope, values: Mapping[str, Any]) -> bool:
    """Add a waiting claim; return False, with nothing added, when its company has the claim number already.

    `values`: number, request_key, claim_no, programme_id, company_id, participant_id, source, invoice_no,
    product_code, quantity, sold_on, document_id, note, recorded_at.
    """
    added = connection.execute(
        text(
            "insert into claim (number, request_key, claim_no, programme_id, company_id, participant_id, source,"
            " invoice_no, product_code, quantity, sold_on, document_id, note, state, entered_by, entered_by_name,"
            " recorded_at) overriding system value values (:number, :request_key, :claim_no, :programme_id,"
            " :company_id, :participant_id, :source, :invoice_no, :product_code, :quantity, :sold_on,"
            " :document_id, :note, 'waiting', :by, :by_name, :recorded_at)"
            " on conflict (company_id, claim_no) where state <> 'withdrawn' do nothing"
        ),
        {**values, "by": scope.user_id, "by_name": scope.actor_name},
    )
    return bool(added.rowcount)


def lock_request_key(connection: Connection, request_key: UUID) -> None:
    """Let one transaction at a time work on what a form with this key asks for."""
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended('laurel.claim:' || :key, 0))"),
        {"key": str(request_key)},
    )


def move_claim(
    connection: Connection,
    scope: Scope,
    claim: Claim,
    state: ClaimState,
    *,
    kind: DecisionKind,
    line: LineBeside | None,
    quantity: Decimal | None,
    amount_minor: int,
    reason: str | None,
    request_key: UUID | None,
    decided_at: datetime,
    reason_code: str | None = None,
    units_back: Decimal | None = None,
) -> Decision:
    """Add a person's decision on a claim, whose row the caller has locked, and repeat it in the claim.

    Raises ClaimDecidedError where no such move exists.
    """
    if state not in CLAIM_MOVES[claim.state]:
        raise ClaimDecidedError(claim)
    revision = claim.revision + 1
    sold_on = line.sold_on if line else claim.sold_on
    connection.execute(
        text(
            "insert into claim_decision (claim_number, revision, programme_id, company_id, participant_id, kind,"
            " sales_line_id, quantity, amount_minor, currency, sold_on, sold_at, reason_code, reason, units_back,"
            " request_key, decided_by, decided_by_name, decided_at) values (:number, :revision, :programme_id,"
            " :company_id, :participant_id, :kind, :sales_line_id, :quantity, :amount_minor, :currency, :sold_on,"
            " :sold_at, :reason_code, :reason, :units_back, :request_key, :by, :by_name, :decided_at)"
        ),
        {
            "number": claim.number,
            "revision": revision,
            "programme_id": claim.programme_id,
            "company_id": claim.company_id,
            "participant_id": claim.participant_id,
            "kind": kind.value,
            "sales_line_id": line.sales_line_id if line else None,
            "quantity": quantity,
            "amount_minor": amount_minor,
            "currency": line.currency if line else None,
            "sold_on": sold_on,
            "sold_at": line.sold_at if line else None,
            "reason_code": reason_code,
            "reason": reason,
            "units_back": units_back,
            "request_key": request_key,
            "by": scope.user_id,
            "by_name": scope.actor_name,
            "decided_at": decided_at,
        },
    )
    connection.execute(
        text(
            "update claim set state = :state, revision = :revision, sales_line_id = :sales_line_id,"
            " approved_quantity = :quantity, decided_at = :decided_at, escalated_at = null where number = :number"
        ),
        {
            "number": claim.number,
            "state": state.value,
            "revision": revision,
            "sales_line_id": line.sales_line_id if line else None,
            "quantity": quantity,
            "decided_at": decided_at,
        },
    )
    return history(connection, claim.number)[-1]


def further_lines(connection: Connection, claim: Claim) -> dict[int, Decimal]:
    """Return how many units of further lines of its invoice the claim's last decision took, by line."""
    rows = connection.execute(
        text(
            "select sales_line_id, quantity from claim_further_line where claim_number = :number"
            " and revision = :revision"
        ),
        {"number": claim.number, "revision": claim.revision},
    )
    return {row.sales_line_id: row.quantity for row in rows}


def insert_further_line(
    connection: Connection,
    decision: Decision,
    claim: Claim,
    line: LineBeside,
    units: Decimal,
    amount_minor: int,
) -> None:
    """Write down that a decision takes units of a further line of its invoice too."""
    connection.execute(
        text(
            "insert into claim_further_line (claim_number, revision, sales_line_id, programme_id, company_id, quantity,"
            " amount_minor) values (:number, :revision, :line, :programme_id, :company_id, :units, :amount_minor)"
        ),
        {
            "number": decision.claim_number,
            "revision": decision.revision,
            "line": line.sales_line_id,
            "programme_id": claim.programme_id,
            "company_id": line.company_id,
            "units": units,
            "amount_minor": amount_minor,
        },
    )


def set_state(connection: Connection, claim: Claim, state: ClaimState) -> None:
    """Move a claim, whose row the caller has locked, to a state that no decision belongs to.

    Raises ClaimDecidedError where no such move exists.
    """
    if state not in CLAIM_MOVES[claim.state]:
        raise ClaimDecidedError(claim)
    connection.execute(
        text("update claim set state = :state where number = :number"),
        {"state": state.value, "number": claim.number},
    )


def insert_event(
    connection: Connection,
    scope: Scope,
    claim: Claim,
    kind: EventKind,
    *,
    words: str | None = None,
    detail: Mapping[str, Any] | None = None,
    request_key: UUID | None = None,
) -> None:
    """Write down what happened to a claim beside verdicts and decisions."""
    connection.execute(
        text(
            "insert into claim_event (claim_number, programme_id, company_id, kind, words, detail, request_key,"
            " happened_by, happened_by_name, recorded_at) values (:number, :programme_id, :company_id, :kind, :words,"
            " cast(:detail as jsonb), :request_key, :by, :by_name, :recorded_at)"
        ),
        {
            "number": claim.number,
            "programme_id": claim.programme_id,
            "company_id": claim.company_id,
            "kind": kind.value,
            "words": words,
            "detail": json.dumps(dict(detail or {})),
            "request_key": request_key,
            "by": scope.user_id,
            "by_name": scope.actor_name,
            "recorded_at": now(),
        },
    )


def was_told(connection: Connection, number: int, request_key: UUID) -> bool:
    """Whether the form with this key has written down something about the claim before."""
    return (
        connection.execute(
            text("select 1 from claim_event where claim_number = :number and request_key = :key"),
            {"number": number, "key": request_key},
        ).first()
        is not None
    )


def claim_of_event(connection: Connection, request_key: UUID) -> int | None:
    """Return the number of the claim about which the form with this key wrote something down."""
    found: int | None = connection.execute(
        text("select claim_number from claim_event where request_key = :key"), {"key": request_key}
    ).scalar_one_or_none()
    return found


def was_decided_by(connection: Connection, claim: Claim, request_key: UUID) -> bool:
    """Whether any decision on the claim came from the form with this key, others since then or not."""
    return (
        connection.execute(
            text("select 1 from claim_decision where claim_number = :number and request_key = :key"),
            {"number": claim.number, "key": request_key},
        ).first()
        is not None
    )


_DECISION = (
    "select d.claim_number, d.revision, d.kind, d.sales_line_id, d.quantity, d.amount_minor, d.currency, d.sold_on,"
    " d.sold_at, d.reason_code, d.reason, d.is_by_rule, d.decided_by, d.decided_by_name, d.decided_at, l.invoice_no,"
    " p.code as product_code,"
    " p.name as product_name from claim_decision d"
    " left join sales_line l on l.id = d.sales_line_id left join product p on p.id = l.product_id"
)


def _decision(row: Row[Any]) -> Decision:
    return Decision(**{**row._asdict(), "kind": DecisionKind(row.kind)})


def history(connection: Connection, number: int) -> list[Decision]:
    """Return every decision on a claim of the scope, the first first."""
    rows = connection.execute(
        text(_DECISION + " where d.claim_number = :number order by d.revision"), {"number": number}
    )
    return [_decision(row) for row in rows]


def last_decisions(connection: Connection, numbers: Sequence[int]) -> dict[int, Decision]:
    """Return the last decision on each of the claims that lies in the scope and has one."""
    rows = connection.execute(
        text(
            _DECISION + " join claim c on c.number = d.claim_number and c.revision = d.revision"
            " where d.claim_number in (select unnest(cast(:numbers as bigint[])))"
        ),
        {"numbers": list(numbers)},
    )
    return {row.claim_number: _decision(row) for row in rows}


def lock_units(
    connection: Connection,
    programme_id: UUID | None,
    lines: Sequence[tuple[int, UUID, Decimal]],
) -> dict[int, Decimal]:
    """Return how many units of each line are claimed in the programme, with those counts locked.

    `lines`: (sales line id, company id, units sold). Locked in the order of the lines' ids, so that no two
    decisions wait for each other.
    """
    for sales_line_id, company_id, units_sold in sorted(lines):
        connection.execute(
            text(
                "insert into claimed_line (sales_line_id, programme_id, company_id, units_sold, units_claimed)"
                " values (:id, :programme_id, :company_id, :units_sold, 0) on conflict do nothing"
            ),
            {
                "id": sales_line_id,
                "programme_id": programme_id,
                "company_id": company_id,
                "units_sold": units_sold,
            },
        )
    rows = connection.execute(
        text(
            "select sales_line_id, units_claimed from claimed_line where sales_line_id = any(:ids)"
            " and programme_id is not distinct from :programme_id order by sales_line_id for no key update"
        ),
        {"ids": [line[0] for line in lines], "programme_id": programme_id},
    )
    return {row.sales_line_id: row.units_claimed for row in rows}


def write_units(connection: Connection, programme_id: UUID | None, units: Mapping[int, Decimal]) -> None:
    """Write how many units of each line are claimed in the programme."""
    for sales_line_id, claimed in sorted(units.items()):
        connection.execute(
            text(
                "update claimed_line set units_claimed = :claimed where sales_line_id = :id"
                " and programme_id is not distinct from :programme_id"
            ),
            {"id": sales_line_id, "programme_id": programme_id, "claimed": claimed},
        )


@dataclass(frozen=True, slots=True)
class ClaimsProgramme:
    """A programme that earns from claims."""

    id: UUID
    code: str
    name: str
    needs_participant: bool


def claims_programmes(connection: Connection, scope: Scope, sold_on: date) -> list[ClaimsProgramme]:
    """Return the programmes of the scope that earn from claims of this day, by code."""
    rows = connection.execute(
        text(
            "select id, code, name, collects = 'participant' as needs_participant from programme"
            " where earns_from = 'claims' and :sold_on between starts_on and ends_on order by code"
        ),
        {"sold_on": sold_on},
    )
    return [ClaimsProgramme(*row) for row in rows if scope.sees_programme(row.id)]


@dataclass(frozen=True, slots=True)
class ClaimDocument:
    """A photo or scan that belongs to a claim; its contents lie under `sha256`."""

    id: UUID
    company_id: UUID
    sha256: str
    media_type: str
    size_bytes: int
    added_by: UUID | None
    added_by_name: str
    recorded_at: datetime


_DOCUMENT = (
    "select id, company_id, sha256, media_type, size_bytes, added_by, added_by_name, recorded_at"
    " from claim_document"
)


def document_by_id(connection: Connection, document_id: UUID) -> ClaimDocument:
    """Return a document of the scope. Raises UnknownDocumentError."""
    row = connection.execute(text(_DOCUMENT + " where id = :id"), {"id": document_id}).first()
    if row is None:
        raise UnknownDocumentError(document_id)
    return ClaimDocument(*row)


def same_document(
    connection: Connection, company_id: UUID, sha256: str, added_by: UUID | None
) -> ClaimDocument | None:
    """Return the document with these contents that the same person added for the company before."""
    row = connection.execute(
        text(
            _DOCUMENT + " where company_id = :company_id and sha256 = :sha256"
            " and added_by is not distinct from cast(:added_by as uuid) limit 1"
        ),
        {"company_id": company_id, "sha256": sha256, "added_by": added_by},
    ).first()
    return ClaimDocument(*row) if row else None


def insert_document(connection: Connection, document: ClaimDocument) -> None:
    """Remember a document."""
    connection.execute(
        text(
            "insert into claim_document (id, company_id, sha256, media_type, size_bytes, added_by, added_by_name,"
            " recorded_at) values (:id, :company_id, :sha256, :media_type, :size_bytes, :added_by,"
            " :added_by_name, :recorded_at)"
        ),
        {name: getattr(document, name) for name in ClaimDocument.__slots__},
    )


# What must hold of claims; each finds how many things break it.
CLAIM_CHECKS: dict[str, str] = {
    "every claim repeats its last decision": (
        "select count(*) from claim c left join claim_decision d on d.claim_number = c.number"
        " and not exists (select from claim_decision n where n.claim_number = d.claim_number"
        " and n.revision > d.revision) where c.revision <> coalesce(d.revision, 0)"
        " or c.sales_line_id is distinct from d.sales_line_id or c.approved_quantity is distinct from d.quantity"
        " or c.decided_at is distinct from d.decided_at or case"
        " when d.revision is null or d.kind = 'reopen' then c.state not in ('waiting', 'asked', 'proposed')"
        " when d.kind = 'withdraw' then c.state <> 'withdrawn'"
        " when d.sales_line_id is null then c.state <> 'rejected' else c.state <> 'approved' end"
    ),
    "a decision waits for a second person exactly where the claim says so": (
        "select count(*) from claim c full join (select claim_number from claim_proposal where outcome is null) q"
        " on q.claim_number = c.number where c.number is null or (c.state = 'proposed' and q.claim_number is null)"
        " or (q.claim_number is not null and c.state not in ('proposed', 'approved', 'rejected'))"
    ),
    "every claim repeats its last verdict": (
        "select count(*) from claim c left join claim_verdict v on v.claim_number = c.number and not exists ("
        "select from claim_verdict n where n.claim_number = v.claim_number and n.id > v.id)"
        " where c.verdict is distinct from v.verdict"
    ),
    "decisions of a claim are numbered without gaps": (
        "select count(*) from (select count(*) as n, max(revision) as last from claim_decision"
        " group by claim_number) d where d.n <> d.last"
    ),
    "every decision belongs to a claim of its company, participant and programme": (
        "select count(*) from claim_decision d left join claim c on c.number = d.claim_number"
        " where c.number is null or c.company_id is distinct from d.company_id"
        " or c.participant_id is distinct from d.participant_id or c.programme_id is distinct from d.programme_id"
    ),
    "every approved amount is the claimed share of its line": (
        "select count(*) from claim_decision d left join sales_line l on l.id = d.sales_line_id"
        " left join (select claim_number, revision, sum(quantity) as units, sum(amount_minor) as amount_minor"
        " from claim_further_line group by claim_number, revision) f on f.claim_number = d.claim_number"
        " and f.revision = d.revision where d.sales_line_id is not null"
        " and (l.id is null or l.company_id <> d.company_id"
        " or d.amount_minor <> round(l.amount_minor * (d.quantity - coalesce(f.units, 0)) / l.quantity)"
        " + coalesce(f.amount_minor, 0)"
        " or d.currency <> l.currency or d.sold_on <> l.sold_on)"
    ),
    "claimed units of a line are those of its approved claims": (
        "select count(*) from claimed_line n full join (select sales_line_id, programme_id,"
        " sum(units) as units from (select c.sales_line_id, c.programme_id, c.approved_quantity - coalesce((select"
        " sum(f.quantity) from claim_further_line f where f.claim_number = c.number and f.revision = c.revision), 0)"
        " as units from claim c where c.state = 'approved' union all select f.sales_line_id, c.programme_id, f.quantity"
        " from claim_further_line f join claim c on c.number = f.claim_number and c.revision = f.revision"
        " where c.state = 'approved') u group by sales_line_id, programme_id)"
        # A full join takes no `is not distinct from`: rows without a programme meet under one id.
        " c on c.sales_line_id = n.sales_line_id and coalesce(c.programme_id, '00000000-0000-0000-0000-000000000000')"
        " = coalesce(n.programme_id, '00000000-0000-0000-0000-000000000000')"
        " where coalesce(n.units_claimed, 0) <> coalesce(c.units, 0)"
    ),
    "no line has more units claimed than were sold": (
        "select count(*) from claimed_line n left join sales_line l on l.id = n.sales_line_id"
        " where l.id is null or l.quantity <> n.units_sold or l.company_id <> n.company_id"
        " or n.units_claimed > l.quantity"
    ),
    "every accepted import of claims has exactly its claims": (
        "select count(*) from (select id, state, accepted from file_import where dataset = 'claims') i"
        " full join (select import_id, count(*) as n from claim where import_id is not null group by import_id) c"
        " on c.import_id = i.id"
        " where i.id is null or coalesce(c.n, 0) <> case when i.state in ('accepted', 'undone') then i.accepted"
        # What was undone keeps its claims, withdrawn.
        " else 0 end"
    ),
}


def broken_claims(connection: Connection) -> dict[str, int]:
    """Return, for each of CLAIM_CHECKS, how many things break it."""
    return {name: int(connection.execute(text(query)).scalar_one()) for name, query in CLAIM_CHECKS.items()}
