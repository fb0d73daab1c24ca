"""What becomes of claims when an import is undone: of those laid to its lines, and of those that it brought.

Set-based and inside the caller's transaction, which sees every company and programme.
"""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core.kernel import Scope, now
from loyalty_core.verification.policy import DecisionKind
from loyalty_core.verification.states import ClaimState

# Claims that hold units of the lines :ids, by their last decision.
_ON_LINES = """
select c.number from claim c where c.state = 'approved' and (
    c.sales_line_id in (select unnest(cast(:ids as bigint[])))
    or exists (select from claim_further_line f where f.claim_number = c.number and f.revision = c.revision
        and f.sales_line_id in (select unnest(cast(:ids as bigint[]))))
)
"""
_OF_IMPORT = "select c.number from claim c where c.import_id = :import_id and c.state <> 'withdrawn'"


def claims_on_lines(connection: Connection, sales_line_ids: Collection[int]) -> list[int]:
    """Return the numbers of the approved claims that hold units of any of the lines, in their order."""
    rows = connection.execute(text(f"{_ON_LINES} order by c.number"), {"ids": list(sales_line_ids)})
    return list(rows.scalars())


def claims_of_import(connection: Connection, import_id: UUID) -> list[int]:
    """Return the numbers of the claims that the import brought and that are not withdrawn, in their order."""
    rows = connection.execute(text(f"{_OF_IMPORT} order by c.number"), {"import_id": import_id})
    return list(rows.scalars())


def reopen_claims(
    connection: Connection, scope: Scope, sales_line_ids: Collection[int], *, reason: str
) -> int:
    """Let the approved claims that hold units of the lines wait again, holding nothing; return how many those are.

    `sales_line_ids` are lines that are being taken back. What a first person decided for one of them, and no second
    has agreed to yet, is withdrawn. The next settlement takes back the points.
    """
    parameters = {"ids": list(sales_line_ids)}
    # The lines are locked against new claims by now; whoever holds one of these claims comes to an end first.
    numbers = _locked(connection, f"{_ON_LINES} order by c.number for update of c", parameters)
    _drop_proposals(
        connection,
        "p.sales_line_id in (select unnest(cast(:ids as bigint[])))"
        " or p.claim_number in (select unnest(cast(:numbers as bigint[])))",
        {**parameters, "numbers": numbers},
    )
    _decide(connection, scope, numbers, DecisionKind.REOPEN, ClaimState.WAITING, reason)
    return len(numbers)


def withdraw_claims(connection: Connection, scope: Scope, import_id: UUID, *, reason: str) -> int:
    """Withdraw every claim that the import brought, decided or not, and return how many those are.

    Units that they held are free again; the next settlement takes back the points.
    """
    numbers = _locked(connection, f"{_OF_IMPORT} order by c.number for update of c", {"import_id": import_id})
    _drop_proposals(
        connection, "p.claim_number in (select unnest(cast(:numbers as bigint[])))", {"numbers": numbers}
    )
    _decide(connection, scope, numbers, DecisionKind.WITHDRAW, ClaimState.WITHDRAWN, reason)
    return len(numbers)


def _locked(connection: Connection, query: str, parameters: Mapping[str, object]) -> list[int]:
    return list(connection.execute(text(query), parameters).scalars())


def _drop_proposals(connection: Connection, condition: str, parameters: Mapping[str, object]) -> None:
    """End what waits for a second person; a claim that was undecided before waits for a first one again."""
    dropped = list(
        connection.execute(
            text(
                "update claim_proposal p set outcome = 'withdrawn', decided_at = :moment"  # noqa: S608 put together from constants
                f" where p.outcome is null and ({condition}) returning p.claim_number"
            ),
            {**parameters, "moment": now()},
        ).scalars()
    )
    connection.execute(
        text(
            "update claim set state = 'waiting' where state = 'proposed'"
            " and number in (select unnest(cast(:numbers as bigint[])))"
        ),
        {"numbers": dropped},
    )


def _decide(
    connection: Connection,
    scope: Scope,
    numbers: list[int],
    kind: DecisionKind,
    state: ClaimState,
    reason: str,
) -> None:
    """Free the units of the claims, whose rows are locked, and decide that they hold nothing."""
    parameters = {"numbers": numbers}
    # In the order of the lines, as every decision locks them.
    connection.execute(
        text(
            "select from claimed_line n where n.sales_line_id in (select c.sales_line_id from claim c"
            " where c.number in (select unnest(cast(:numbers as bigint[]))) union select f.sales_line_id"
            " from claim_further_line f where f.claim_number in (select unnest(cast(:numbers as bigint[]))))"
            " order by n.sales_line_id for no key update"
        ),
        parameters,
    )
    connection.execute(
        text(
            "with further as (select c.programme_id, f.sales_line_id, f.quantity, c.number from claim c"
            " join claim_further_line f on f.claim_number = c.number and f.revision = c.revision"
            " where c.state = 'approved' and c.number in (select unnest(cast(:numbers as bigint[])))),"
            " held as (select programme_id, sales_line_id, quantity from further union all"
            # A decision's quantity counts its further lines in; its own line holds the rest.
            " select c.programme_id, c.sales_line_id, c.approved_quantity - coalesce((select sum(f.quantity)"
            " from further f where f.number = c.number), 0) from claim c where c.state = 'approved'"
            " and c.number in (select unnest(cast(:numbers as bigint[]))))"
            " update claimed_line n set units_claimed = n.units_claimed - h.quantity from (select programme_id,"
            " sales_line_id, sum(quantity) as quantity from held group by programme_id, sales_line_id) h"
            " where n.sales_line_id = h.sales_line_id and n.programme_id is not distinct from h.programme_id"
        ),
        parameters,
    )
    moment = now()
    connection.execute(
        text(
            "insert into claim_decision (claim_number, revision, programme_id, company_id, participant_id, kind,"
            " amount_minor, sold_on, reason, decided_by, decided_by_name, decided_at) select c.number,"
            " c.revision + 1, c.programme_id, c.company_id, c.participant_id, :kind, 0, c.sold_on, :reason, :by,"
            " :by_name, :moment from claim c where c.number in (select unnest(cast(:numbers as bigint[])))"
            " order by c.number"
        ),
        {
            **parameters,
            "kind": kind.value,
            "reason": reason,
            "by": scope.user_id,
            "by_name": scope.actor_name,
            "moment": moment,
        },
    )
    connection.execute(
        text(
            "update claim set state = :state, revision = revision + 1, sales_line_id = null,"
            " approved_quantity = null, decided_at = :moment, escalated_at = null"
            " where number in (select unnest(cast(:numbers as bigint[])))"
        ),
        {**parameters, "state": state.value, "moment": moment},
    )
