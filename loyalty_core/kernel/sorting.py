"""The order of a list: which column a person chose, and the SQL of ours that it stands for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sort:
    """By which column a list is sorted, and which way."""

    by: str
    descending: bool = False


class UnknownSortError(LookupError):
    """A list has no such column to sort by."""


@dataclass(frozen=True, slots=True)
class Sorts:
    """What a list can be sorted by: SQL expressions by their names, none of which comes from a person.

    `default` is the order without a choice. It ends with what is unique, so that pages of a list neither repeat nor
    leave out a row, and it decides between rows that are equal in the chosen column.
    """

    columns: Mapping[str, str]
    default: str

    def first(self, sort: Sort | None) -> str:
        """Return what stands before the default order, with its comma; '' without a choice.

        What is null comes last, whichever way. Raises UnknownSortError.
        """
        if sort is None:
            return ""
        if sort.by not in self.columns:
            raise UnknownSortError(sort.by)
        return f"{self.columns[sort.by]} {'desc' if sort.descending else 'asc'} nulls last, "

    def order_by(self, sort: Sort | None) -> str:
        """Return the ORDER BY of the list, a space before it. Raises UnknownSortError."""
        return f" order by {self.first(sort)}{self.default}"


def in_order(rows: Sequence[T], sort: Sort | None, columns: Mapping[str, Callable[[T], Any]]) -> list[T]:
    """Return rows that are in memory sorted by one of the columns; None leaves them as they are.

    Rows that are equal in the column keep the order in which they came; None comes last, whichever way. Raises
    UnknownSortError.
    """
    if sort is None:
        return list(rows)
    if sort.by not in columns:
        raise UnknownSortError(sort.by)
    value = columns[sort.by]
    known = [row for row in rows if value(row) is not None]
    return sorted(known, key=value, reverse=sort.descending) + [row for row in rows if value(row) is None]
