"""Who fails elsewhere does not keep a person out of the browser in which that person signed in before."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from loyalty_core import access
from loyalty_core.access import Role
from loyalty_core.kernel import Database, clock
from tests.access.people import COMMAND_LINE, PASSWORD, sign_in, somebody

SECOND = timedelta(seconds=1)
OWNERS, STRANGERS = "192.0.2.1", "198.51.100.7"


def known_browser(database: Database, name: str = "vera", earlier: str | None = None) -> str:
    """Sign in and return the cookie of a browser that is known to the person from then on."""
    device = access.remember_device(database, sign_in(database, name), earlier=earlier)
    assert device is not None
    return device


def fail(database: Database, device: str | None, name: str = "vera", address: str = STRANGERS) -> None:
    access.fail_sign_in(database, access.begin_sign_in(database, name=name, address=address, device=device))


def is_kept_out(database: Database, device: str | None, name: str = "vera", address: str = OWNERS) -> bool:
    try:
        access.begin_sign_in(database, name=name, address=address, device=device)
    except access.WaitBeforeSignInError:
        return True
    return False


def lock(database: Database, name: str = "vera") -> None:
    """Fail as a stranger until the account waits."""
    for _number in range(5):
        fail(database, None, name)
    assert is_kept_out(database, None, name)


@pytest.fixture
def device(database: Database) -> str:
    """The cookie of vera's browser."""
    somebody(database, Role.ANALYST)
    return known_browser(database)


def test_a_strangers_failures_keep_strangers_out_and_not_the_known_browser(
    database: Database, device: str
) -> None:
    lock(database)
    attempt = access.begin_sign_in(database, name=" VERA ", address=OWNERS, device=device)
    assert access.password_matches(PASSWORD, attempt.password_hash)
    ticket = access.issue_ticket(database, attempt, visit="visit")
    assert access.redeem_ticket(database, ticket, visit="visit")
    # Nor does the owner's success let the stranger go on.
    assert is_kept_out(database, None)


def test_what_is_no_known_browser_of_the_name_gains_nothing(database: Database, device: str) -> None:
    somebody(database, Role.ANALYST, name="mallory")
    own = known_browser(database, "mallory")
    lock(database)
    for forged in (own, device[:-1], device + "x", "x" * 43, " ", "\u0142" * 43):
        assert is_kept_out(database, forged)
    with clock.fixed(datetime.now(UTC) + access.DEVICE_LIFE + SECOND):
        lock(database)
        assert is_kept_out(database, device)


def test_guesses_in_a_known_browser_lock_that_one_and_nobody_else(database: Database, device: str) -> None:
    other = known_browser(database)
    for _number in range(5):
        fail(database, device)
    assert is_kept_out(database, device)
    assert not is_kept_out(database, other)
    assert not is_kept_out(database, None)


def test_an_address_that_fails_too_often_waits_whatever_browser_it_is(
    database: Database, device: str
) -> None:
    for number in range(21):
        fail(database, None, f"name{number}", OWNERS)
    assert is_kept_out(database, device)
    assert not is_kept_out(database, device, address=STRANGERS)


def test_guesses_at_once_in_a_known_browser_are_all_counted(committed_database: Database) -> None:
    database = committed_database
    somebody(database, Role.ANALYST)
    device = known_browser(database)
    with ThreadPoolExecutor(8) as pool:
        refused = list(
            pool.map(lambda number: is_kept_out(database, device, address=f"192.0.2.{number}"), range(30))
        )
    assert refused.count(False) == 5


def test_each_sign_in_changes_the_cookie_and_the_earlier_one_is_worth_nothing(
    database: Database, device: str
) -> None:
    again = known_browser(database, earlier=device)
    lock(database)
    assert not is_kept_out(database, again)
    assert is_kept_out(database, device)


def test_people_who_share_a_browser_are_all_known_in_it_and_keep_their_failures(
    database: Database, device: str
) -> None:
    somebody(database, Role.ANALYST, name="milo")
    for _number in range(4):
        fail(database, device)
    shared = known_browser(database, "milo", earlier=device)
    lock(database)
    lock(database, "milo")
    assert not is_kept_out(database, shared, "milo")
    # Her fifth failure; signing in as somebody else did not forget the four.
    assert not is_kept_out(database, shared)
    assert is_kept_out(database, shared)


@pytest.mark.parametrize("end", ["a reset", "disabling", "a change elsewhere"])
def test_a_new_password_and_disabling_forget_the_browsers(database: Database, device: str, end: str) -> None:
    vera = access.find_session(database, sign_in(database))
    assert vera is not None
    if end == "a reset":
        access.reset_password(database, COMMAND_LINE, vera.id, "another olive tram")
    elif end == "disabling":
        somebody(database, Role.ADMIN, name="ada")
        access.disable_user(database, COMMAND_LINE, vera.id)
        access.enable_user(database, COMMAND_LINE, vera.id)
    else:
        access.change_password(database, vera, current=PASSWORD, new="another olive tram")
    lock(database)
    assert is_kept_out(database, device)


def test_the_owner_changes_the_password_while_strangers_fail_and_stays_known_there(
    database: Database, device: str
) -> None:
    other = known_browser(database)
    vera = access.find_session(database, sign_in(database))
    assert vera is not None
    lock(database)
    access.change_password(database, vera, current=PASSWORD, new="another olive tram", device=device)
    assert not is_kept_out(database, device)
    assert is_kept_out(database, other)


def test_guesses_at_the_current_password_in_a_session_are_counted_there(database: Database) -> None:
    vera = somebody(database, Role.ANALYST)
    for _number in range(5):
        with pytest.raises(access.SignInRefused):
            access.change_password(database, vera, current="a wrong one", new="another olive tram")
    with pytest.raises(access.WaitBeforeSignInError):
        access.change_password(database, vera, current=PASSWORD, new="another olive tram")


def test_a_session_that_is_over_makes_no_browser_known(database: Database) -> None:
    vera = somebody(database, Role.ANALYST)
    token = sign_in(database)
    access.reset_password(database, COMMAND_LINE, vera.id, "another olive tram")
    assert access.remember_device(database, token, earlier=None) is None


def test_the_browsers_used_longest_ago_are_forgotten_beyond_twenty(database: Database, device: str) -> None:
    token = sign_in(database)
    moment, devices = datetime.now(UTC), []
    for number in range(20):
        with clock.fixed(moment + number * SECOND):
            devices.append(access.remember_device(database, token, earlier=None))
    lock(database)
    assert is_kept_out(database, device)
    assert not any(is_kept_out(database, one) for one in devices[:3])


def test_nothing_that_a_browser_holds_is_stored(database: Database, device: str) -> None:
    with database.transaction(COMMAND_LINE) as connection:
        for table in ("known_device", "sign_in_failure", "audit_record"):
            assert device not in str(connection.exec_driver_sql(f"select * from {table}").all())


def test_expired_browsers_are_removed(database: Database, device: str, tmp_path: Path) -> None:
    with clock.fixed(datetime.now(UTC) + access.DEVICE_LIFE + SECOND):
        access.forget_expired(database, tmp_path)
    with database.transaction(COMMAND_LINE) as connection:
        assert connection.exec_driver_sql("select * from known_device").all() == []
