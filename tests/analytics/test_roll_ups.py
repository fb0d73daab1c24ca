"""Roll-ups kept by increments hold what a fresh aggregate of all facts holds."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analytics.filling import GivenReplica, given_replica

DAY = date(2026, 1, 30)
COMPANIES = [UUID(int=n) for n in (1, 2)]
PRODUCTS = [UUID(int=n) for n in (10, 11)]
PROGRAMMES = [UUID(int=n) for n in (20, 21)]

Line = dict[str, Any]

lines = st.builds(
    lambda day, company, product, invoice, quantity, currency: {
        "sold_on": DAY + timedelta(days=day),
        "company_id": company,
        "product_id": product,
        "invoice_no": invoice,
        "quantity": Decimal(quantity) / 4,
        "amount_minor": quantity * 25,
        "currency": currency,
    },
    st.integers(0, 3),
    st.sampled_from(COMPANIES),
    st.sampled_from(PRODUCTS),
    st.sampled_from(["I-1", "I-2", "I-3"]),
    st.integers(-8, 8).filter(bool),
    st.sampled_from(["EUR", "GBP"]),
)
awards = st.builds(
    lambda day, company, product, programme, points: {
        "happened_on": DAY + timedelta(days=day),
        "company_id": company,
        "product_id": product,
        "programme_id": programme,
        "points": points,
    },
    st.integers(0, 2),
    st.sampled_from(COMPANIES),
    st.sampled_from(PRODUCTS),
    st.sampled_from(PROGRAMMES),
    st.integers(-9, 9).filter(bool),
)

FRESH = {
    "sales_day": """
        select sold_on, company_id, product_id, currency, count(*), count(*) filter (where amount_minor < 0),
            sum(quantity), sum(amount_minor),
            sum(case when amount_minor < 0 then -amount_minor else 0 end)
        from raw.sales_line group by all
        """,
    "award_day": """
        select happened_on, company_id, product_id, programme_id, sum(greatest(points, 0)),
            sum(greatest(-points, 0))
        from raw.award group by all
        """,
    "sales_company_day": """
        select sold_on, company_id, currency, count(*), count(*) filter (where amount_minor < 0),
            sum(amount_minor), sum(case when amount_minor < 0 then -amount_minor else 0 end)
        from raw.sales_line group by all
        """,
    "award_company_day": """
        select happened_on, company_id, programme_id, sum(greatest(points, 0)), sum(greatest(-points, 0))
        from raw.award group by all
        """,
    "receipt_day": """
        with placed as (
            select company_id, sold_on, currency,
                row_number() over (partition by company_id, invoice_no order by sold_on, id) as place
            from raw.sales_line
        )
        select sold_on, company_id, currency, count(*) from placed where place = 1 group by all
        """,
}


def check(replica: GivenReplica) -> None:
    for name, fresh in FRESH.items():
        kept = sorted(replica.ask(f"select * from raw.{name}"), key=repr)
        assert kept == sorted(replica.ask(fresh), key=repr), name


@settings(max_examples=25)
@given(
    pulls=st.lists(
        st.tuples(st.lists(lines, max_size=12), st.lists(awards, max_size=8)), min_size=1, max_size=6
    ),
    order=st.randoms(use_true_random=False),
)
def test_roll_ups_equal_a_fresh_aggregate_after_every_pull(
    pulls: list[tuple[list[Line], list[Line]]], order: Any
) -> None:
    # Ids come in any order: a transaction that began early may end late.
    ids = list(range(1, 1 + sum(len(some) + len(more) for some, more in pulls)))
    order.shuffle(ids)
    with given_replica() as replica:
        for some, more in pulls:
            replica.take(
                {
                    "sales_line": [{"id": ids.pop(), **line} for line in some],
                    "award": [{"id": ids.pop(), **award} for award in more],
                }
            )
            check(replica)


def test_an_invoice_moves_to_its_first_day_when_an_earlier_line_comes_late() -> None:
    line = {
        "company_id": COMPANIES[0],
        "product_id": PRODUCTS[0],
        "invoice_no": "I-1",
        "quantity": Decimal(1),
    }
    late = {"id": 1, **line, "sold_on": DAY, "amount_minor": 5, "currency": "EUR"}
    early = {"id": 2, **line, "sold_on": DAY - timedelta(days=1), "amount_minor": 5, "currency": "EUR"}
    with given_replica({"sales_line": [late]}, {"sales_line": [early]}) as replica:
        assert replica.ask("select sold_on, receipts from raw.receipt_day") == [(early["sold_on"], 1)]


def test_a_line_that_comes_twice_counts_once() -> None:
    line = {
        "id": 1,
        "company_id": COMPANIES[0],
        "product_id": PRODUCTS[0],
        "invoice_no": "I-1",
        "quantity": Decimal(2),
        "sold_on": DAY,
        "amount_minor": 50,
        "currency": "EUR",
    }
    with given_replica({"sales_line": [line]}, {"sales_line": [line]}) as replica:
        assert replica.ask("select count(*), sum(amount_minor) from raw.sales_line") == [(1, 50)]
        assert replica.ask("select sum(lines), sum(amount_minor) from raw.sales_day") == [(1, 50)]


def test_a_line_that_is_taken_back_is_one_less_and_no_return() -> None:
    line = {
        "company_id": COMPANIES[0],
        "product_id": PRODUCTS[0],
        "invoice_no": "I-1",
        "sold_on": DAY,
        "currency": "EUR",
    }
    sold: dict[str, Any] = {"id": 1, **line, "quantity": Decimal(2), "amount_minor": 50}
    returned: dict[str, Any] = {"id": 2, **line, "quantity": Decimal(-1), "amount_minor": -25}
    kept = {"id": 3, **line, "quantity": Decimal(4), "amount_minor": 100}
    against = [
        {**one, "id": 10 + one["id"], "reverses_id": one["id"], "quantity": -one["quantity"]}
        | {"amount_minor": -one["amount_minor"]}
        for one in (sold, returned)
    ]
    with given_replica(
        {"sales_line": [sold, returned, kept]}, {"sales_line": against[:1]}, {"sales_line": against[1:]}
    ) as replica:
        for name in ("sales_day", "sales_company_day"):
            assert replica.ask(
                f"select lines, return_lines, amount_minor, returned_minor from raw.{name}"
            ) == [(1, 0, 100, 0)]


def test_a_receipt_counts_on_the_first_day_of_its_lines_that_stand_and_not_at_all_without_one() -> None:
    line: Line = {
        "company_id": COMPANIES[0],
        "product_id": PRODUCTS[0],
        "quantity": Decimal(1),
        "amount_minor": 25,
    }
    first: Line = {"id": 1, **line, "invoice_no": "I-1", "sold_on": DAY, "currency": "EUR"}
    later: Line = {
        "id": 2,
        **line,
        "invoice_no": "I-1",
        "sold_on": DAY + timedelta(days=2),
        "currency": "EUR",
    }
    alone: Line = {"id": 3, **line, "invoice_no": "I-2", "sold_on": DAY, "currency": "EUR"}
    again = {**alone, "id": 21, "sold_on": DAY + timedelta(days=1), "currency": "GBP"}
    against = [
        {**one, "id": 10 + one["id"], "reverses_id": one["id"], "quantity": Decimal(-1), "amount_minor": -25}
        for one in (first, later, alone)
    ]
    pulls: list[list[Line]] = [[first, later, alone], [against[0], against[2]], [again], [against[1]]]
    counted = "select sold_on, currency, receipts from raw.receipt_day order by 1"
    on = [DAY + timedelta(days=n) for n in range(3)]
    expected = [
        [(on[0], "EUR", 2)],
        [(on[2], "EUR", 1)],
        [(on[1], "GBP", 1), (on[2], "EUR", 1)],
        [(on[1], "GBP", 1)],
    ]
    with given_replica() as replica:
        for pull, then in zip(pulls, expected, strict=True):
            replica.take({"sales_line": pull})
            assert replica.ask(counted) == then
    with given_replica({"sales_line": [one for pull in pulls for one in pull]}) as replica:
        assert replica.ask(counted) == expected[-1]
        assert replica.ask("select count(*) from raw.receipt") == [(1,)]
