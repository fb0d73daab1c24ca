"""Readiness tells the truth about the database, and names what is wrong."""

from sqlalchemy.engine import make_url

from laurel.web import readiness_fault
from loyalty_core.kernel import Database
from tests.databases import TestServer, database_of


def test_a_migrated_database_that_answers_is_ready(committed_database: Database) -> None:
    assert readiness_fault(committed_database) is None


def test_a_database_without_the_newest_schema_is_not_ready(server: TestServer) -> None:
    # The roles belong to the server and exist once any database was migrated.
    server.drop_database(server.new_database())
    url = server.empty_database()
    empty = database_of(url)
    try:
        assert readiness_fault(empty) == "the database is not migrated to this version"
    finally:
        empty.close()
        server.drop_database(url)


def test_a_database_that_does_not_answer_is_not_ready(committed_database: Database) -> None:
    gone = make_url(committed_database.app_url).set(database="no_such_database")
    database = Database(gone.render_as_string(hide_password=False))
    assert readiness_fault(database) == "the database does not answer"
    database.close()
