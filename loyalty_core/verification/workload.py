"""Who works on claims: assigning them, how much each person has before them, what waits too long."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core import access, audit
from loyalty_core.kernel import Database, Refusal, Scope, _, now
from loyalty_core.verification import store
from loyalty_core.verification.claimants import check_decides
from loyalty_core.verification.deadlines import OVERDUE, deadlines
from loyalty_core.verification.deciding import ClaimOutcome
from loyalty_core.verification.policy import EventKind
from loyalty_core.verification.states import UNDECIDED
from loyalty_core.verification.store import ClaimDecidedError

_ESCALATED_AT_ONCE = 1000
_LONG, _SHORT = timedelta(days=30), timedelta(days=7)


class AssigneeRefused(Refusal):
    """The person may not decide claims, or may not sign in."""

    def __init__(self) -> None:
        super().__init__(_("This person does not decide claims. Choose somebody who does."))


@dataclass(frozen=True, slots=True)
class Decider:
    """A person who may decide claims."""

    user_id: UUID
    name: str
    display_name: str


def deciders(connection: Connection) -> list[Decider]:
    """Return the people who may decide claims and sign in, by the name they are called."""
    roles = [role for role in access.Role if access.Permission.DECIDE_CLAIMS in access.permissions_of([role])]
    rows = connection.execute(
        text(
            "select u.id, u.name, u.display_name from app_user u where u.state = 'active' and exists ("
            "select from user_role r where r.user_id = u.id and r.role = any(:roles)) order by u.display_name, u.name"
        ),
        {"roles": [role.value for role in roles]},
    )
    return [Decider(*row) for row in rows]


def assign_claims(
    database: Database, scope: Scope, numbers: Sequence[int], *, user_id: UUID | None
) -> list[ClaimOutcome]:
    """Give undecided claims to a person who decides them, or with None to nobody, each in a transaction of its own.

    A claim that the person has already stays so. Who claims, or keyed the claim in, is given none of these. Raises
    AssigneeRefused, NotAllowedError.
    """
    with database.transaction(scope) as connection:
        access.check_permission(connection, scope, access.Permission.DECIDE_CLAIMS)
        person = None
        if user_id is not None:
            person = next((one for one in deciders(connection) if one.user_id == user_id), None)
            if person is None:
                raise AssigneeRefused
    theirs = access.scope_of_user(database, user_id) if user_id is not None else None
    outcomes = []
    for number in dict.fromkeys(numbers):
        claim_no, refusal = str(number), None
        try:
            if theirs is not None:
                # What the person does not see, they can't decide.
                with database.snapshot(theirs) as connection:
                    check_decides(connection, theirs, store.claim_by_number(connection, number))
            with database.transaction(scope) as connection:
                access.check_permission(connection, scope, access.Permission.DECIDE_CLAIMS)
                claim = store.lock_claim_in_sight(connection, scope, number)
                claim_no = claim.claim_no
                if claim.state not in UNDECIDED:
                    raise ClaimDecidedError(claim)
                if claim.assigned_to != user_id:
                    connection.execute(
                        text(
                            "update claim set assigned_to = :user_id, assigned_to_name = :name, assigned_at = :moment"
                            " where number = :number"
                        ),
                        {
                            "number": number,
                            "user_id": user_id,
                            "name": person.display_name if person else None,
                            "moment": now() if person else None,
                        },
                    )
                    store.insert_event(
                        connection,
                        scope,
                        claim,
                        EventKind.ASSIGNED,
                        detail={"to": person.display_name if person else None},
                    )
                    audit.record(
                        connection,
                        scope,
                        "verification.claim_assigned",
                        "claim",
                        number,
                        {"to": str(user_id) if user_id else None},
                    )
        except store.UnknownClaimError:
            refusal = _("{name} does not see claim {number}: choose somebody else.").format(
                name=person.display_name if person else _("You"), number=claim_no
            )
        except Refusal as refused:
            refusal = refused.sentence
        outcomes.append(ClaimOutcome(number, claim_no, refusal))
    return outcomes


# What waits too long


def escalate_overdue(database: Database) -> int:
    """Mark what has become overdue as escalated, and return how many claims that were. The worker calls it."""
    scope = Scope.of_system("claims that wait too long")
    with database.transaction(scope) as connection:
        rows = connection.execute(
            text(
                "update claim set escalated_at = :moment where number in ("  # noqa: S608 put together from constants
                f"select c.number from claim c where c.escalated_at is null and {OVERDUE}"
                " order by c.recorded_at limit :most for update skip locked)"
                " returning number, programme_id, company_id"
            ),
            {**deadlines(connection).parameters(), "moment": now(), "most": _ESCALATED_AT_ONCE},
        ).all()
        if not rows:
            return 0
        connection.execute(
            text(
                "insert into claim_event (claim_number, programme_id, company_id, kind, happened_by_name, recorded_at)"
                " select number, programme_id, company_id, 'escalated', :by_name, :moment from claim"
                " where number = any(:numbers)"
            ),
            {"numbers": [row.number for row in rows], "by_name": scope.actor_name, "moment": now()},
        )
        audit.record(
            connection,
            scope,
            "verification.claims_escalated",
            "claim",
            rows[0].number,
            {"count": len(rows), "claims": sorted(row.number for row in rows)},
        )
    return len(rows)


# How much there is


@dataclass(frozen=True, slots=True)
class PersonsWork:
    """What one person has before them and has done. Hours run from entering to deciding; medians of 30 days.

    `user_id` is None for what is assigned to nobody.
    """

    user_id: UUID | None
    name: str
    open: int
    oldest_at: datetime | None
    overdue: int
    decided_7_days: int
    decided_30_days: int
    median_hours: float | None


@dataclass(frozen=True, slots=True)
class Workload:
    """The work on claims of a scope: of each person, of nobody, and in all."""

    people: Sequence[PersonsWork]
    unassigned: PersonsWork
    asked: int
    overdue: int
    escalated: int
    by_rule_30_days: int


def workload(connection: Connection) -> Workload:
    """Return who has how much to do with the claims of the scope, and how long decisions take."""
    moment = now()
    bounds = {"long": moment - _LONG, "short": moment - _SHORT}
    opened = connection.execute(
        text(
            "select c.assigned_to as user_id, max(c.assigned_to_name) as name, count(*) as open,"  # noqa: S608 put together from constants
            f" min(c.recorded_at) as oldest_at, count(*) filter (where {OVERDUE}) as overdue,"
            " count(*) filter (where c.state = 'asked') as asked,"
            " count(*) filter (where c.escalated_at is not null) as escalated"
            " from claim c where c.state in ('waiting', 'asked', 'proposed') group by c.assigned_to"
        ),
        deadlines(connection).parameters(),
    ).all()
    decided = connection.execute(
        text(
            "select d.decided_by as user_id, max(d.decided_by_name) as name, count(*) as long,"
            " count(*) filter (where d.decided_at >= :short) as short, percentile_cont(0.5) within group ("
            "order by extract(epoch from d.decided_at - c.recorded_at) / 3600) as hours from claim_decision d"
            " join claim c on c.number = d.claim_number where d.decided_at >= :long and not d.is_by_rule"
            " and d.kind in ('approve', 'reject', 'correct') and d.decided_by is not null group by d.decided_by"
        ),
        bounds,
    ).all()
    by_rule = connection.execute(
        text("select count(*) from claim_decision where is_by_rule and decided_at >= :long"), bounds
    ).scalar_one()
    open_of = {row.user_id: row for row in opened}
    decided_of = {row.user_id: row for row in decided}
    called = {one.user_id: one.display_name for one in deciders(connection)}

    def work(user_id: UUID | None) -> PersonsWork:
        has, did = open_of.get(user_id), decided_of.get(user_id) if user_id is not None else None
        name = called.get(user_id) if user_id is not None else ""
        return PersonsWork(
            user_id=user_id,
            name=name or (has.name if has and has.name else did.name if did else ""),
            open=has.open if has else 0,
            oldest_at=has.oldest_at if has else None,
            overdue=has.overdue if has else 0,
            decided_7_days=did.short if did else 0,
            decided_30_days=did.long if did else 0,
            median_hours=float(did.hours) if did and did.hours is not None else None,
        )

    people = [work(user_id) for user_id in {*open_of, *decided_of, *called} if user_id is not None]
    return Workload(
        people=sorted(people, key=lambda one: (-one.overdue, -one.open, -one.decided_30_days, one.name)),
        unassigned=work(None),
        asked=sum(row.asked for row in opened),
        overdue=sum(row.overdue for row in opened),
        escalated=sum(row.escalated for row in opened),
        by_rule_30_days=int(by_rule),
    )
