"""What the page of audit shows: records with the people in them by their names."""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from sqlalchemy import Connection

from loyalty_core import access, participants
from loyalty_core.audit import AuditRecord
from loyalty_core.kernel import _
from ui import list_export, wording


def _ids(value: object) -> Iterator[UUID]:
    if isinstance(value, list):
        for one in value:
            yield from _ids(one)
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _ids(one)
    else:
        try:
            yield UUID(str(value))
        except ValueError:
            return


def names_in(connection: Connection, records: Sequence[AuditRecord]) -> dict[str, str]:
    """Return the names of the users and participants of the scope that the records speak of, by id as text."""
    ids = {found for one in records for found in _ids([one.subject_id, dict(one.detail)])}
    named = access.display_names(connection, ids) | participants.display_names(connection, ids)
    return {str(one): name for one, name in named.items()}


def called(value: object, names: Mapping[str, str]) -> str:
    """Return a value of a record as text, people by their name."""
    if isinstance(value, list):
        return ", ".join(called(one, names) for one in value)
    return names.get(str(value), str(value))


def details(record: AuditRecord, names: Mapping[str, str]) -> str:
    """Return what a record tells beside its subject, in one line."""
    return ", ".join(
        f"{name} {called(value, names)}"
        for name, value in record.detail.items()
        if not isinstance(value, dict)
    )


Named = tuple[AuditRecord, Mapping[str, str]]


def exported() -> list_export.Columns[Named]:
    """Return the columns of the exported records, each with the names of the people in it."""
    return [
        (_("No."), lambda one: one[0].id),
        (_("When"), lambda one: one[0].recorded_at),
        (_("Who"), lambda one: one[0].actor_name),
        (_("What"), lambda one: wording.action(one[0].action)),
        (_("Action"), lambda one: one[0].action),
        (_("About"), lambda one: about(*one)),
        (_("Id"), lambda one: one[0].subject_id),
        (_("Details"), lambda one: details(*one)),
    ]


def about(record: AuditRecord, names: Mapping[str, str]) -> str:
    """Return what a record is about, a person by their name."""
    kind = record.subject_kind.removeprefix("app_").replace("_", " ")
    return f"{kind} {called(record.subject_id, names)}"


def people_in(record: AuditRecord, names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the ids of people in a record's details as they stand there, each with its name, in the order of names."""
    found = {str(one) for one in _ids(dict(record.detail))}
    return sorted(((one, names[one]) for one in found if one in names), key=lambda pair: pair[1])
