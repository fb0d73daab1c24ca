"""The export of a list: every row that its filters find, in the order chosen, as a file for spreadsheets."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st
from sqlalchemy import Connection

from loyalty_core import analytics
from loyalty_core.access import CSV, Permission, SignedInUser
from loyalty_core.kernel import Cell, Refusal, Sort, _, current_database, write_csv
from ui import downloads, wording
from ui.keys import page_key

MOST_EXPORTED = 1_000_000
# As many rows as are in memory at a time: each batch sorts the list anew, so few of them.
BATCH = 20_000

T = TypeVar("T")
# The title of a column, and what a row has in it.
Columns = Sequence[tuple[str, Callable[[T], Cell]]]
Rows = Callable[[], Generator[T, None, None]]


class TooManyRowsError(Refusal):
    """The list is longer than what one file takes."""

    def __init__(self) -> None:
        super().__init__(
            _("One file takes {most} rows at most. Filter the list, and export its parts.").format(
                most=wording.number(MOST_EXPORTED)
            )
        )


def cells_of(header: Sequence[str]) -> list[tuple[str, Callable[[Sequence[Cell]], Cell]]]:
    """Return the columns of rows that are cells already, in the order of the header."""
    return [(title, itemgetter(place)) for place, title in enumerate(header)]


def from_database(user: SignedInUser, read: Callable[[Connection, int, int], Sequence[T]]) -> Rows[T]:
    """Return what reads a whole list in batches of one moment, within what the user may see.

    `read` is given a connection, how many rows to read, and how many to leave out first.
    """

    def rows() -> Generator[T, None, None]:
        with current_database().snapshot(user.scope) as connection:
            offset = 0
            while batch := read(connection, BATCH, offset):
                yield from batch
                if len(batch) < BATCH:
                    return
                offset += BATCH

    return rows


def from_memory(found: Sequence[T]) -> Rows[T]:
    """Return what yields a list that was read whole."""

    def rows() -> Generator[T, None, None]:
        yield from found

    return rows


def from_replica(
    user: SignedInUser, query: str, values: Mapping[str, object], sort: Sort | None
) -> Rows[dict[str, Any]]:
    """Return what reads the whole answer of a query of `queries/`; its limit and offset are not among the values."""

    def rows() -> Generator[dict[str, Any], None, None]:
        whole = {**values, "limit": MOST_EXPORTED + 1, "offset": 0}
        yield from analytics.run_query(user.scope, query, whole, sort=sort).iter_rows(named=True)

    return rows


def offer(
    user: SignedInUser,
    name: str,
    total: int,
    columns: Columns[T],
    rows: Rows[T],
) -> None:
    """Draw the button that exports a list, where there are rows and the user may take lists along.

    Args:
        user: whose right and scope hold, now and when the file is fetched.
        name: what the file is called, before the day.
        total: how many rows the list has in all.
        columns: the titles of the file's columns with what they hold: days and numbers as such, never as text.
        rows: yields every row of the list; see `from_database` and `from_replica`.
    """
    if not total or not user.may(Permission.EXPORT_LISTS):
        return
    if not st.button(_("Export as CSV"), key=page_key(f"export_{name}"), icon=":material/csv:"):
        return

    def cells() -> Generator[list[Cell], None, None]:
        with closing(rows()) as found:
            for place, row in enumerate(found):
                if place >= MOST_EXPORTED:
                    raise TooManyRowsError
                yield [cell(row) for _title, cell in columns]

    def write(path: Path) -> int:
        if total > MOST_EXPORTED:
            raise TooManyRowsError
        with closing(cells()) as lines:
            return write_csv(path, [title for title, _cell in columns], lines)

    downloads.offer(
        user, Permission.EXPORT_LISTS, f"{name}-{wording.today().isoformat()}.csv", write, media_type=CSV
    )
