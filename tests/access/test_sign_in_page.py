"""The sign-in page in Streamlit's own test runner: what it leaves behind, and what it tells."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from loyalty_core.access import Role
from loyalty_core.kernel import PROJECT_FOLDER, Database, Runtime, Settings, use_runtime
from tests.access.people import PASSWORD, somebody


@pytest.fixture
def app(database: Database, tmp_path: Path) -> Iterator[AppTest]:
    """app.py, opened by nobody."""
    use_runtime(Runtime(database, Settings(home=tmp_path, database_url=None)))
    somebody(database, Role.ANALYST)
    made = AppTest.from_file(str(PROJECT_FOLDER / "app.py"), default_timeout=20)
    made.user = {}
    yield made
    use_runtime(None)


def _sign_in(app: AppTest, password: str) -> None:
    app.run()
    app.text_input[0].input("vera")
    app.text_input[1].input(password)
    app.button[0].click().run()


@pytest.mark.parametrize("password", [PASSWORD, "not the password"])
def test_no_identity_stays_in_the_session_state(app: AppTest, password: str) -> None:
    # The runner has no cookies: after the right password the page ends where it asks for one.
    _sign_in(app, password)
    kept = ("name", "username", "email", "roles", "authentication_status", "logout")
    assert [key for key in kept if key in app.session_state] == []


def test_whoever_puts_an_identity_into_the_session_state_is_nobody(app: AppTest) -> None:
    for key, value in {"authentication_status": True, "username": "vera", "name": "Vera"}.items():
        app.session_state[key] = value
    app.run()
    assert [field.label for field in app.text_input] == ["Sign-in name", "Password"]


def test_a_wrong_password_is_told_in_one_sentence(app: AppTest) -> None:
    _sign_in(app, "not the password")
    assert [error.value for error in app.error] == ["Sign-in name or password is not right."]


def test_a_session_that_is_over_is_nobodys(app: AppTest) -> None:
    app.user = {"session": "01890000-0000-7000-8000-000000000000"}
    app.run()
    assert [field.label for field in app.text_input] == ["Sign-in name", "Password"]


def _page_that_fails() -> None:
    from ui.errors import show_script_error

    show_script_error(ValueError("the secret of /etc/laurel"))


def test_a_page_that_fails_shows_an_id_and_nothing_of_the_error() -> None:
    shown = AppTest.from_function(_page_that_fails).run().error[0].value
    assert "secret" not in shown
    assert "this number: 01" in shown
