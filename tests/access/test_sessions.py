from datetime import UTC, datetime, timedelta

import pytest

from loyalty_core import access
from loyalty_core.access import Role
from loyalty_core.kernel import Database, clock
from tests.access.people import COMMAND_LINE, PASSWORD, sign_in, somebody


def test_a_cookie_replayed_after_sign_out_opens_nothing(database: Database) -> None:
    somebody(database, Role.ANALYST)
    token = sign_in(database)
    other = sign_in(database)
    user = access.find_session(database, token)
    assert user is not None
    access.end_session(database, user)
    assert access.find_session(database, token) is None
    assert access.find_session_by_id(database, user.session_id) is None
    assert access.find_session(database, other) is not None


def test_disabling_ends_every_session_and_enabling_brings_none_back(database: Database) -> None:
    somebody(database, Role.ADMIN, name="ada")
    user = somebody(database, Role.ANALYST)
    token = sign_in(database)
    access.disable_user(database, COMMAND_LINE, user.id)
    assert access.find_session(database, token) is None
    access.enable_user(database, COMMAND_LINE, user.id)
    assert access.find_session(database, token) is None
    assert access.find_session(database, sign_in(database)) is not None


def test_a_new_password_ends_every_session_and_only_it_signs_in(database: Database) -> None:
    user = somebody(database, Role.ANALYST)
    token = sign_in(database)
    access.change_password(database, user, current=PASSWORD, new="violet gravel 7 harbour")
    assert access.find_session(database, token) is None
    with pytest.raises(access.SignInRefused):
        sign_in(database)
    assert sign_in(database, password="violet gravel 7 harbour")


def test_ones_own_password_changes_only_for_who_knows_the_old_one(database: Database) -> None:
    user = somebody(database, Role.ANALYST)
    with pytest.raises(access.SignInRefused):
        access.change_password(database, user, current="something else", new="violet gravel 7 harbour")
    assert access.find_session_by_id(database, user.session_id) is not None


def test_a_session_ends_after_two_idle_hours_and_after_twelve_in_any_case(database: Database) -> None:
    somebody(database, Role.ANALYST)
    token = sign_in(database)
    began = datetime.now(UTC)
    hour = timedelta(hours=1)
    with clock.fixed(began + 2.1 * hour):
        assert access.find_session(database, token) is None
    for hours in (1.9, 3.8, 5.7, 7.6, 9.5, 11.4):
        with clock.fixed(began + hours * hour):
            assert access.find_session(database, token) is not None
    with clock.fixed(began + 12.1 * hour):
        assert access.find_session(database, token) is None
