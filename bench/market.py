"""A market of any size, made by SQL: 1,000 companies of 20 regions, 200 products, sales of 1,000 days.

Receipts have eight lines. A few companies and products sell most, as they do; the same line number makes the same
line in PostgreSQL and in DuckDB only up to the hash that each of them has.
"""

from datetime import date
from typing import Any
from uuid import UUID

import duckdb
import psycopg

from loyalty_core.kernel import new_id

COMPANIES, PRODUCTS, DAYS = 1_000, 200, 1_000
FIRST_DAY = date(2024, 2, 1)
LINES_OF_A_RECEIPT = 8
# How many hashes DuckDB has.
_HASHES = "18446744073709551616.0"

_SMALL = """
insert into region (id, code, name, recorded_at)
    select gen_random_uuid(), 'R' || i, 'Region ' || i, now() from generate_series(1, 20) as i;
insert into app_user (id, name, display_name, password_hash, state, created_at, password_changed_at)
    select gen_random_uuid(), 'seller' || i, 'Seller ' || i, '', 'active', now(), now()
    from generate_series(1, 40) as i;
insert into company (id, code, name, kind, region_id, salesperson_id, recorded_at)
    select gen_random_uuid(), 'C' || i, 'Company ' || i,
        (array['wholesaler', 'distributor', 'service_provider'])[1 + i % 3],
        (array(select id from region order by code))[1 + i % 20],
        (array(select id from app_user order by name))[1 + i % 40], now()
    from generate_series(1, {companies}) as i;
insert into product (id, code, name, brand, product_group, recorded_at)
    select gen_random_uuid(), 'P' || i, 'Product ' || i, 'Brand ' || i % 6, 'Group ' || i % 12, now()
    from generate_series(1, {products}) as i;
insert into programme (id, code, name, currency, collects, earns_from, starts_on, ends_on, current_version,
        created_at)
    values ('{programme}', 'bench', 'Bench', 'EUR', 'participant', 'claims', '2024-01-01', '2027-12-31', 1, now());
insert into participant (id, code, company_id, participant_group, state, requested_by_name, requested_at, decided_at,
    decided_by)
    select gen_random_uuid(), 'T' || i, c.id, 'wholesaler', 'active', 'bench', '2024-01-10', '2024-01-11',
    gen_random_uuid()
    from generate_series(1, 3000) as i join company as c on c.code = 'C' || 1 + i % {companies};
insert into participant_person (participant_id, company_id, display_name, recorded_at)
    select id, company_id, 'Person ' || code, now() from participant;
insert into account (id, programme_id, kind, owner_id, company_id, balance, opened_at)
    select gen_random_uuid(), '{programme}', 'participant', id, company_id, 500, now() from participant;
insert into reward (id, programme_id, code, name, description, kind, category, points, cost_minor, stock, starts_on,
        ends_on, state, recorded_at)
    select gen_random_uuid(), '{programme}', 'W' || i, 'Reward ' || i, '', 'merchandise', 'Category ' || i % 5,
        100 * i, 900 * i, 50, '2024-01-01', '2027-12-31', 'offered', now()
    from generate_series(1, 30) as i;
"""

_LINES = """
insert into sales_line (line_key, occurrence, import_id, row_no, company_id, region_id, product_id, quantity,
    unit_price, amount_minor, currency, sold_at, sold_on, recorded_at, invoice_no)
select md5(i::text)::uuid, 1, '{programme}', i, c.id, c.region_id, p.id,
    case when i % 40 = 0 then -1 else 1 + i % 5 end,
    9.90, case when i % 40 = 0 then -990 else (1 + i % 5) * 990 end, 'EUR',
    date '{first_day}' + (i * {days} / {rows})::integer + interval '12 hours',
    date '{first_day}' + (i * {days} / {rows})::integer, now(), 'I-' || i / {per_receipt}
from generate_series(0, {rows}::bigint - 1) as i
join (select *, row_number() over (order by code) - 1 as place from company) as c
    on c.place = floor({companies} * power((hashint8(i / {per_receipt})::bigint + 2147483648) / 4294967296.0, 2))
join (select *, row_number() over (order by code) - 1 as place from product) as p
    on p.place = floor({products} * power((hashint8(i + 7)::bigint + 2147483648) / 4294967296.0, 2))
"""

_AWARDS = """
insert into award (sales_line_id, programme_id, company_id, posting_id, points, basis_minor, version, revision,
    happened_on, rule_id)
select id, '{programme}', company_id, 1, case when amount_minor < 0 then -9 else 10 end, amount_minor, 1, 1, sold_on,
    'base'
from sales_line where id % 2 = 0
"""

# The bigger tables' indexes are filled in one go afterwards, which is quicker.
_BIG_TABLES = ("sales_line", "award")


def fill(owner_url: str, rows: int) -> UUID:
    """Fill an empty migrated database with so many lines, half as many awards; return the programme's id."""
    programme = new_id()
    names: dict[str, Any] = {
        "programme": programme,
        "companies": COMPANIES,
        "products": PRODUCTS,
        "days": DAYS,
        "first_day": FIRST_DAY,
        "per_receipt": LINES_OF_A_RECEIPT,
        "rows": rows,
    }
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(_SMALL.format(**names))
        if rows:
            connection.execute("set maintenance_work_mem = '512MB'")
            indexes = connection.execute(
                "select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index"
                " where indrelid = any(%s::regclass[]) and not indisprimary",
                [list(_BIG_TABLES)],
            ).fetchall()
            for name, _definition in indexes:
                connection.execute(f"drop index {name}")
            connection.execute(_LINES.format(**names))
            connection.execute(_AWARDS.format(**names))
            for _name, definition in indexes:
                connection.execute(definition)
        connection.execute("analyze")
    return programme


def fill_inside(cursor: duckdb.DuckDBPyConnection, rows: int, programme: UUID, *, parts: int = 20) -> None:
    """Add so many lines, half as many awards and their roll-ups to a replica that knows the small tables.

    Part by part, each of days of its own, so that no aggregate outgrows the memory.
    """
    assert DAYS % parts == 0
    assert rows % parts == 0
    for part in range(parts):
        span = f"range({rows * part // parts}, {rows * (part + 1) // parts}) as numbers(i)"
        cursor.execute(
            f"""
            insert into raw.sales_line
            select i + 1, c.id, c.region_id, p.id, 'I-' || i // {LINES_OF_A_RECEIPT},
                case when i % 40 = 0 then -1 else 1 + i % 5 end,
                case when i % 40 = 0 then -990 else (1 + i % 5) * 990 end, 'EUR',
                date '{FIRST_DAY}' + cast(i * {DAYS} // {rows} as integer),
                timestamptz '{FIRST_DAY} 12:00+00' + to_days(cast(i * {DAYS} // {rows} as integer)),
                '{programme}', null, i, null
            from {span}
            join (select *, row_number() over (order by code) - 1 as place from raw.company) as c
                on c.place = cast(floor({COMPANIES} * pow(hash(i // {LINES_OF_A_RECEIPT}) / {_HASHES}, 2)) as bigint)
            join (select *, row_number() over (order by code) - 1 as place from raw.product) as p
                on p.place = cast(floor({PRODUCTS} * pow(hash(i + 7) / {_HASHES}, 2)) as bigint)
            order by i
            """
        ).complete()
        first, last = rows * part // parts + 1, rows * (part + 1) // parts
        for statement in _ROLLED_UP:
            cursor.execute(statement.format(programme=programme, first=first, last=last)).complete()


_ROLLED_UP = (
    """
    insert into raw.award
    select id, id, null, '{programme}', company_id, product_id, case when amount_minor < 0 then -9 else 10 end,
        amount_minor, sold_on, 'base'
    from raw.sales_line where id between {first} and {last} and id % 2 = 0
    """,
    """
    insert into raw.sales_day
    select sold_on, company_id, product_id, currency, count(*), count(*) filter (where quantity < 0), sum(quantity),
        sum(amount_minor), coalesce(-sum(amount_minor) filter (where quantity < 0), 0)
    from raw.sales_line where id between {first} and {last} group by all order by sold_on
    """,
    """
    insert into raw.award_day
    select happened_on, company_id, product_id, programme_id, coalesce(sum(points) filter (where points > 0), 0),
        coalesce(-sum(points) filter (where points < 0), 0)
    from raw.award where id between {first} and {last} group by all order by happened_on
    """,
    """
    insert into raw.sales_company_day
    select sold_on, company_id, currency, count(*), count(*) filter (where quantity < 0), sum(amount_minor),
        coalesce(-sum(amount_minor) filter (where quantity < 0), 0)
    from raw.sales_line where id between {first} and {last} group by all order by sold_on
    """,
    """
    insert into raw.award_company_day
    select happened_on, company_id, programme_id, coalesce(sum(points) filter (where points > 0), 0),
        coalesce(-sum(points) filter (where points < 0), 0)
    from raw.award where id between {first} and {last} group by all order by happened_on
    """,
    # A receipt's lines are of one company and one day.
    """
    insert into raw.receipt_day
    select sold_on, company_id, currency, count(distinct invoice_no)
    from raw.sales_line where id between {first} and {last} group by all order by sold_on
    """,
)
