"""What a record of the log says of an error, and what of people's values it keeps to itself."""

import traceback

import psycopg
import pytest
from pydantic import BaseModel, ValidationError
from sqlalchemy import text

from loyalty_core.kernel import STATEMENT_FAILED, Database, Scope, driver_connection
from loyalty_core.kernel.logs import without_values

VALUE = "anna.kowalska@example.com\nUlica Długa 7"
SAID = ("anna", "Długa")


def written(error: BaseException) -> str:
    """The record of an error with its trace, as the log has it."""
    trace = "".join(traceback.format_exception(error))
    assert "Traceback" in trace
    return str(without_values(None, "error", {"event": "page_failed", "exception": trace})["exception"])


@pytest.mark.parametrize(
    ("kind", "statement"),
    [
        ("UniqueViolation", "insert into person values (:value)"),
        ("CheckViolation", "insert into person values (:value || ' two')"),
        ("InvalidTextRepresentation", "select cast(cast(:value as text) as integer)"),
        ("InvalidDatetimeFormat", "select cast(cast(:value as text) as date)"),
    ],
)
def test_an_error_of_the_database_is_written_down_without_the_values(
    database: Database, kind: str, statement: str
) -> None:
    with database.transaction(Scope.of_system("test")) as connection:
        connection.execute(
            text(
                "create temp table person (mail text primary key check (mail not like '% two')) on commit drop"
            )
        )
        connection.execute(text("insert into person values (:value)"), {"value": VALUE})
        with pytest.raises(STATEMENT_FAILED) as failed, connection.begin_nested():
            connection.execute(text(statement), {"value": VALUE})
    told = written(failed.value)
    assert kind in told
    assert "[SQL:" in told
    assert not any(part in told for part in SAID), told


def test_a_row_that_copy_stops_at_is_not_written_down(database: Database) -> None:
    with database.transaction(Scope.of_system("test")) as connection:
        connection.execute(text("create temp table figure (amount integer) on commit drop"))
        raw = driver_connection(connection)
        with (
            pytest.raises(psycopg.DataError) as failed,
            connection.begin_nested(),
            raw.cursor() as cursor,
            cursor.copy("copy figure from stdin") as copy,
        ):
            copy.write(VALUE)
    assert "anna" in str(failed.value)
    told = written(failed.value)
    assert "CONTEXT" in told
    assert "anna" not in told


def test_what_a_document_held_is_not_written_down() -> None:
    class Person(BaseModel):
        age: int

    with pytest.raises(ValidationError) as failed:
        Person.model_validate({"age": VALUE})
    told = written(failed.value)
    assert "int_parsing" in told
    assert "anna" not in told


def test_a_record_without_an_error_stays_as_it_is() -> None:
    record = {"event": "import_accepted", "rows": 7, "file": "DETAILS.csv", "name": "a: b"}
    assert without_values(None, "info", dict(record)) == record
