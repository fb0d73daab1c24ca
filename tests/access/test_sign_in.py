import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from loyalty_core import access
from loyalty_core.access import Role
from loyalty_core.kernel import Database, clock
from tests.access.people import COMMAND_LINE, PASSWORD, sign_in, somebody

NOON = datetime(2031, 3, 3, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_the_right_password_begins_a_session_and_nothing_that_opens_it_is_stored(database: Database) -> None:
    somebody(database, Role.ANALYST)
    token = sign_in(database)
    user = access.find_session(database, token)
    assert user is not None
    assert user.name == "vera"
    assert user.roles == {Role.ANALYST}
    with database.transaction(COMMAND_LINE) as connection:
        stored = connection.exec_driver_sql("select * from web_session").all()
    assert len(stored) == 2
    assert token not in str(stored)
    assert PASSWORD not in str(stored)


def test_a_sign_in_name_has_no_case(database: Database) -> None:
    somebody(database, Role.ANALYST)
    assert access.find_session(database, sign_in(database, " VERA "))


def test_a_wrong_password_an_unknown_name_and_a_disabled_user_are_refused_in_the_same_words(
    database: Database,
) -> None:
    somebody(database, Role.ADMIN, name="ada")
    user = somebody(database, Role.ANALYST)
    with pytest.raises(access.SignInRefused) as wrong:
        sign_in(database, password="not the password")
    with pytest.raises(access.SignInRefused) as unknown:
        sign_in(database, "nobody")
    access.disable_user(database, COMMAND_LINE, user.id)
    with pytest.raises(access.SignInRefused) as disabled:
        sign_in(database)
    assert wrong.value.sentence == unknown.value.sentence == disabled.value.sentence


def test_a_ticket_is_redeemed_once(database: Database) -> None:
    somebody(database, Role.ANALYST)
    attempt = access.begin_sign_in(database, name="vera", address="192.0.2.1")
    ticket = access.issue_ticket(database, attempt, visit="mine")
    access.redeem_ticket(database, ticket, visit="mine")
    with pytest.raises(access.TicketRefused):
        access.redeem_ticket(database, ticket, visit="mine")


def test_only_one_of_many_who_redeem_a_ticket_at_once_gets_a_session(committed_database: Database) -> None:
    database = committed_database
    somebody(database, Role.ANALYST)
    attempt = access.begin_sign_in(database, name="vera", address="192.0.2.1")
    ticket = access.issue_ticket(database, attempt, visit="mine")

    def redeem(_number: int) -> bool:
        try:
            access.redeem_ticket(database, ticket, visit="mine")
        except access.TicketRefused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(redeem, range(16))) == 1


def test_a_ticket_is_good_for_thirty_seconds(database: Database) -> None:
    somebody(database, Role.ANALYST)
    moment = datetime.now(UTC)
    with clock.fixed(moment):
        attempt = access.begin_sign_in(database, name="vera", address="192.0.2.1")
        in_time = access.issue_ticket(database, attempt, visit="mine")
        late = access.issue_ticket(database, attempt, visit="mine")
    with clock.fixed(moment + 29 * SECOND):
        access.redeem_ticket(database, in_time, visit="mine")
    with clock.fixed(moment + 30 * SECOND), pytest.raises(access.TicketRefused):
        access.redeem_ticket(database, late, visit="mine")


def test_a_ticket_is_good_in_the_browser_that_signed_in_only(database: Database) -> None:
    somebody(database, Role.ANALYST)
    attempt = access.begin_sign_in(database, name="vera", address="192.0.2.1")
    ticket = access.issue_ticket(database, attempt, visit="mine")
    with pytest.raises(access.TicketRefused):
        access.redeem_ticket(database, ticket, visit="another's")
    assert access.redeem_ticket(database, ticket, visit="mine")


def test_a_ticket_dies_with_a_new_password_or_a_disabling(database: Database) -> None:
    somebody(database, Role.ADMIN, name="ada")
    user = somebody(database, Role.ANALYST)
    attempt = access.begin_sign_in(database, name="vera", address="192.0.2.1")
    before_password = access.issue_ticket(database, attempt, visit="mine")
    access.reset_password(database, COMMAND_LINE, user.id, "another olive tram")
    with pytest.raises(access.TicketRefused):
        access.redeem_ticket(database, before_password, visit="mine")
    before_disabling = access.issue_ticket(database, attempt, visit="mine")
    access.disable_user(database, COMMAND_LINE, user.id)
    with pytest.raises(access.TicketRefused):
        access.redeem_ticket(database, before_disabling, visit="mine")


def _fail(database: Database, name: str = "vera", address: str = "192.0.2.1") -> None:
    access.fail_sign_in(database, access.begin_sign_in(database, name=name, address=address))


@pytest.mark.parametrize("name", ["vera", "nobody-of-that-name"])
def test_waits_for_an_account_grow_from_the_fifth_failure_whether_it_exists_or_not(
    database: Database, name: str
) -> None:
    somebody(database, Role.ANALYST)
    moment, waits = NOON, []
    for number in range(18):
        # Another address each time: the account alone is what waits.
        with clock.fixed(moment):
            _fail(database, name, f"192.0.2.{number}")
            try:
                access.begin_sign_in(database, name=name, address=f"198.51.100.{number}")
            except access.WaitBeforeSignInError as refused:
                waits.append(refused.seconds)
                moment += refused.seconds * SECOND
            else:
                # The look itself was a try.
                waits.append(0)
    assert waits[:2] == [0, 0]
    assert waits[2:] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900, 900, 900]


def test_waits_for_an_address_grow_from_the_twenty_first_failure_over_all_names(database: Database) -> None:
    with clock.fixed(NOON):
        for number in range(21):
            _fail(database, f"name{number}")
        with pytest.raises(access.WaitBeforeSignInError) as refused:
            access.begin_sign_in(database, name="one-more", address="192.0.2.1")
        assert refused.value.seconds == 1
        access.begin_sign_in(database, name="one-more", address="192.0.2.2")


def test_waiting_counts_for_every_process_and_many_tries_at_once_are_all_counted(
    committed_database: Database,
) -> None:
    database = committed_database

    def attempt(number: int) -> bool:
        try:
            access.begin_sign_in(database, name="vera", address=f"192.0.2.{number}")
        except access.WaitBeforeSignInError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        let_through = sum(pool.map(attempt, range(30)))
    assert let_through == 5


def test_a_sign_in_that_succeeds_forgets_the_failures_of_the_account(database: Database) -> None:
    somebody(database, Role.ANALYST)
    with clock.fixed(datetime.now(UTC) + timedelta(minutes=1)):
        for _number in range(3):
            _fail(database)
        sign_in(database)
        for _number in range(4):
            _fail(database)
        sign_in(database)


def test_failures_are_forgotten_after_a_day(database: Database) -> None:
    with clock.fixed(NOON):
        for _number in range(5):
            _fail(database)
    with clock.fixed(NOON + timedelta(hours=24, seconds=1)):
        for _number in range(4):
            _fail(database)
        access.begin_sign_in(database, name="vera", address="192.0.2.1")


def test_what_is_typed_as_a_name_is_not_stored(database: Database) -> None:
    _fail(database, PASSWORD)
    with database.transaction(COMMAND_LINE) as connection:
        for table in ("sign_in_failure", "audit_record"):
            rows = connection.exec_driver_sql(f"select * from {table}").all()
            assert PASSWORD not in str(rows)


@pytest.mark.usefixtures("usual_password_cost")
def test_checking_takes_as_long_for_unknown_and_disabled_names_as_for_known_ones(database: Database) -> None:
    somebody(database, Role.ADMIN, name="ada")
    user = somebody(database, Role.ANALYST)
    gone = somebody(database, Role.ANALYST, name="gone")
    access.disable_user(database, COMMAND_LINE, gone.id)
    seconds: dict[str, list[float]] = {user.name: [], "unknown": [], gone.name: []}
    for round_number in range(7):
        for name, taken in seconds.items():
            with clock.fixed(NOON + timedelta(days=2 * round_number)):
                # Of the processor, as other work on the machine would count too.
                began = time.thread_time()
                attempt = access.begin_sign_in(database, name=name, address="192.0.2.1")
                assert not access.password_matches("a wrong password", attempt.password_hash)
                access.fail_sign_in(database, attempt)
                taken.append(time.thread_time() - began)
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    assert max(medians.values()) < 1.5 * min(medians.values()), medians
