"""Money is an int of minor units with an ISO 4217 code; rounding happens here and nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import MAX_PREC, ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from functools import cache
from types import MappingProxyType

from babel.numbers import get_currency_precision, list_currencies

from loyalty_core.kernel.errors import Refusal

# The default context holds 28 digits and would round a longer amount before it is rounded here.
_EXACT = Context(prec=MAX_PREC)

_KNOWN_CURRENCIES = frozenset(list_currencies())


class UnknownCurrencyError(Refusal):
    """The code is not an ISO 4217 currency."""

    def __init__(self, code: str) -> None:
        super().__init__(f"“{code}” is not a currency code. Use an ISO 4217 code such as GBP or EUR.")
        self.code = code


def minor_digits(currency: str) -> int:
    """Return how many decimal places the currency's minor unit has (GBP 2, JPY 0, TND 3).

    Raises UnknownCurrencyError.
    """
    if currency not in _KNOWN_CURRENCIES:
        raise UnknownCurrencyError(currency)
    return get_currency_precision(currency)


@cache
def minor_factors() -> Mapping[str, int]:
    """Return, for every known currency, how many minor units make one (GBP 100, JPY 1, TND 1000)."""
    return MappingProxyType({code: 10 ** get_currency_precision(code) for code in sorted(_KNOWN_CURRENCIES)})


def to_minor(amount: Decimal, currency: str) -> int:
    """Round a decimal amount half up (away from zero at the half) to whole minor units, sign kept."""
    exact = amount.scaleb(minor_digits(currency), context=_EXACT)
    return int(exact.to_integral_value(rounding=ROUND_HALF_UP, context=_EXACT))


def share_minor(amount_minor: int, part: Decimal, whole: Decimal) -> int:
    """Return the part's share of an amount in minor units, rounded once, half up (away from zero at the half).

    `whole` is not zero; part and whole are in the same unit.
    """
    exact = Fraction(amount_minor) * Fraction(part) / Fraction(whole)
    rounded = int((2 * abs(exact) + 1) // 2)
    return rounded if exact >= 0 else -rounded


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount: `minor` units of `currency`."""

    minor: int
    currency: str

    @property
    def decimal(self) -> Decimal:
        """The amount in major units, exact, with the currency's number of places."""
        return Decimal(self.minor).scaleb(-minor_digits(self.currency), context=_EXACT)

    def __str__(self) -> str:
        return f"{self.decimal:f}"
