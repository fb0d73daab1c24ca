"""Runs compiled rules in a DuckDB that sees nothing but the lines it is given."""

import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from loyalty_core.scoring.compiler import CompiledRules, Parameter
from loyalty_core.scoring.policy import LARGEST_AWARD, PointsOverflowError

_COLUMNS = {
    "sales_line_id": pa.types.is_integer,
    "amount_minor": pa.types.is_integer,
    "currency": lambda kind: (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_dictionary(kind)
    ),
    "sold_on": pa.types.is_date,
    "sold_at": lambda kind: pa.types.is_timestamp(kind) and kind.tz is not None,
}

_TOO_LARGE = pa.schema([("sales_line_id", pa.int64()), ("rule_no", pa.int16())])
_AWARDS = pa.schema([*_TOO_LARGE, ("points", pa.int64()), ("basis_minor", pa.int64())])
_OUTCOMES = pa.schema([*_AWARDS, ("reason", pa.string())])
_UNSCORED = pa.schema([("sales_line_id", pa.int64()), ("reason", pa.string())])

# DuckDB's way to an Arrow table costs a millisecond more than to a few rows: a third of a receipt's time.
_FEW_LINES = 500


class LinesShapeError(TypeError):
    """A frame of lines lacks a column, or one has the wrong type or holds nulls."""


class ScoringEngine:
    """Scores frames of sales lines. Threads may share one: they take turns.

    Lines are an Arrow table or polars frame of sales_line_id (int64), amount_minor (int64, minor units of
    `currency`), currency (text), sold_on (date: the line's own local day) or, for programmes with a time
    zone, sold_at (timestamp with zone); without nulls; more columns don't matter. A frame and its awards lie
    in memory whole (about 50 and 26 bytes a row): give a long history in several frames.

    One thread answers a receipt soonest, since a second one only adds hand-over; batches want every core.
    """

    def __init__(self, *, threads: int = 2, memory_limit: str = "2GB") -> None:
        self._turn = threading.Lock()
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "threads": threads,
                "memory_limit": memory_limit,
                "python_enable_replacements": False,
                "enable_external_access": False,
                "lock_configuration": True,
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the engine's memory; it scores no more."""
        self._connection.close()

    def score(self, rules: CompiledRules, lines: "pa.Table | pl.DataFrame") -> "pa.Table":
        """Return the awards: (sales_line_id, points, basis_minor, all int64; rule_id, a dictionary of text).

        `points` is never 0 and takes the sign of the line's amount, which is `basis_minor`. Raises
        PointsOverflowError when one award would hold more than LARGEST_AWARD points; LinesShapeError.
        """
        table = _checked(lines, rules)
        try:
            awards = self._query(rules.awards, table, rules.parameters, _AWARDS)
        except duckdb.OutOfRangeException:
            self._refuse_too_large(rules, table)
            raise
        extremes = pc.min_max(awards["points"]).as_py()
        if awards.num_rows and max(-extremes["min"], extremes["max"]) > LARGEST_AWARD:
            self._refuse_too_large(rules, table)
        return _with_rule_ids(awards, rules)

    def unscored(self, rules: CompiledRules, lines: "pa.Table | pl.DataFrame") -> "pa.Table":
        """Return the lines that earned nothing: (sales_line_id int64, reason text, a value of Unscored)."""
        return self._query(rules.unscored, _checked(lines, rules), rules.parameters, _UNSCORED)

    def outcomes(self, rules: CompiledRules, lines: "pa.Table | pl.DataFrame") -> "pa.Table":
        """Return what each rule gave each line, in the order of lines and rules.

        (sales_line_id int64, rule_id dictionary of text, points int64 or null, basis_minor int64, reason text
        or null): either points or reason is null. For a page of lines, not for a history.
        """
        outcomes = self._query(rules.outcomes, _checked(lines, rules), rules.parameters, _OUTCOMES)
        return _with_rule_ids(outcomes, rules)

    def _refuse_too_large(self, rules: CompiledRules, table: "pa.Table") -> None:
        parameters = {**rules.parameters, "largest_award": LARGEST_AWARD}
        found = self._query(rules.too_large, table, parameters, _TOO_LARGE)
        awards = [(row["sales_line_id"], rules.rule_ids[row["rule_no"]]) for row in found.to_pylist()]
        if awards:
            raise PointsOverflowError(awards)

    def _query(
        self, sql: str, table: "pa.Table", parameters: Mapping[str, Parameter], schema: "pa.Schema"
    ) -> "pa.Table":
        with self._turn:
            self._connection.register("line", table)
            try:
                if table.num_rows <= _FEW_LINES:
                    rows = self._connection.execute(sql, dict(parameters)).fetchall()
                    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
                    arrays = [
                        pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)
                    ]
                    return pa.Table.from_arrays(arrays, schema=schema)
                return self._connection.sql(sql, params=dict(parameters)).to_arrow_table()
            finally:
                self._connection.unregister("line")


def _checked(lines: "pa.Table | pl.DataFrame", rules: CompiledRules) -> "pa.Table":
    """Return the columns that the rules read, as an Arrow table. Raises LinesShapeError."""
    table: Any = lines.to_arrow() if isinstance(lines, pl.DataFrame) else lines
    day = "sold_on" if rules.document.time_zone is None else "sold_at"
    needed = ["sales_line_id", "amount_minor", "currency", day]
    for name in needed:
        if name not in table.column_names:
            raise LinesShapeError(f"lines lack the column {name}")
        column = table[name]
        if not _COLUMNS[name](column.type):
            raise LinesShapeError(f"the column {name} of lines can't be {column.type}")
        if column.null_count:
            raise LinesShapeError(f"the column {name} of lines holds nulls")
    return table.select(needed)


def _with_rule_ids(table: "pa.Table", rules: CompiledRules) -> "pa.Table":
    """Put the ids of the rules in the place of their numbers."""
    at = table.column_names.index("rule_no")
    # Not by pa.array, which imports pandas to look whether a tuple is one of its own: a second of computing.
    ids = pl.Series(rules.rule_ids, dtype=pl.String).to_arrow().cast(pa.string())
    chunks = [pa.DictionaryArray.from_arrays(chunk, ids) for chunk in table["rule_no"].chunks]
    kind = pa.dictionary(pa.int16(), pa.string())
    return table.set_column(at, pa.field("rule_id", kind), pa.chunked_array(chunks, kind))
