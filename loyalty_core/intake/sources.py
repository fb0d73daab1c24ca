"""Saved mappings: what a source's files hold, kept for its next file, and what changed since the last one."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from sqlalchemy import Connection

from loyalty_core import access, audit
from loyalty_core.intake import source_store
from loyalty_core.intake.mapping import ColumnMapping, header_key
from loyalty_core.intake.names import SAME_SPELLING, words_of
from loyalty_core.intake.source_store import SavedMapping
from loyalty_core.kernel import Database, NotFoundError, Refusal, Scope, _, new_id, now

_MOST_HEADERS = 1000
_LONGEST_HEADER = 1000
_ALIKE_ENOUGH = 0.5


class UnknownSavedMappingError(NotFoundError):
    """No mapping is saved under this name, or it is retired."""

    def __init__(self, dataset: str, name: str) -> None:
        super().__init__(
            _("No mapping “{name}” is kept for files of {dataset}. Look at the list of mappings.").format(
                name=name, dataset=dataset
            )
        )
        self.name = name


class HeaderNotUsableError(Refusal):
    """The headers that should be kept with a mapping are not those of a file."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(
            _("The mapping names columns that this file does not have: {columns}. Choose them anew.").format(
                columns=", ".join(missing)
            )
        )
        self.missing = tuple(missing)


def saved_mappings(
    connection: Connection, dataset: str | None = None, *, with_retired: bool = False
) -> list[SavedMapping]:
    """Return the last version of every saved mapping, by name. A mapping says nothing of a company or a region."""
    return source_store.latest_mappings(connection, dataset, with_retired=with_retired)


def mapping_versions(connection: Connection, dataset: str, name: str) -> list[SavedMapping]:
    """Return every version of a mapping, the last one first. Raises UnknownSavedMappingError."""
    versions = source_store.versions_of(connection, dataset, name)
    if not versions:
        raise UnknownSavedMappingError(dataset, name)
    return versions


def save_mapping(
    database: Database, scope: Scope, mapping: ColumnMapping, header: Sequence[str]
) -> SavedMapping:
    """Keep a mapping and the headers of its file for the next file of the source; return the version that holds.

    What is kept already is not kept again, so the same request twice makes one version. Raises
    NotAllowedError, HeaderNotUsableError.
    """
    kept = [one.strip()[:_LONGEST_HEADER] for one in header[:_MOST_HEADERS]]
    keys = {header_key(one) for one in kept}
    missing = [
        name
        for column, name in mapping.columns.items()
        if header_key(name) not in keys and column not in mapping.optional
    ]
    if missing:
        raise HeaderNotUsableError(missing)
    with database.transaction(scope) as connection:
        access.check_permission(connection, scope, access.Permission.MANAGE_SOURCES)
        source_store.lock_mapping(connection, mapping.dataset, mapping.name)
        versions = source_store.versions_of(connection, mapping.dataset, mapping.name)
        last = versions[0] if versions else None
        if last is not None and not last.is_retired and (last.body, last.header) == (mapping, tuple(kept)):
            return last
        return _write(connection, scope, mapping, kept, last, is_retired=False)


def retire_mapping(database: Database, scope: Scope, dataset: str, name: str) -> None:
    """Take a mapping out of use: it is offered for no file any more. A retired one stays as it is.

    Imports keep the mapping they were read with. Raises NotAllowedError, UnknownSavedMappingError.
    """
    with database.transaction(scope) as connection:
        access.check_permission(connection, scope, access.Permission.MANAGE_SOURCES)
        source_store.lock_mapping(connection, dataset, name)
        last = mapping_versions(connection, dataset, name)[0]
        if not last.is_retired:
            _write(connection, scope, last.body, last.header, last, is_retired=True)


def _write(
    connection: Connection,
    scope: Scope,
    mapping: ColumnMapping,
    header: Sequence[str],
    last: SavedMapping | None,
    *,
    is_retired: bool,
) -> SavedMapping:
    made = SavedMapping(
        new_id(),
        mapping.dataset,
        mapping.name,
        1 if last is None else last.version + 1,
        mapping,
        tuple(header),
        scope.actor_name,
        now(),
        is_retired,
    )
    source_store.insert_version(
        connection,
        scope,
        id=made.id,
        version=made.version,
        body=mapping,
        header=header,
        is_retired=is_retired,
        saved_at=made.saved_at,
    )
    before = {} if last is None else last.body.columns
    audit.record(
        connection,
        scope,
        "intake.mapping_retired" if is_retired else "intake.mapping_saved",
        "source_mapping",
        made.id,
        {
            "dataset": mapping.dataset,
            "name": mapping.name,
            "version": made.version,
            "columns": mapping.columns,
            "columns_before": before,
        },
    )
    return made


@dataclass(frozen=True, slots=True)
class ColumnChanges:
    """How a file's columns differ from those that its source had: headers, in the order of their file.

    `renamed` are pairs of one that is gone and a new one that looks like it; both stand in no other field.
    `moved` stand in another order than before.
    """

    added: tuple[str, ...]
    gone: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    moved: tuple[str, ...]

    def __bool__(self) -> bool:
        """Whether anything changed."""
        return bool(self.added or self.gone or self.renamed or self.moved)


def changed_columns(saved: SavedMapping, header: Sequence[str]) -> ColumnChanges:
    """Say which columns of a file are not those of its source's last file. Blank headers don't count."""
    before = _first_of_each(saved.header)
    after = _first_of_each(header)
    gone = [name for key, name in before.items() if key not in after]
    added = [name for key, name in after.items() if key not in before]
    places_before = {key: place for place, key in enumerate(before)}
    places_after = {key: place for place, key in enumerate(after)}
    pairs = sorted(
        (
            (
                _name_likeness(old, new)
                + (0.05 if _same_place(old, new, places_before, places_after) else 0),
                -places_before[header_key(old)],
                old,
                new,
            )
            for old in gone
            for new in added
        ),
        reverse=True,
    )
    renamed: dict[str, str] = {}
    for likeness, _place, old, new in pairs:
        if likeness >= SAME_SPELLING and old not in renamed and new not in renamed.values():
            renamed[old] = new
    kept = [places_before[key] for key in after if key in before]
    in_order = _longest_rising(kept)
    names = list(before.values())
    return ColumnChanges(
        added=tuple(name for name in added if name not in renamed.values()),
        gone=tuple(name for name in gone if name not in renamed),
        renamed=tuple((old, renamed[old]) for old in gone if old in renamed),
        moved=tuple(names[place] for place in kept if place not in in_order),
    )


def _first_of_each(header: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in header:
        if name.strip():
            found.setdefault(header_key(name), name)
    return found


def _name_likeness(old: str, new: str) -> float:
    said, now_said = words_of(old), words_of(new)
    if sorted(said) == sorted(now_said):
        return 1.0
    spelling = SequenceMatcher(None, " ".join(said), " ".join(now_said)).ratio()
    shared = set(said) & set(now_said)
    # One word more or less, as in “Price” and “Net price”, is a rename too.
    one_more = SAME_SPELLING if shared and shared in (set(said), set(now_said)) else 0.0
    return max(spelling, one_more)


def _same_place(old: str, new: str, before: dict[str, int], after: dict[str, int]) -> bool:
    return before[header_key(old)] == after[header_key(new)]


def _longest_rising(places: Sequence[int]) -> frozenset[int]:
    """Return the longest run of places that rise: what is left of it has moved."""
    ends: list[int] = []
    lengths: list[int] = []
    for place in places:
        at = bisect_left(ends, place)
        ends[at : at + 1] = [place]
        lengths.append(at + 1)
    found: set[int] = set()
    wanted = len(ends)
    for place, length in zip(reversed(places), reversed(lengths), strict=True):
        if length == wanted and (not found or place < min(found)):
            found.add(place)
            wanted -= 1
    return frozenset(found)


def source_like(saved: Iterable[SavedMapping], header: Sequence[str]) -> SavedMapping | None:
    """Return the source whose last file looked most like one with this header; None where none is like it.

    A source counts where half of all headers of both are the same, and half of those that its mapping names
    are there, renamed ones included.
    """
    after = set(_first_of_each(header))
    best: tuple[float, int, SavedMapping] | None = None
    for one in saved:
        before = set(_first_of_each(one.header))
        either = before | after
        alike = len(before & after) / len(either) if either else 0.0
        carried = len(carried_over(one, header))
        if alike < _ALIKE_ENOUGH or carried * 2 < len(one.body.columns):
            continue
        if best is None or (alike, carried) > best[:2]:
            best = (alike, carried, one)
    return best[2] if best is not None else None


def carried_over(saved: SavedMapping, header: Sequence[str]) -> dict[str, str]:
    """Return what the saved mapping says of a file with this header: canonical column to header.

    Columns that are gone are left out; a renamed one is taken under its new name, for the person to look at.
    """
    there = _first_of_each(header)
    renamed = {header_key(old): new for old, new in changed_columns(saved, header).renamed}
    found: dict[str, str] = {}
    for column, name in saved.body.columns.items():
        new = there.get(header_key(name)) or renamed.get(header_key(name))
        if new is not None:
            found[column] = new
    return found
