"""What becomes of each record that an import of master data added or changed, once the import is undone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Outcome(StrEnum):
    """What undoing an import does to one of its additions or changes, or why it leaves it."""

    # An added record goes away.
    REMOVED = "removed"
    # A field holds again what it held before.
    PUT_BACK = "put_back"
    # A budget's change that waits is withdrawn.
    WITHDRAWN = "withdrawn"
    # A budget's change that was approved is asked back, and a second person decides.
    ASKED_BACK = "asked_back"
    # It is as it was before the import already.
    AS_BEFORE = "as_before"
    # Another import, or a person, has changed it since.
    CHANGED_SINCE = "changed_since"
    # Somebody else has decided about it since.
    DECIDED_SINCE = "decided_since"
    # Something is there that would stand on nothing.
    LEANED_ON = "leaned_on"
    # What says who a person is is kept once, so what it was before is not known.
    PERSONAL = "personal"
    # What stood there before is gone or may not stand there any longer.
    UNUSABLE = "unusable"
    # An earlier price would hold on days on which another one does.
    OVERLAPS = "overlaps"
    # Orders have reserved and spent more than the budget held before.
    USED = "used"
    # Another change of the same budget waits for its decision.
    CHANGE_WAITS = "change_waits"
    # It is not there, or more than one is known by the same words.
    NOT_FOUND = "not_found"


TOUCHING = frozenset({Outcome.REMOVED, Outcome.PUT_BACK, Outcome.WITHDRAWN, Outcome.ASKED_BACK})
"""Outcomes by which the undo changes something."""

LEFT = frozenset(Outcome) - TOUCHING - {Outcome.AS_BEFORE}
"""Outcomes by which something of the import stays."""

_PERSONAL_FIELDS = frozenset({"display_name", "phone", "email"})


@dataclass(frozen=True, slots=True)
class ListedChange:
    """One addition (`field` None) or one changed field of an import, as `import_change` has it.

    `later_import` is the number of the last accepted import that changed the same thing after it.
    """

    sheet: str
    row_no: int
    record: str
    field: str | None
    before: str
    after: str
    later_import: int | None


@dataclass(frozen=True, slots=True)
class KnownRecord:
    """A record that is there: who brought it, what its fields hold as texts ('' for nothing), and what leans on it.

    `is_decided` says that a person has decided about it; `is_touched` that a person has changed it.
    """

    id: UUID
    brought_by: UUID | None
    fields: Mapping[str, str]
    leaning: Collection[str] = ()
    is_decided: bool = False
    is_touched: bool = False


@dataclass(frozen=True, slots=True)
class RecordUndo:
    """What becomes of one addition or change; `record_id` is None where it was not found.

    `later_import` says for CHANGED_SINCE which import that was (None: a person), `leaning` for LEANED_ON what leans
    on it: sales, claims, documents, outlets, participants, points, buyers, grants, prices.
    """

    record: str
    field: str | None
    before: str
    after: str
    outcome: Outcome
    record_id: UUID | None = None
    later_import: int | None = None
    leaning: tuple[str, ...] = ()
    sheet: str = ""
    row_no: int = 0


@dataclass(frozen=True, slots=True)
class RecordsToUndo:
    """What undoing an import of master data comes to: how many have each outcome, and the first of them.

    `touched` and `left` are the first few that the undo changes, and that it leaves, in the file's order. `hash`
    stands for every single outcome.
    """

    counts: Mapping[str, int]
    touched: tuple[RecordUndo, ...]
    left: tuple[RecordUndo, ...]
    hash: str

    @property
    def touched_count(self) -> int:
        """How many additions and changes are undone."""
        return sum(self.counts.get(one.value, 0) for one in TOUCHING)

    @property
    def left_count(self) -> int:
        """How many stay as the import made them, or as somebody made them since."""
        return sum(self.counts.get(one.value, 0) for one in LEFT)


def judge_addition(listed: ListedChange, known: Sequence[KnownRecord], import_id: UUID) -> RecordUndo:
    """Return what becomes of a record that the import added; `known` are the records known by its words."""
    brought = [one for one in known if one.brought_by == import_id]
    if len(brought) != 1:
        return _undo(listed, Outcome.NOT_FOUND)
    [one] = brought
    if one.is_decided:
        return _undo(listed, Outcome.DECIDED_SINCE, one)
    if one.leaning:
        return _undo(listed, Outcome.LEANED_ON, one)
    if listed.later_import is not None or one.is_touched:
        return _undo(listed, Outcome.CHANGED_SINCE, one)
    return _undo(listed, Outcome.REMOVED, one)


def judge_change(listed: ListedChange, known: Sequence[KnownRecord]) -> RecordUndo:
    """Return what becomes of a field that the import changed; `known` are the records known by its words."""
    assert listed.field is not None, "it is a change"
    if len(known) != 1:
        return _undo(listed, Outcome.NOT_FOUND)
    [one] = known
    if listed.field in _PERSONAL_FIELDS and listed.field not in one.fields:
        return _undo(listed, Outcome.PERSONAL, one)
    stands = one.fields[listed.field]
    if stands == listed.before:
        return _undo(listed, Outcome.AS_BEFORE, one)
    if listed.later_import is not None or stands != listed.after:
        return _undo(listed, Outcome.CHANGED_SINCE, one)
    if one.is_decided and listed.field == "is_owner":
        return _undo(listed, Outcome.DECIDED_SINCE, one)
    return _undo(listed, Outcome.PUT_BACK, one)


def _undo(listed: ListedChange, outcome: Outcome, known: KnownRecord | None = None) -> RecordUndo:
    return RecordUndo(
        record=listed.record,
        field=listed.field,
        before=listed.before,
        after=listed.after,
        outcome=outcome,
        record_id=known.id if known else None,
        later_import=listed.later_import if outcome is Outcome.CHANGED_SINCE else None,
        leaning=tuple(sorted(known.leaning)) if known and outcome is Outcome.LEANED_ON else (),
        sheet=listed.sheet,
        row_no=listed.row_no,
    )
