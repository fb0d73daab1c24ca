import subprocess
import sys

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty_core.access import PasswordRefused, prehash
from loyalty_core.access.policy import FailureKind, check_password_rules, wait_after
from loyalty_core.kernel import PROJECT_FOLDER

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


def check(password: str) -> None:
    check_password_rules(password, sign_in_name="anna.kowalska", display_name="Anna Kowalska")


@pytest.mark.parametrize(
    "password",
    [
        "eleven char",
        "x" * 129,
        "password1234",
        "P@ssw0rd!2024",
        "passwordpassword1",
        "Summer2024!!!",
        "123456789012",
        "2468024680246",
        "aaaaaaaaaaaa",
        "abcabcabcabcabc",
        "qwertyuiop123",
        "1q2w3e4r5t6y",
        "anna.kowalska",
        "Kowalska 1984!",
        "             ",
        "jenniferlopez",
        "michaeljordan23",
        "Chelsea123456",
        "letmeinplease",
        "Liverpool2024!",
        "Katarzyna1985",
        "zaq12wsxCDE#",
    ],
)
def test_what_is_guessed_first_is_refused(password: str) -> None:
    with pytest.raises(PasswordRefused):
        check(password)


@pytest.mark.parametrize(
    "password",
    ["correct horse battery staple", "tylko małe litery", "x3#f9q!Lm2@z", "olive tram quartz", "ab c" * 32],
)
def test_long_and_unusual_is_enough_without_any_kind_of_character(password: str) -> None:
    if password == "ab c" * 32:
        password = (
            "".join(chr(0x61 + number * 7 % 26) for number in range(97)) + "zebra, lamp and a very odd kite"
        )
        assert len(password) == 128
    check(password)


def test_composed_and_decomposed_letters_are_the_same_password() -> None:
    assert prehash("zażółć gęślą") == prehash("zaz\u0307o\u0301łc\u0301 ge\u0328s\u0301la\u0328")


@given(ANY_TEXT)
def test_what_bcrypt_gets_is_always_64_plain_characters(password: str) -> None:
    hashed = prehash(password)
    assert len(hashed) == 64
    assert hashed.isascii()
    assert "\0" not in hashed


def test_bytes_beyond_the_72nd_count() -> None:
    long = "ż" * 50
    hashed = bcrypt.hashpw(prehash(long + "a").encode(), bcrypt.gensalt(4))
    assert bcrypt.checkpw(prehash(long + "a").encode(), hashed)
    assert not bcrypt.checkpw(prehash(long + "b").encode(), hashed)


def test_a_guess_costs_an_attacker_two_to_the_power_of_twelve_rounds() -> None:
    # In a process of its own: the tests' own hashes are cheap.
    program = (
        "from loyalty_core.access.commands import hash_password; print(hash_password('olive tram quartz 9'))"
    )
    made = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT_FOLDER, capture_output=True, text=True, check=True
    )
    assert made.stdout.startswith("$2b$12$")


@given(st.sampled_from(list(FailureKind)), st.integers(0, 10_000))
def test_waits_never_shrink_and_never_pass_a_quarter_of_an_hour(kind: FailureKind, failures: int) -> None:
    wait = wait_after(kind, failures)
    assert wait <= wait_after(kind, failures + 1)
    assert wait.total_seconds() <= 900
