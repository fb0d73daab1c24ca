"""Undoing imports of master data: what becomes of each addition and change, and how that is done.

What nobody has touched since is put back or goes away; the rest stays and is named.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy import Connection

from loyalty_core import budgets
from loyalty_core.corrections import record_store as store
from loyalty_core.corrections.records_policy import (
    LEFT,
    TOUCHING,
    ListedChange,
    Outcome,
    RecordsToUndo,
    RecordUndo,
    judge_addition,
    judge_change,
)
from loyalty_core.intake import FileImport
from loyalty_core.kernel import Scope

BUDGETS = "budgets"
_SHOWN = 20


def lock(connection: Connection, found: FileImport) -> None:
    """Hold everything that the import names until the transaction ends."""
    if found.dataset == BUDGETS:
        listed = store.listed_changes(connection, BUDGETS, found.id)
        store.lock_budget_changes(connection, [_asked_key(found.id, one) for one in listed])
    else:
        store.lock_records(connection, found.dataset, found.id)


def plan(connection: Connection, found: FileImport) -> list[RecordUndo]:
    """Return what undoing the import does to each of its additions and changes, in the file's order."""
    if found.dataset == BUDGETS:
        return _plan_budgets(connection, found)
    listed = store.listed_changes(connection, found.dataset, found.id)
    known = store.known_records(connection, found.dataset, found.id)
    planned = [
        judge_addition(one, known.get(one.record, ()), found.id)
        if one.field is None
        else judge_change(one, known.get(one.record, ()))
        for one in listed
    ]
    if found.dataset == "companies":
        return _without_broken_companies(connection, planned)
    if found.dataset == "prices":
        return _without_broken_prices(connection, planned, listed)
    return planned


def summary(planned: Sequence[RecordUndo]) -> RecordsToUndo:
    """Count what becomes of the additions and changes, with the first of those that are undone and that stay."""
    return RecordsToUndo(
        counts=dict(Counter(one.outcome.value for one in planned)),
        touched=tuple([one for one in planned if one.outcome in TOUCHING][:_SHOWN]),
        left=tuple([one for one in planned if one.outcome in LEFT][:_SHOWN]),
        hash=hashlib.sha256(
            json.dumps(
                [
                    (one.sheet, one.row_no, one.record, one.field, one.before, one.after, one.outcome.value)
                    for one in planned
                ]
            ).encode()
        ).hexdigest(),
    )


def carry_out(
    connection: Connection,
    scope: Scope,
    found: FileImport,
    planned: Sequence[RecordUndo],
    *,
    reason: str,
    moment: datetime,
) -> None:
    """Do what was planned under the same lock; the import is undone already."""
    if found.dataset == BUDGETS:
        _carry_out_budgets(connection, scope, found, planned, reason)
        return
    fields = {one.field for one in planned if one.outcome is Outcome.PUT_BACK}
    for field in sorted(name for name in fields if name is not None):
        changes = [one for one in planned if one.outcome is Outcome.PUT_BACK and one.field == field]
        store.put_back(connection, found.dataset, field, changes)
    going = [one.record_id for one in planned if one.outcome is Outcome.REMOVED and one.record_id is not None]
    if going:
        store.remove(connection, found.dataset, found.id, going, recorded_at=moment)


def _without_broken_companies(connection: Connection, planned: list[RecordUndo]) -> list[RecordUndo]:
    """Leave what would take a distributor from a company that stays, or give one what is no longer fit for it."""

    def put_back(field: str) -> dict[UUID, str]:
        return {
            one.record_id: one.before
            for one in planned
            if one.field == field
            and one.outcome is Outcome.PUT_BACK
            and one.before
            and one.record_id is not None
        }

    regions = put_back("region_code")
    unfit = {
        "distributor_code": store.unfit_distributors(connection, list(put_back("distributor_code").items())),
        "salesperson": store.unfit_salespeople(
            connection, [(id, name, regions.get(id)) for id, name in put_back("salesperson").items()]
        ),
    }
    planned = [
        replace(one, outcome=Outcome.UNUSABLE)
        if one.outcome is Outcome.PUT_BACK and one.before and one.record_id in unfit.get(one.field or "", ())
        else one
        for one in planned
    ]

    def ends_distributor(one: RecordUndo) -> bool:
        return one.outcome is Outcome.REMOVED or (
            one.outcome is Outcome.PUT_BACK and one.field == "kind" and one.after == "distributor"
        )

    ending = {one.record_id for one in planned if ends_distributor(one) and one.record_id is not None}
    bought = store.buyers(connection, ending)
    # Whoever stays keeps its distributor, which thereby stays too and keeps its own.
    while True:
        leaving = {
            one.record_id
            for one in planned
            if one.outcome is Outcome.REMOVED
            or (one.outcome is Outcome.PUT_BACK and one.field == "distributor_code")
        }
        needed = {distributor for company, distributor in bought if company not in leaving}
        if not any(ends_distributor(one) and one.record_id in needed for one in planned):
            return planned
        planned = [
            replace(one, outcome=Outcome.LEANED_ON, leaning=("buyers",))
            if ends_distributor(one) and one.record_id in needed
            else one
            for one in planned
        ]


def _without_broken_prices(
    connection: Connection, planned: list[RecordUndo], listed: Sequence[ListedChange]
) -> list[RecordUndo]:
    """Leave prices whose other fields were changed since, and last days that would reach into another price."""
    changed: dict[str, int | None] = {
        one.record: one.later_import for one in planned if one.outcome is Outcome.CHANGED_SINCE
    }
    # Also those of which a later file gave one field back its old value.
    changed |= {one.record: one.later_import for one in listed if one.later_import is not None}
    planned = [
        replace(one, outcome=Outcome.CHANGED_SINCE, later_import=changed[one.record])
        if one.outcome is Outcome.PUT_BACK and one.record in changed
        else one
        for one in planned
    ]
    ends = [
        (one.record_id, one.before)
        for one in planned
        if one.outcome is Outcome.PUT_BACK and one.field == "valid_to" and one.record_id is not None
    ]
    going = [one.record_id for one in planned if one.outcome is Outcome.REMOVED and one.record_id is not None]
    overlapping = store.overlapping_prices(connection, ends, going) if ends else frozenset()
    return [
        replace(one, outcome=Outcome.OVERLAPS)
        if one.outcome is Outcome.PUT_BACK and one.field == "valid_to" and one.record_id in overlapping
        else one
        for one in planned
    ]


def _asked_key(import_id: UUID, listed: ListedChange | RecordUndo) -> UUID:
    return budgets.request_key_of_row(import_id, listed.sheet, listed.row_no)


def _plan_budgets(connection: Connection, found: FileImport) -> list[RecordUndo]:
    listed = store.listed_changes(connection, BUDGETS, found.id)
    asked = store.asked_budgets(connection, [_asked_key(found.id, one) for one in listed])
    planned = []
    for one in listed:
        change = asked.get(_asked_key(found.id, one))
        planned.append(
            RecordUndo(
                record=one.record,
                field=one.field,
                before=one.before,
                after=one.after,
                outcome=_of_budget(change),
                record_id=change.id if change else None,
                sheet=one.sheet,
                row_no=one.row_no,
            )
        )
    return planned


def _of_budget(change: store.AskedBudget | None) -> Outcome:
    """Return what becomes of a change of a budget: what is approved is set, and takes two people to set back."""
    if change is None:
        return Outcome.NOT_FOUND
    if change.state == budgets.ChangeState.WAITING:
        return Outcome.WITHDRAWN
    if change.state != budgets.ChangeState.APPROVED or change.set_minor == (change.before_minor or 0):
        return Outcome.AS_BEFORE
    if change.set_minor != change.after_minor:
        return Outcome.CHANGED_SINCE
    if change.waits_other:
        return Outcome.CHANGE_WAITS
    if (change.used_minor or 0) > (change.before_minor or 0):
        return Outcome.USED
    return Outcome.ASKED_BACK


def _carry_out_budgets(
    connection: Connection, scope: Scope, found: FileImport, planned: Sequence[RecordUndo], reason: str
) -> None:
    asked = store.asked_budgets(connection, [_asked_key(found.id, one) for one in planned])
    for one in planned:
        change = asked.get(_asked_key(found.id, one))
        if change is None:
            continue
        if one.outcome is Outcome.WITHDRAWN:
            budgets.withdraw_within(connection, scope, change.id, reason=reason)
        elif one.outcome is Outcome.ASKED_BACK:
            budgets.ask_within(
                connection,
                scope,
                programme_id=change.programme_id,
                region_id=change.region_id,
                starts_on=change.starts_on,
                amount_minor=change.before_minor or 0,
                reason=reason,
                request_key=uuid5(change.id, "undone"),
            )
