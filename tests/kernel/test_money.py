from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty_core.kernel import Money, UnknownCurrencyError, minor_digits, minor_factors, to_minor

currencies = st.sampled_from(["EUR", "JPY", "TND", "GBP"])


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("0.005", "EUR", 1),
        ("-0.005", "EUR", -1),
        ("0.00499", "EUR", 0),
        ("2.5", "JPY", 3),
        ("-2.5", "JPY", -3),
        ("1.0005", "TND", 1001),
        ("-0.004", "GBP", 0),
        # More digits than a default decimal context holds: rounded once, not twice.
        ("0.00499999999999999999999999999999999999", "EUR", 0),
        ("12345678901234567890123456789012345.674", "EUR", 1234567890123456789012345678901234567),
    ],
)
def test_amounts_are_rounded_half_up_with_their_sign_kept(amount: str, currency: str, minor: int) -> None:
    assert to_minor(Decimal(amount), currency) == minor


@given(amount=st.decimals(-(10**20), 10**20, allow_nan=False), currency=currencies)
def test_rounding_moves_by_half_a_minor_unit_at_most_and_is_even_in_sign(
    amount: Decimal, currency: str
) -> None:
    with localcontext(prec=400):
        exact = amount.scaleb(minor_digits(currency))
        assert abs(to_minor(amount, currency) - exact) <= Decimal("0.5")
        assert to_minor(-amount, currency) == -to_minor(amount, currency)


@given(minor=st.integers(-(10**18), 10**18), currency=currencies)
def test_minor_units_and_decimals_are_the_same_amount(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert to_minor(money.decimal, currency) == minor
    assert Decimal(str(money)) == money.decimal
    assert "E" not in str(money)


def test_a_code_that_is_no_currency_is_refused() -> None:
    with pytest.raises(UnknownCurrencyError, match="“gbp” is not a currency code"):
        minor_digits("gbp")


def test_the_factors_of_all_currencies_agree_with_their_digits() -> None:
    factors = minor_factors()
    assert (factors["GBP"], factors["JPY"], factors["TND"]) == (100, 1, 1000)
    assert all(factor == 10 ** minor_digits(code) for code, factor in factors.items())
    assert "gbp" not in factors
