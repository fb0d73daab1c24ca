"""A line's amount is rounded in the database as `kernel.to_minor` rounds it."""

from decimal import Decimal, localcontext

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from loyalty_core.kernel import Database, Scope, to_minor
from tests.sales.files import bring, row, stored, undone

quantities = st.decimals(-100_000, 100_000, places=3).filter(lambda quantity: quantity != 0)
prices = st.decimals(0, 100_000, places=4)
halves = st.builds(
    lambda whole, digits: Decimal(whole).scaleb(-digits) + Decimal(5).scaleb(-digits - 1),
    st.integers(0, 10_000),
    st.integers(0, 3),
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(
        st.tuples(quantities, prices | halves, st.sampled_from(["EUR", "GBP", "JPY", "TND", "IDR", "RSD"])),
        min_size=1,
        max_size=30,
    )
)
@example(lines=[(Decimal(-1), Decimal("0.005"), "EUR"), (Decimal(1), Decimal("0.5"), "JPY")])
@example(lines=[(Decimal(1), Decimal("0.0005"), "TND"), (Decimal(3), Decimal("0.015"), "GBP")])
def test_a_lines_amount_is_quantity_times_price_rounded_half_away_from_zero(
    database: Database, everything: Scope, lines: list[tuple[Decimal, Decimal, str]]
) -> None:
    with undone(database, everything):
        brought = bring(
            database,
            everything,
            [
                row(invoice_no=str(number), quantity=f"{quantity:f}", unit_price=f"{price:f}", currency=code)
                for number, (quantity, price, code) in enumerate(lines)
            ],
        )
        assert brought.counts == (len(lines), 0, 0)
        with database.transaction(everything) as connection:
            found = {int(invoice): amount for invoice, _quantity, amount in stored(connection)}
        with localcontext(prec=60):
            assert found == {
                number: to_minor(quantity * price, code)
                for number, (quantity, price, code) in enumerate(lines)
            }
        net: dict[str, int] = {}
        for number, (_quantity, _price, code) in enumerate(lines):
            net[code] = net.get(code, 0) + found[number]
        assert dict(brought.acceptance.net_minor) == net


def test_an_amount_of_its_own_is_kept_where_no_price_is_named(database: Database, everything: Scope) -> None:
    bring(database, everything, [row(unit_price=None, amount="12.345", quantity="3")])
    with database.transaction(everything) as connection:
        assert stored(connection, "amount_minor, unit_price") == [(1235, None)]
