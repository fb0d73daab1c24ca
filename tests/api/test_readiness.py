"""Readiness tells the truth about the database, and names what is wrong."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url

from laurel.web import Readiness, readiness_fault
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


def test_however_often_anybody_asks_the_database_is_asked_once_a_second_over_a_pooled_connection(
    committed_database: Database,
) -> None:
    connected: list[object] = []
    begun: list[object] = []

    def note_connect(connection: object, _record: object) -> None:
        connected.append(connection)

    def note_begin(connection: object) -> None:
        begun.append(connection)

    event.listen(Engine, "connect", note_connect)
    event.listen(Engine, "begin", note_begin)
    try:
        readiness = Readiness(committed_database)
        with ThreadPoolExecutor(16) as pool:
            assert set(pool.map(lambda _number: readiness.fault(), range(200))) == {None}
        assert len(begun) < 5
        for _time in range(5):
            assert readiness_fault(committed_database) is None
    finally:
        event.remove(Engine, "connect", note_connect)
        event.remove(Engine, "begin", note_begin)
    assert len(connected) <= 1
