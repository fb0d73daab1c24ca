"""Values for the parameters of any query, by type."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from queries import Kind, Query

_ONE_OF_EACH: Mapping[Kind, object] = {
    Kind.DATE: date(2026, 6, 30),
    Kind.TIME: datetime(2026, 6, 30, tzinfo=UTC),
    Kind.INTEGER: 1000,
    Kind.BIG_INTEGER: 1000,
    Kind.DECIMAL: Decimal(1),
    Kind.TEXT: "",
    Kind.FLAG: True,
    Kind.ID: UUID(int=0),
}


def some_values(query: Query, known: Mapping[str, object] | None = None) -> dict[str, object]:
    """Return a value for each parameter: the known one, else null where that keeps all, else any of its type.

    Meanings that begin with choices in quotes get the first of them; `choices` lists them all.
    """
    values: dict[str, object] = {}
    for parameter in query.parameters:
        if known and parameter.name in known:
            values[parameter.name] = known[parameter.name]
        elif parameter.may_be_null:
            values[parameter.name] = None
        elif parameter.is_list:
            values[parameter.name] = []
        else:
            values[parameter.name] = next(iter(choices(parameter.meaning)), _ONE_OF_EACH[parameter.kind])
    return values


def choices(meaning: str) -> list[str]:
    """Return the texts that a meaning such as “'day' or 'month'” offers."""
    return re.findall(r"'(\w+)'", meaning)
