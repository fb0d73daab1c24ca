"""What undoing an import may be refused for, and what it touches, as values."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from loyalty_core.corrections.records_policy import RecordsToUndo
from loyalty_core.intake import FileImport, ImportState
from loyalty_core.kernel import Refusal, Scope, StateError, _

# Both bounds are the database's.
SHORTEST_REASON = 3
LONGEST_REASON = 1000
# Whose lines can be taken back, or whose claims withdrawn.
FACTS = frozenset({"sales", "claims"})
# Whose additions go away, and whose changes are put back, where nothing has come in between.
RECORDS = frozenset({"companies", "outlets", "participants", "products", "prices", "budgets"})
CAN_BE_UNDONE = FACTS | RECORDS


class UndoReasonError(Refusal):
    """An import is undone without saying why, or at too great a length."""

    def __init__(self) -> None:
        super().__init__(
            _("Say why the import is undone, in {least} to {most} characters: it is kept for good.").format(
                least=SHORTEST_REASON, most=LONGEST_REASON
            )
        )


class NarrowScopeUndoError(Refusal):
    """Whoever sees a part only would take back lines out of sight."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "Undoing an import touches every company and programme in it, and you see some only. Ask somebody who "
                "sees all."
            )
        )


class NothingListedError(Refusal):
    """The import is older than the list of what it added and changed."""

    def __init__(self, found: FileImport) -> None:
        super().__init__(
            _(
                "Import {number} was accepted before Laurel kept a list of what a file adds and changes, so it can't "
                "be undone. Import a file with the right values instead."
            ).format(number=found.number)
        )


class NothingToPutBackError(Refusal):
    """All that the import brought has been changed, decided about or used since."""

    def __init__(self, found: FileImport) -> None:
        super().__init__(
            _(
                "Nothing that import {number} brought can be taken back any longer: all of it was changed, decided "
                "about or used since. Import a file with the right values instead."
            ).format(number=found.number)
        )


class NotAcceptedError(StateError):
    """There is nothing to undo: nothing of the import counts."""

    def __init__(self, found: FileImport) -> None:
        super().__init__(
            _("Import {number} is undone already.").format(number=found.number)
            if found.state is ImportState.UNDONE
            else _("Nothing of import {number} counts, so there is nothing to undo.").format(
                number=found.number
            )
        )


class PreviewOutdatedError(Refusal):
    """What the undo would touch is no longer what was shown."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "Since you looked, something changed that undoing this import touches. Read the preview, look"
                " again, then decide."
            )
        )


class UndoFormUsedError(Refusal):
    """The form's key came before for another import."""

    def __init__(self) -> None:
        super().__init__(_("This form undid another import. Open a new one."))


class InTheWayError(Refusal):
    """Somebody works on what the undo touches, again and again."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "Somebody is working on claims or imports that this touches. Nothing was undone; try again in a minute."
            )
        )


@dataclass(frozen=True, slots=True)
class ProgrammePoints:
    """Points that go in one programme once it is settled; `points` above zero are taken from accounts."""

    programme_id: UUID
    code: str
    name: str
    points: int


@dataclass(frozen=True, slots=True)
class AccountInDebt:
    """An account that would be below zero: what it holds now, and after the points are gone."""

    account_id: UUID
    programme_name: str
    owner_code: str
    owner_name: str
    balance: int
    after: int


@dataclass(frozen=True, slots=True)
class OrderOnPoints:
    """An order that was paid with points that go, from an account that would be below zero."""

    number: int
    reward_name: str
    owner_name: str
    points: int
    state: str
    ordered_at: datetime


@dataclass(frozen=True, slots=True)
class UndoPreview:
    """What undoing an import would touch; of an import of master data `records` says it, and all else is nothing.

    `lines` are taken back, and `lines_kept` of them stand again at once because another import brought them too.
    `net_minor` is what sales lose by currency, in minor units, `companies` whose lines they are. Claims laid to the
    lines wait again (`claims_reopened`); claims that the import brought are withdrawn. `in_debt` and `orders` are the
    first of `accounts_in_debt` and `orders_on_points`, the deepest and the largest first. `payload_hash` stands for
    what will be undone; points move with every settlement and are no part of it.
    """

    import_id: UUID
    number: int
    lines: int
    lines_kept: int
    net_minor: Mapping[str, int]
    companies: int
    claims_reopened: int
    claims_withdrawn: int
    points: tuple[ProgrammePoints, ...]
    accounts_in_debt: int
    in_debt: tuple[AccountInDebt, ...]
    orders_on_points: int
    orders: tuple[OrderOnPoints, ...]
    records: RecordsToUndo | None = None

    @property
    def payload_hash(self) -> str:
        """A hash over what will be undone."""
        body = {
            "import": str(self.import_id),
            "lines": self.lines,
            "lines_kept": self.lines_kept,
            "net_minor": dict(sorted(self.net_minor.items())),
            "claims_reopened": self.claims_reopened,
            "claims_withdrawn": self.claims_withdrawn,
            "records": self.records.hash if self.records is not None else None,
        }
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class UndoneImport:
    """An import that was undone: by whom, when, why, and what it touched.

    `outcomes` says of an import of master data how many of its additions and changes came to what (see `Outcome`).
    """

    import_id: UUID
    reason: str
    lines: int
    lines_kept: int
    claims_withdrawn: int
    claims_reopened: int
    net_minor: Mapping[str, int]
    undone_by_name: str
    undone_at: datetime
    outcomes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class UndoReport:
    """What undoing came to, and how many programmes were settled right after.

    `unsettled` is the sentence of what kept points from being taken back, None where nothing did. Where it is left
    to the worker, `programmes_settled` is None.
    """

    number: int
    undone: UndoneImport
    programmes_settled: int | None
    unsettled: str | None


def clean_reason(reason: str) -> str:
    """Return the reason without white space around it. Raises UndoReasonError."""
    text = reason.strip()
    if not SHORTEST_REASON <= len(text) <= LONGEST_REASON:
        raise UndoReasonError
    return text


def check_can_be_undone(scope: Scope, found: FileImport) -> None:
    """Raise NarrowScopeUndoError or NotAcceptedError where it can't."""
    if not scope.sees_everything or scope.programme_ids is not None:
        raise NarrowScopeUndoError
    assert found.dataset in CAN_BE_UNDONE, "every dataset can be undone"
    if found.state is not ImportState.ACCEPTED:
        raise NotAcceptedError(found)
