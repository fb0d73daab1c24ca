"""Reads the files of this folder and what their headers say."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from uuid import UUID

FOLDER = Path(__file__).parent
SHARED = FOLDER / "shared"


class UnknownQueryError(LookupError):
    """No file of this name lies in the folder."""


class QueryFileError(ValueError):
    """A file's header can't be read, or does not fit its SQL."""


class QueryParametersError(ValueError):
    """A query was asked with a parameter too many, one too few, or one of another type."""


class Kind(StrEnum):
    """What a parameter holds, by the name that SQL has for it. `uuid[]` in a header is a list of them."""

    DATE = "date"
    TIME = "timestamptz"
    INTEGER = "integer"
    BIG_INTEGER = "bigint"
    DECIMAL = "decimal"
    TEXT = "varchar"
    FLAG = "boolean"
    ID = "uuid"


_PYTHON_TYPES: dict[Kind, tuple[type, ...]] = {
    Kind.DATE: (date,),
    Kind.TIME: (datetime,),
    Kind.INTEGER: (int,),
    Kind.BIG_INTEGER: (int,),
    Kind.DECIMAL: (int, Decimal),
    Kind.TEXT: (str,),
    Kind.FLAG: (bool,),
    Kind.ID: (UUID,),
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a query, as its header names it. It may be null only where its meaning says what null is."""

    name: str
    kind: Kind
    is_list: bool
    meaning: str

    @property
    def may_be_null(self) -> bool:
        """Whether None may be given."""
        return re.search(r"\bnull\b", self.meaning) is not None

    def accepts(self, value: object) -> bool:
        """Whether the value is of the parameter's type; a list may be any sequence but a text, or a set."""
        if value is None:
            return self.may_be_null
        if not self.is_list:
            return _is_a(value, self.kind)
        return isinstance(value, list | tuple | set | frozenset) and all(
            _is_a(item, self.kind) for item in value
        )


def _is_a(value: object, kind: Kind) -> bool:
    # True is an int to Python, and a moment a date; neither is meant.
    if isinstance(value, bool):
        return kind is Kind.FLAG
    if isinstance(value, datetime):
        return kind is Kind.TIME and value.tzinfo is not None
    return isinstance(value, _PYTHON_TYPES[kind])


@dataclass(frozen=True, slots=True)
class Query:
    """One file: what it answers, what a row of the answer stands for, what it asks for, and its SQL."""

    name: str
    description: str
    grain: str
    parameters: tuple[Parameter, ...]
    sql: str
    sorts: Mapping[str, str]

    def sorted_by(self, by: str, *, descending: bool) -> str:
        """Return the SQL with its answer sorted by one of `sorts`; rows equal in it keep the file's own order.

        Raises QueryParametersError for a name that the header does not have.
        """
        if by not in self.sorts:
            raise QueryParametersError(f"{self.name} can't be sorted by {by}")
        return self.sql.replace(
            _ORDER, f"order by {self.sorts[by]} {'desc' if descending else 'asc'} nulls last, "
        )

    def check(self, values: Mapping[str, object]) -> None:
        """Raise QueryParametersError unless there is a value of the right type for each parameter, and no more.

        What may be null is given as None, never left out.
        """
        known = {parameter.name for parameter in self.parameters}
        if unknown := sorted(set(values) - known):
            raise QueryParametersError(f"{self.name} has no parameter {', '.join(unknown)}")
        if missing := sorted(known - set(values)):
            raise QueryParametersError(f"{self.name} needs {', '.join(missing)}")
        for parameter in self.parameters:
            if not parameter.accepts(value := values[parameter.name]):
                wanted = f"{'a list of ' if parameter.is_list else ''}{parameter.kind}"
                raise QueryParametersError(f"{self.name}: {parameter.name} is {wanted}, not {value!r}")


_PARAMETER = re.compile(r"(?P<name>[a-z][a-z0-9_]*)\s+(?P<kind>[a-z]+)(?P<list>\[\])?:\s*(?P<meaning>\S.*)")
# Where a chosen column goes before the order that a file has by itself.
_ORDER = "order by /* sort */ "
_SORT = re.compile(r"(?P<name>[a-z][a-z0-9_]*):\s*(?P<expression>\S.*)")
_PLACE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")


def query_names() -> list[str]:
    """Return the names of all queries, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.sql"))


@cache
def load_query(name: str) -> Query:
    """Return the query of this name. Raises UnknownQueryError, or QueryFileError for an unreadable header."""
    path = FOLDER / f"{name}.sql"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or not path.is_file():
        raise UnknownQueryError(name)
    return parse_query(name, path.read_text(encoding="utf-8"))


def parse_query(name: str, text: str) -> Query:
    """Return the query that a file with this text holds. Raises QueryFileError."""
    lines = text.splitlines()
    head = []
    while lines and lines[0].startswith("--"):
        head.append(lines.pop(0).removeprefix("--"))
    description: list[str] = []
    grain: list[str] = []
    parameters: list[str] = []
    sorts: list[str] = []
    beginnings: list[str] = []
    part = description
    for line in head:
        words = line.strip()
        if words.startswith("with:"):
            beginnings.append(_shared(name, words.removeprefix("with:").strip()))
            continue
        if words.startswith("grain:"):
            part = grain
            words = words.removeprefix("grain:").strip()
        elif words == "parameters:":
            part = parameters
            continue
        elif words == "sorts:":
            part = sorts
            continue
        if part is parameters and words and parameters and not _PARAMETER.fullmatch(words):
            parameters[-1] += f" {words}"
        elif words:
            part.append(words)
    sql = "\n".join([*beginnings, *lines]).strip()
    if not description or not grain or not sql:
        raise QueryFileError(f"{name}: a query says what it answers and its grain, then asks")
    query = Query(
        name,
        " ".join(description),
        " ".join(grain),
        tuple(_parameter(name, words) for words in parameters if words != "none"),
        sql,
        MappingProxyType(dict(_sort(name, words) for words in sorts)),
    )
    if bool(query.sorts) != (_ORDER in sql):
        raise QueryFileError(f"{name}: a query with sorts says “{_ORDER.strip()}”, and no other does")
    _check_places(query)
    return query


def _shared(query_name: str, name: str) -> str:
    path = SHARED / f"{name}.sql"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or not path.is_file():
        raise QueryFileError(f"{query_name}: there is no shared beginning “{name}”")
    return path.read_text(encoding="utf-8").strip()


def _parameter(query_name: str, words: str) -> Parameter:
    found = _PARAMETER.fullmatch(words)
    if found is None or found["kind"] not in list(Kind):
        raise QueryFileError(f"{query_name}: “{words}” is no parameter; write “since date: the first day”")
    return Parameter(found["name"], Kind(found["kind"]), found["list"] is not None, found["meaning"])


def _sort(query_name: str, words: str) -> tuple[str, str]:
    found = _SORT.fullmatch(words)
    if found is None:
        raise QueryFileError(f"{query_name}: “{words}” is no sort; write “name: c.name”")
    return found["name"], found["expression"]


def _check_places(query: Query) -> None:
    asked = set(_PLACE.findall("\n".join(line.partition("--")[0] for line in query.sql.splitlines())))
    described = [parameter.name for parameter in query.parameters]
    if len(set(described)) != len(described) or asked != set(described):
        raise QueryFileError(
            f"{query.name}: the header describes {sorted(described)}, the SQL asks for {sorted(asked)}"
        )
