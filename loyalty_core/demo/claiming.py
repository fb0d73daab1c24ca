"""Claims come in by phone, on paper and in files; what agrees is approved by rule, the operator decides the rest."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from uuid import UUID

from loyalty_core import organisation, participants, settlement, verification
from loyalty_core.demo import claims, files, invoices, people, trade
from loyalty_core.demo.claims import Claims, DemoClaim, Fate
from loyalty_core.demo.market import companies
from loyalty_core.demo.sign_ins import PEOPLE
from loyalty_core.demo.stage import Stage, key_of, moment_of
from loyalty_core.intake import ImportState
from loyalty_core.kernel import Refusal, Scope
from loyalty_core.verification import UNDECIDED, ClaimOutcome, ClaimSource, ClaimState

_USER_OF = {one.participant: one.name for one in PEOPLE if one.participant is not None}


def plan(stage: Stage, goals: Sequence[int]) -> Claims:
    """Return the demo's claims; `goals` are the points of the rewards that participants save for."""
    return Claims(
        stage.lines,
        companies(stage.scale),
        trade.claims_begin(stage.last_day),
        tuple(files.periods(stage.last_day)),
        tuple(goals),
    )


def make_claims(stage: Stage, planned: Claims) -> None:
    """Let all claims come in, decide those on sales that were reported, and settle what was approved."""
    _enter(stage, planned, planned.decided)
    for period in planned.periods[:-1]:
        _import_claims(stage, [claim for claim in planned.decided if _is_of(claim, period)], period.last_day)
    # Afterwards: some of them repeat what is approved by then.
    _enter(stage, planned, planned.open)
    _import_claims(stage, planned.open, stage.last_day)
    numbers = _waiting_numbers(stage)
    for period in planned.periods[:-1]:
        _decide(
            stage, [claim for claim in planned.decided if _is_of(claim, period)], numbers, period.last_day
        )
    _work_on_open(stage, planned.open)


def _is_of(claim: DemoClaim, period: files.Period) -> bool:
    return period.first_day <= claim.sold_on <= period.last_day


def _enter(stage: Stage, planned: Claims, found: Sequence[DemoClaim]) -> None:
    """Enter what came by phone and on paper, on its day."""
    office = stage.scope_of("office")
    with stage.database.transaction(office) as connection:
        ids = {one.code: one.id for one in participants.find_participants(connection, "", limit=10**6)}

    def enter(mine: Sequence[DemoClaim]) -> None:
        for place, claim in enumerate(mine):
            phone = claim.source is ClaimSource.PHONE
            with stage.when(moment_of(planned.entered_on(claim), 8 + place % 9 + place % 60 / 60)):
                photo = None
                if claim.fate is Fate.WAITS and (phone or place % 2 == 0):
                    photo = _document(
                        stage,
                        stage.scope_of(_USER_OF[claim.participant]) if phone else office,
                        claim,
                        invoices.photo_of(claim),
                    )
                verification.enter_claim(
                    stage.database,
                    stage.scope_of(_USER_OF[claim.participant]) if phone else office,
                    participant_id=ids[claim.participant],
                    company_code=None,
                    programme_code=trade.CLAIMS_PROGRAMME_CODE,
                    invoice_no=claim.invoice_no,
                    product_code=claim.product_code,
                    quantity=Decimal(claim.units),
                    sold_on=claim.said_day,
                    source=claim.source,
                    note=claim.note,
                    document_id=photo,
                    claim_no=claim.claim_no,
                    request_key=key_of("claim", claim.company, claim.claim_no),
                )

    by_hand = [claim for claim in found if claim.source is not ClaimSource.FILE]
    stage.together(partial(enter, by_hand[part::2]) for part in range(2))


def _import_claims(stage: Stage, found: Sequence[DemoClaim], last_day: date) -> None:
    """Bring in a file of claims the evening after its last day."""
    rows = [
        {
            "claim_no": claim.claim_no,
            "company_code": claim.company,
            "participant_code": claim.participant,
            "invoice_no": claim.invoice_no,
            "product_code": claim.product_code,
            "quantity": str(claim.units),
            "sold_on": claim.said_day.isoformat(),
        }
        for claim in found
        if claim.source is ClaimSource.FILE
    ]
    if not rows:
        return
    with stage.at(last_day + timedelta(days=1), 9):
        trade.import_file(
            stage,
            stage.scope_of("operator"),
            f"claims_{last_day.isoformat()}.csv",
            files.CLAIMS,
            ImportState.ACCEPTED,
            lambda path: files.write_rows(path, rows, files.CLAIM_COLUMNS),
        )


# Of the open claims: how many are decided once, how many each operator has, how many come with a scan.
_PROPOSED, _ASSIGNED, _SCANNED = 3, 9, 3


def _work_on_open(stage: Stage, found: Sequence[DemoClaim]) -> None:
    """Begin the work on what waits: some is assigned, asked back, answered, or decided by a first person."""
    operator = stage.scope_of("operator")
    numbers = _undecided_numbers(stage)
    known = [claim for claim in found if claim.product_code != claims.UNKNOWN_PRODUCT]
    filed = sorted(
        (claim for claim in known if claim.source is ClaimSource.FILE),
        key=lambda one: (-one.stake, one.claim_no),
    )
    proposed = filed[:_PROPOSED]
    trade.ask_for_two_people(stage, proposed[-1].stake - 100)

    def number_of(claim: DemoClaim) -> int:
        return numbers[claim.company, claim.claim_no]

    # A small demo may leave one of them nothing that is not decided.
    own = {
        claim.participant: claim
        for claim in reversed(found)
        if claim.participant in (people.PROVIDER, people.CLEANER) and claim.source is ClaimSource.PHONE
    }
    for name, question in (
        (people.PROVIDER, "The invoice is of another day. Which of the two did you mean?"),
        (people.CLEANER, "Which day stands on the invoice? Send a photo of it, please."),
    ):
        if name not in own:
            continue
        with stage.at(stage.last_day, 18):
            verification.ask_claimant(
                stage.database,
                operator,
                number_of(own[name]),
                question=question,
                request_key=key_of("ask", name),
            )
    if people.CLEANER in own:
        _answer(stage, own[people.CLEANER], number_of(own[people.CLEANER]))
    with stage.at(stage.last_day + timedelta(days=1), 9.5):
        for claim in filed[-_SCANNED:]:
            scan = _document(stage, operator, claim, invoices.scan_of(claim))
            verification.attach_document(stage.database, operator, number_of(claim), scan)
        for name, mine in (
            ("operator", [claim for claim in found if claim.source is not ClaimSource.FILE][:_ASSIGNED]),
            # Who keyed forms in decides others.
            ("office", filed[_PROPOSED : _PROPOSED + _ASSIGNED // 2]),
        ):
            _all_done(
                verification.assign_claims(
                    stage.database,
                    operator,
                    [number_of(one) for one in mine],
                    user_id=stage.scope_of(name).user_id,
                )
            )
    with stage.at(stage.last_day + timedelta(days=1), 10):
        for claim in proposed:
            _propose(stage, operator, claim, number_of(claim))


def _answer(stage: Stage, claim: DemoClaim, number: int) -> None:
    """Let the claimant answer what was asked, with a photo of the invoice."""
    claimant = stage.scope_of(_USER_OF[claim.participant])
    with stage.at(stage.last_day, 20):
        verification.answer_question(
            stage.database,
            claimant,
            number,
            answer="The day of the order, I mixed them up. Here is the invoice.",
            document_id=_document(stage, claimant, claim, invoices.photo_of(claim)),
            request_key=key_of("answer", claim.participant),
        )


def _propose(stage: Stage, scope: Scope, claim: DemoClaim, number: int) -> None:
    """Decide a claim that is worth so much that somebody else must agree."""
    key = key_of("propose", claim.company, claim.claim_no)
    if claim.units > claim.sold_units:
        _correct(
            stage, scope, replace(claim, reason="The invoice has fewer pieces."), number, request_key=key
        )
    elif claim.claimed_day is not None:
        _all_done(
            verification.approve_claims(
                stage.database, scope, _shown(stage, scope, [number]), request_key=key
            )
        )
    else:
        _all_done(
            verification.reject_claims(
                stage.database,
                scope,
                _shown(stage, scope, [number]),
                reason="",
                reason_code="no-invoice",
                request_key=key,
            )
        )


def _document(stage: Stage, scope: Scope, claim: DemoClaim, data: bytes) -> UUID:
    with stage.database.snapshot(scope) as connection:
        company = organisation.company_by_code(connection, claim.company)
    return verification.add_document(stage.database, stage.settings, scope, company_id=company.id, data=data)


def _undecided_numbers(stage: Stage) -> dict[tuple[str, str], int]:
    """Return the numbers of the claims that nobody has decided for good, by company and claim number."""
    with stage.database.snapshot(stage.scope_of("operator")) as connection:
        return {
            (one.claim.company_code, one.claim.claim_no): one.claim.number
            for state in UNDECIDED
            for one in verification.claims_queue(
                connection,
                verification.QueueFilter(state=state),
                verification.QueueOrder.AGE,
                limit=10**5,
            )
        }


def _waiting_numbers(stage: Stage) -> dict[tuple[str, str], int]:
    """Return the numbers of the claims that wait, by company and claim number."""
    operator = stage.scope_of("operator")
    with stage.database.snapshot(operator) as connection:
        waiting = verification.claims_queue(
            connection,
            verification.QueueFilter(state=ClaimState.WAITING),
            verification.QueueOrder.AGE,
            limit=10**5,
        )
    return {(one.claim.company_code, one.claim.claim_no): one.claim.number for one in waiting}


def _decide(
    stage: Stage, found: Sequence[DemoClaim], numbers: dict[tuple[str, str], int], last_day: date
) -> None:
    """Decide the claims of a period in the three days after its sales came in, and settle them."""
    operator, manager = stage.scope_of("operator"), stage.scope_of("manager")
    due = [claim for claim in found if (claim.company, claim.claim_no) in numbers]

    def decide(mine: Sequence[DemoClaim], moment_day: date) -> None:
        approved = [numbers[one.company, one.claim_no] for one in mine if one.fate is Fate.APPROVED]
        with stage.at(moment_day, 11):
            _all_done(
                verification.approve_claims(stage.database, operator, _shown(stage, operator, approved))
            )
        for one in mine:
            number = numbers[one.company, one.claim_no]
            with stage.at(moment_day, 15):
                if one.fate is Fate.REJECTED:
                    assert one.reason is not None
                    _all_done(
                        verification.reject_claims(
                            stage.database,
                            operator,
                            _shown(stage, operator, [number]),
                            reason=one.reason,
                        )
                    )
                elif one.fate is Fate.CORRECTED:
                    _correct(stage, operator, one, number)

    for turn in range(3):
        mine = due[turn::3]
        day = last_day + timedelta(days=claims.DECIDED_AFTER_DAYS + turn)
        stage.together(partial(decide, mine[part::2], day) for part in range(2))
    with stage.at(last_day + timedelta(days=4), 17):
        settlement.settle_programme(stage.database, manager, trade.CLAIMS_PROGRAMME_CODE)


def _correct(
    stage: Stage, scope: Scope, claim: DemoClaim, number: int, *, request_key: UUID | None = None
) -> None:
    with stage.database.snapshot(scope) as connection:
        best = verification.candidates(connection, number)[0]
    verification.correct_claim(
        stage.database,
        scope,
        number,
        payload_hash=_shown(stage, scope, [number])[number],
        sales_line_id=best.sales_line_id,
        quantity=Decimal(claim.sold_units),
        reason=claim.reason or "",
        request_key=request_key,
    )


def _shown(stage: Stage, scope: Scope, numbers: Sequence[int]) -> dict[int, str]:
    """Return the hash of each claim as whoever decides sees it."""
    with stage.database.snapshot(scope) as connection:
        return {number: verification.claim_by_number(connection, number).payload_hash for number in numbers}


def _all_done(outcomes: Sequence[ClaimOutcome]) -> None:
    refused = next((one for one in outcomes if one.refusal is not None), None)
    if refused is not None:
        raise Refusal(f"{refused.claim_no}: {refused.refusal}")
