import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from loyalty_core.analytics.views import FOLDED
from loyalty_core.kernel import Database, Scope, folded

NAMES = {
    "Młynarz": "mlynarz",
    "JARZĘBINA": "jarzebina",
    "ŁÓDŹ": "lodz",
    "Đurđević": "durdevic",
    "Petar Ilić": "petar ilic",
    "Bjørn Ødegård": "bjorn odegard",
    "Großmann": "grossmann",
    "Œuvre Ærø": "oeuvre aero",
    "Þór": "thor",
    "Ņikita": "nikita",
    "K-203 & Co.": "k-203 & co.",
    "": "",
}
# Letters of the languages that Laurel speaks and their neighbours, plain ones and signs.
LETTERS = st.text(
    st.sampled_from("ąćęłńóśźżĄĆĘŁŃÓŚŹŻčćžšđČĆŽŠĐøØåÅäöüßÄÖÜœŒæÆþÞðÐabzABZ019 -./&'éÉñÑçÇ"), max_size=12
)


@pytest.mark.parametrize(("name", "sought"), NAMES.items())
def test_words_are_searched_by_without_case_and_marks(name: str, sought: str) -> None:
    assert folded(name) == sought


def test_database_and_replica_search_by_the_same_words_as_pages(database: Database) -> None:
    with (
        duckdb.connect() as replica,
        database.snapshot(Scope.of_system("test")) as connection,
    ):
        replica.execute(f"create macro {FOLDED}")

        @given(LETTERS)
        def agree(words: str) -> None:
            expected = folded(words)
            found = connection.execute(text("select folded(:words)"), {"words": words}).scalar_one()
            ((in_replica,),) = replica.execute("select folded(?)", [words]).fetchall()
            assert (found, in_replica) == (expected, expected)

        agree()
        for name, sought in NAMES.items():
            assert connection.execute(text("select folded(:words)"), {"words": name}).scalar_one() == sought
            assert replica.execute("select folded(?)", [name]).fetchall() == [(sought,)]
