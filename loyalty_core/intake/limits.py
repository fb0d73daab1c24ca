"""What a source's checks allow: what its suite ships with, or what a person set for it with a reason."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

import data_checks
from loyalty_core import access, audit
from loyalty_core.intake import limit_store
from loyalty_core.intake.limit_store import SourceLimits
from loyalty_core.kernel import Database, Refusal, Scope, _, new_id, now

_LONGEST_REASON = 1000
_LONGEST_SOURCE = 200


class LimitsNotUsableError(Refusal):
    """The limits name a check that the suite does not have, or bounds that can't be."""

    def __init__(self, fault: str) -> None:
        super().__init__(
            _("These limits can't be used: {fault}. Correct them and save again.").format(fault=fault)
        )


class LimitsChangedMeanwhileError(Refusal):
    """Somebody else set the source's limits after they were read."""

    def __init__(self, last: SourceLimits) -> None:
        super().__init__(
            _("{name} set the limits of this source meanwhile. Look at them, then set yours again.").format(
                name=last.set_by_name
            )
        )
        self.last = last


class LimitsNeedReasonError(Refusal):
    """Limits were set without a word why."""

    def __init__(self) -> None:
        super().__init__(
            _("Say in up to {longest} characters why: the reason is kept with the limits.").format(
                longest=_LONGEST_REASON
            )
        )


def limits_of(connection: Connection, source: str) -> SourceLimits | None:
    """Return what holds of a source's own limits, None where it has none."""
    return next(iter(limit_store.limits_by_version(connection, source)), None)


def thresholds_of(connection: Connection, dataset: str, source: str) -> data_checks.Thresholds:
    """Return the thresholds that a source's files are held against. Raises ValueError without a suite.

    A limit that was set for a check which the suite no longer has is passed over: the suite changed, not the source.
    """
    thresholds = data_checks.default_thresholds(dataset)
    own = limits_of(connection, source)
    if own is None:
        return thresholds
    known = thresholds.to_json().keys()
    return thresholds.with_changes({name: body for name, body in own.changes.items() if name in known})


def set_limits(
    database: Database,
    scope: Scope,
    *,
    dataset: str,
    source: str,
    changes: Mapping[str, Any],
    reason: str,
    seen_version: int,
) -> SourceLimits:
    """Set what a source's checks allow, in place of what was set before, and return it.

    `changes` has the form that `data_checks.Thresholds.with_changes` takes; empty: what the suite ships with.
    `seen_version` is the version that was shown, 0 for none. The same changes again make no new version. Raises
    NotAllowedError, LimitsNotUsableError, LimitsNeedReasonError, LimitsChangedMeanwhileError.
    """
    if not reason.strip() or len(reason) > _LONGEST_REASON:
        raise LimitsNeedReasonError
    if not source or len(source) > _LONGEST_SOURCE:
        raise LimitsNotUsableError(_("a source has a name of up to {n} characters").format(n=_LONGEST_SOURCE))
    try:
        data_checks.default_thresholds(dataset).with_changes(changes)
    except (ValueError, TypeError) as error:
        raise LimitsNotUsableError(str(error)) from error
    with database.transaction(scope) as connection:
        access.check_permission(connection, scope, access.Permission.MANAGE_SOURCES)
        limit_store.lock_limits(connection, source)
        last = limits_of(connection, source)
        if last is not None and last.changes == changes:
            return last
        if (last.version if last else 0) != seen_version:
            assert last is not None, "versions only rise"
            raise LimitsChangedMeanwhileError(last)
        made = SourceLimits(source, seen_version + 1, dict(changes), reason.strip(), scope.actor_name, now())
        made_id = new_id()
        limit_store.insert_limits(connection, scope, id=made_id, made=made)
        audit.record(
            connection,
            scope,
            "intake.limits_set",
            "source_thresholds",
            made_id,
            {
                "source": source,
                "version": made.version,
                "changes": dict(changes),
                "changes_before": dict(last.changes) if last else {},
                "reason": made.reason,
            },
        )
        return made
