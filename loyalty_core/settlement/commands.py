"""Lines become awards, awards become postings: in one transaction, as often as one likes, once each."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import polars as pl
from sqlalchemy import Connection

from loyalty_core import access, audit, ledger, programmes, scoring, verification
from loyalty_core.kernel import DATABASE_WENT_AWAY, Database, Refusal, Scope, _, get_logger, new_id, now
from loyalty_core.kernel.jobs import defer_settlement
from loyalty_core.settlement import policy, store
from loyalty_core.settlement.states import RequestState
from loyalty_core.settlement.store import Mark, Settlement

SOURCE = "settlement"

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class BookCheck:
    """One thing that must hold of the books, and how many break it."""

    name: str
    broken: int

    @property
    def ok(self) -> bool:
        """Whether it holds."""
        return self.broken == 0

    @property
    def detail(self) -> str:
        """How many break it, in words."""
        return _("holds") if self.ok else _("{number} break it").format(number=self.broken)


def settle_programme(
    database: Database,
    scope: Scope,
    code: str,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> Settlement:
    """Score what came in since the last settlement, or everything under a new version; post the differences.

    Whoever may settle settles for every company, whatever the scope shows. Running it again posts nothing
    new. `on_progress` gets (lines scored, lines in all). Raises NotAllowedError,
    ProgrammeNotFoundError, PointsOverflowError.
    """
    with database.transaction(scope) as connection:
        access.check_permission(connection, scope, access.Permission.SETTLE_PROGRAMMES)
        programme = programmes.programme_by_code(connection, scope, code)
    run = _settle(database, scope, programme.id, on_progress=on_progress)
    assert run is not None, "only what runs by itself may find nothing to do"
    return run


def settle_due(database: Database) -> int:
    """Settle every programme with decided claims that are not settled yet, with new rules for claims, or with points
    on lines that were taken back since.

    Returns how many programmes it posted to; where nothing changes it leaves no settlement. A programme that
    is refused keeps none of the others waiting: its refusal is raised at the end.
    """
    system = Scope.of_system("settlement of what is due")
    with database.transaction(system) as connection:
        due = store.due_programmes(connection)
    settled, refused = 0, None
    for programme_id in due:
        try:
            settled += _settle(database, system, programme_id, only_if_due=True) is not None
        except Refusal as refusal:
            refused = refused or refusal
    if refused is not None:
        raise refused
    return settled


def _settle(
    database: Database,
    scope: Scope,
    programme_id: UUID,
    *,
    only_if_due: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Settlement | None:
    """Settle a programme in the name of the scope's actor. With `only_if_due`, None where nothing changed."""
    started_at, begun = now(), time.monotonic()
    actor = scope.widened()
    with database.transaction(actor) as connection, scoring.ScoringEngine() as engine:
        store.lock_settlement(connection, programme_id)
        if only_if_due and programme_id not in store.due_programmes(connection):
            return None
        programme = programmes.programme_by_id(connection, actor, programme_id)
        version = programme.current_version
        rules = scoring.compile_rules(programmes.document_of(connection, actor, programme.id, version))
        mark = store.mark_of(connection, programme.id)
        low = mark.low_txid if mark is not None and mark.version == version else 0
        # Taken before anything is read: what ends meanwhile is read again next time, and found settled.
        next_mark = store.mark_now(connection, version)
        score = _score if programme.earns_from is programmes.EarnsFrom.SALES else _score_claims
        awards, lines = score(connection, engine, rules, programme.id, low, mark, on_progress)
        store.move_mark(connection, programme.id, next_mark)
        if only_if_due and not awards.height:
            return None
        settlement_id = new_id()
        kind = ledger.AccountKind(programme.collects.value)
        postings = _post(connection, programme.id, kind, settlement_id, version, awards)
        run = Settlement(
            id=settlement_id,
            programme_id=programme.id,
            version=version,
            lines=lines,
            awards=awards.height,
            points=int(awards["points"].sum()),
            postings=postings,
            settled_by_name=scope.actor_name,
            started_at=started_at,
            finished_at=now(),
            seconds=Decimal(time.monotonic() - begun).quantize(Decimal("0.001")),
        )
        store.insert_settlement(connection, run)
        audit.record(
            connection,
            scope,
            "settlement.programme_settled",
            "programme",
            programme.id,
            {
                "code": programme.code,
                "version": version,
                "lines": lines,
                "awards": run.awards,
                "points": run.points,
                "postings": postings,
            },
        )
    return run


def request_settlement(database: Database, scope: Scope, code: str, *, request_key: UUID) -> UUID:
    """Ask the worker to settle a programme and return the request's id; the same key again asks once.

    Raises NotAllowedError, ProgrammeNotFoundError.
    """
    with database.transaction(scope) as connection:
        access.check_permission(connection, scope, access.Permission.SETTLE_PROGRAMMES)
        programme = programmes.programme_by_code(connection, scope, code)
        wanted_id = new_id()
        request_id = store.insert_request(
            connection,
            scope,
            id=wanted_id,
            programme_id=programme.id,
            request_key=request_key,
            requested_at=now(),
        )
        if request_id == wanted_id:
            defer_settlement(connection, request_id)
    return request_id


def queue_unfinished_requests(database: Database) -> int:
    """Defer a job for every requested settlement that has not ended, and return how many those are.

    Where one waits or runs already, no second does the work: jobs of a request come one after the other, and
    the later finds it ended.
    """
    with database.transaction(Scope.of_system("settlements left behind")) as connection:
        unfinished = store.unfinished_request_ids(connection)
        for request_id in unfinished:
            defer_settlement(connection, request_id)
    return len(unfinished)


class SettlementFailedError(Refusal):
    """Something went wrong that should not; it is on record under `failure_id`."""

    def __init__(self, code: str, failure_id: str) -> None:
        super().__init__(
            _(
                "The settlement of {code} met an error that should not be, and nothing of it was posted. Start it "
                "again; if it fails again, tell whoever runs Laurel the number {id}."
            ).format(code=code, id=failure_id)
        )
        self.failure_id = failure_id


def run_requested_settlement(database: Database, request_id: UUID) -> None:
    """Carry out a requested settlement in the name of who asked, and show how far it is meanwhile.

    One that has ended already stays as it is; a refusal ends it with its sentence.
    """
    system = Scope.of_system("settlement")
    with database.transaction(system) as connection:
        request = store.request_by_id(connection, request_id, lock=True)
        if request.state not in (RequestState.QUEUED, RequestState.RUNNING):
            return
        store.move_request(connection, request, RequestState.RUNNING)
        code = programmes.programme_by_id(connection, system, request.programme_id).code
    scope = (
        access.scope_of_user(database, request.requested_by) if request.requested_by is not None else system
    )

    def show(scored: int, total: int) -> None:
        with database.transaction(system) as connection:
            store.show_progress(connection, request_id, scored, total)

    settlement_id, sentence = None, None
    try:
        settlement_id = settle_programme(database, scope, code, on_progress=show).id
    except Refusal as refusal:
        sentence = refusal.sentence
    except DATABASE_WENT_AWAY:
        # The database went away: the job is done again.
        raise
    except Exception:
        failure_id = new_id().hex[-12:]
        _log.exception("settlement_failed", request_id=str(request_id), failure_id=failure_id)
        sentence = SettlementFailedError(code, failure_id).sentence
    with database.transaction(system) as connection:
        store.move_request(
            connection,
            store.request_by_id(connection, request_id, lock=True),
            RequestState.DONE if sentence is None else RequestState.REFUSED,
            settlement_id=settlement_id,
            refusal=sentence,
            finished_at=now(),
        )


def _score(
    connection: Connection,
    engine: scoring.ScoringEngine,
    rules: scoring.CompiledRules,
    programme_id: UUID,
    low: int,
    mark: Mark | None,
    on_progress: Callable[[int, int], None] | None,
) -> tuple[pl.DataFrame, int]:
    """Return the awards to add, and how many lines were scored for them."""
    total = store.count_lines_since(connection, low) if on_progress is not None else 0
    standing = (
        store.standing_awards(connection, programme_id, low)
        if mark is not None
        else pl.DataFrame(schema=store.STANDING_SCHEMA)
    )
    added, count = [pl.DataFrame(schema=policy.AWARD_SCHEMA)], 0
    with_moment = rules.document.time_zone is not None
    for lines in store.lines_since(connection, low, with_moment=with_moment):
        # Before any rule: what was taken back earns nothing under all of them, rounding and steps included.
        scored = pl.DataFrame(engine.score(rules, lines.filter(~pl.col("is_void")).drop("is_void")))
        here = standing.join(lines.select("sales_line_id"), on="sales_line_id", how="semi")
        added.append(policy.new_awards(scored, here, lines, time_zone=rules.document.time_zone))
        count += lines.height
        if on_progress is not None:
            on_progress(count, total)
    return pl.concat(added), count


def _score_claims(
    connection: Connection,
    engine: scoring.ScoringEngine,
    rules: scoring.CompiledRules,
    programme_id: UUID,
    low: int,
    mark: Mark | None,
    on_progress: Callable[[int, int], None] | None,
) -> tuple[pl.DataFrame, int]:
    """Return the awards to add for decided claims, and how many claims were scored for them."""
    total = store.count_claims_since(connection, programme_id, low) if on_progress is not None else 0
    document = rules.document
    # The decisions first: a claim that is decided anew in between then finds what it holds all the same.
    decided = list(
        store.claims_since(
            connection,
            programme_id,
            low,
            currency=document.currency,
            for_participants=document.collects is programmes.Collects.PARTICIPANT,
        )
    )
    standing = (
        store.standing_claim_awards(connection, programme_id, low)
        if mark is not None
        else pl.DataFrame(schema=store.STANDING_CLAIM_SCHEMA)
    )
    added, count = [pl.DataFrame(schema=policy.AWARD_SCHEMA)], 0
    for claims in decided:
        # A claim is scored as a line of its own: its number stands where a line's id does.
        lines = claims.drop("sales_line_id").rename({"claim_number": "sales_line_id"})
        scored = pl.DataFrame(engine.score(rules, lines)).rename({"sales_line_id": "claim_number"})
        here = standing.join(claims.select("claim_number"), on="claim_number", how="semi")
        added.append(policy.new_claim_awards(scored, here, claims, time_zone=document.time_zone))
        count += claims.height
        if on_progress is not None:
            on_progress(count, total)
    return pl.concat(added), count


def _post(
    connection: Connection,
    programme_id: UUID,
    kind: ledger.AccountKind,
    settlement_id: UUID,
    version: int,
    awards: pl.DataFrame,
) -> int:
    """Post the awards' points to their owners' accounts, insert the awards; return how many postings."""
    if not awards.height:
        return 0
    moment = now()
    owners = awards.select("owner_id", "company_id").unique(subset="owner_id").sort("owner_id")
    accounts = ledger.open_accounts(
        connection,
        programme_id,
        kind,
        [(UUID(owner), UUID(company)) for owner, company in owners.iter_rows()],
        moment,
    )
    drafts = policy.drafts_of(awards, accounts, settlement_id=settlement_id, happened_at=moment)
    posted = ledger.post(connection, programme_id=programme_id, source=SOURCE, drafts=drafts)
    owner_of_account = {account_id: owner_id for owner_id, account_id in accounts.items()}
    of_award = pl.DataFrame(
        {
            "owner_id": [str(owner_of_account[draft.account_id]) for draft in drafts],
            "is_earned": [draft.points > 0 for draft in drafts],
            "posting_id": [posted[draft.key] for draft in drafts],
        },
        schema={"owner_id": pl.String, "is_earned": pl.Boolean, "posting_id": pl.Int64},
    )
    with_postings = awards.with_columns((pl.col("points") > 0).alias("is_earned")).join(
        of_award, on=["owner_id", "is_earned"], how="left", maintain_order="left"
    )
    store.insert_awards(connection, with_postings, programme_id=programme_id, version=version)
    return len(drafts)


def check_books(database: Database, *others: Callable[[Connection], Mapping[str, int]]) -> list[BookCheck]:
    """Check all that must hold of sales, claims, awards and the ledger, at one moment, over everything.

    `others` are checks of more books: each gives, by its name, how many things break it.
    """
    with database.snapshot(Scope.of_system("check of the books")) as connection:
        found = {
            **ledger.broken_books(connection),
            **verification.broken_claims(connection),
            **store.broken_settlements(connection),
        }
        for broken in others:
            found.update(broken(connection))
    return [BookCheck(name, broken) for name, broken in found.items()]
