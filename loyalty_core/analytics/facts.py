"""What the replica copies: the tables of the subdomains, each described by who owns it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class FactTable:
    """One table of the replica and where its rows come from.

    `columns` maps each column to its DuckDB type, in order. A column is read from the PostgreSQL table of the
    same name unless `read_as` gives an expression for it, which may name tables of `joins`. The table has a
    `txid`, which says when a row came or last changed. `key` names what a changed row replaces; a table of
    facts, whose rows never change, has its id there as well: it is what keeps a row from counting twice.

    `company`, `region` and `programme` name the columns that decide who sees a row: it is seen when its
    company (or region) and its programme lie in the scope. A null programme is in every scope. Where none of
    them fits, `seen_when` is the condition for whoever does not see everything.

    `removes` names tables, and their columns, whose rows with a key of this table are gone.
    """

    name: str
    columns: Mapping[str, str]
    key: str
    never_changes: bool = False
    joins: str = ""
    read_as: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    company: str | None = None
    region: str | None = None
    programme: str | None = None
    seen_when: str | None = None
    removes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def selection(self) -> str:
        """Return the select list for PostgreSQL, in the order of the columns."""
        return ", ".join(f"{self._expression(name)} as {name}" for name in self.columns)

    def _expression(self, name: str) -> str:
        expression = self.read_as.get(name, f"{self.name}.{name}")
        # As Arrow knows no numeric without bounds and no padded text, they travel as text.
        is_text = self.columns[name] == "VARCHAR" or self.columns[name].startswith("DECIMAL")
        return f"({expression})::text" if is_text else expression

    def arrival(self) -> str:
        """Return the list of columns as they arrive in DuckDB, cast to their types."""
        return ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in self.columns.items())


_registered: dict[str, FactTable] = {}


def register_fact_tables(tables: Iterable[FactTable]) -> None:
    """Add tables to what every replica made from now on copies. Raises ValueError for a name that is taken."""
    for table in tables:
        if _registered.setdefault(table.name, table) != table:
            raise ValueError(f"another fact table is called {table.name}")


def registered_fact_tables() -> tuple[FactTable, ...]:
    """Return the tables in the order in which they were registered."""
    return tuple(_registered.values())
