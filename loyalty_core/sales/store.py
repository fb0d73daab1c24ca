"""Every query of sales."""

from sqlalchemy import Connection, TextClause, text

from loyalty_core.intake import Acceptance, FileFigures, ImportContext, Staging
from loyalty_core.kernel import minor_factors, new_id
from loyalty_core.organisation import (
    insert_missing_companies,
    insert_missing_outlets,
    insert_missing_regions,
)
from loyalty_core.products import insert_missing_products
from loyalty_core.sales.reversal import NOT_REVERSED

# A hundred thousand million in a currency of two places, small ones like the rupiah included: no line of a sale is
# worth more, and most of a million such lines still add up within a bigint.
LARGEST_AMOUNT_MINOR = 10**13

# What statements below share, by the name that stands for it in them.
_FRAGMENTS = {
    # The whole canonical row, its fields parted by a sign that `judge_rows` lets into none of them; trim_scale
    # keeps 2.50 and 2.5 together. md5 is here an identity of 128 bits, not a protection.
    "{body}": "md5(concat_ws(E'\\x1f', coalesce(s.company_code, E'\\x1e'), coalesce(s.company_name, E'\\x1e'),"
    " coalesce(s.region, E'\\x1e'), coalesce(s.outlet_code, E'\\x1e'), coalesce(s.invoice_no, E'\\x1e'),"
    " coalesce(s.line_no, E'\\x1e'), coalesce(s.product_code, E'\\x1e'), coalesce(s.product_name, E'\\x1e'),"
    " coalesce(s.brand, E'\\x1e'), coalesce(s.product_group, E'\\x1e'), extract(epoch from s.sold_at),"
    " trim_scale(s.quantity), coalesce(trim_scale(s.unit_price)::text, E'\\x1e'),"
    " coalesce(trim_scale(s.amount)::text, E'\\x1e'), s.currency))::uuid",
    "{numbered_key}": "md5(concat_ws(E'\\x1f', 'line', s.company_code, coalesce(s.outlet_code, E'\\x1e'),"
    " s.invoice_no, s.line_no))::uuid",
    "{good}": "not exists (select from {bad} b where b.row_no = s.row_no and b.sheet is not distinct from s.sheet)",
    # PostgreSQL rounds numerics half away from zero, as kernel.to_minor does; a test holds the two together.
    "{amount_minor}": "round(coalesce(s.quantity * s.unit_price, s.amount) * m.factor)",
    "{currencies}": "unnest(cast(:currencies as text[]), cast(:factors as bigint[])) as m (code, factor)",
}


def _sql(staging: Staging, statement: str) -> TextClause:
    for name, fragment in _FRAGMENTS.items():
        statement = statement.replace(name, fragment)
    return staging.sql(statement)


# Every currency there is: to see which of them a file has would be a pass over it.
_CURRENCIES: dict[str, list[str] | list[int]] = {
    "currencies": list(minor_factors()),
    "factors": list(minor_factors().values()),
}


def _use_every_core(connection: Connection) -> None:
    """Let the queries of this transaction that read large tables run on every core.

    PostgreSQL charges each row that a worker hands on so much that it takes plans for one core; over a million
    staged rows they take two to four times as long, and more work in all.
    """
    connection.execute(text("set local parallel_setup_cost = 0"))
    connection.execute(text("set local parallel_tuple_cost = 0.01"))


# What may be wrong with a row `s`, in the order in which it is told. `m` is its currency; `c`, `r` and `p` are its
# company, region and product where they are known.
_ROW_RULES = (
    ("missing_company", "s.company_code is null"),
    ("missing_invoice", "s.invoice_no is null"),
    ("missing_product", "s.product_code is null"),
    ("missing_quantity", "s.quantity is null and not coalesce(s.unreadable ? 'quantity', false)"),
    (
        "missing_price",
        "s.unit_price is null and s.amount is null"
        " and not coalesce(s.unreadable ?| array['unit_price', 'amount'], false)",
    ),
    ("missing_date", "s.sold_at is null and not coalesce(s.unreadable ? 'sold_at', false)"),
    ("missing_currency", "s.currency is null"),
    ("unreadable_quantity", "s.unreadable ? 'quantity'"),
    ("unreadable_unit_price", "s.unreadable ? 'unit_price'"),
    ("unreadable_amount", "s.unreadable ? 'amount'"),
    ("unreadable_sold_at", "s.unreadable ? 'sold_at'"),
    ("beyond_last_column", "s.unreadable ? 'beyond_last_column'"),
    ("zero_quantity", "s.quantity = 0"),
    ("negative_price", "s.unit_price < 0 or (s.unit_price is null and s.amount * sign(s.quantity) < 0)"),
    (
        "amount_differs",
        "s.unit_price is not null and s.amount is not null"
        " and round(s.quantity * s.unit_price * m.factor) <> round(s.amount * m.factor)",
    ),
    ("amount_too_large", "abs({amount_minor}) > :largest or abs(s.quantity) > :largest"),
    (
        "text_too_long",
        "greatest(length(s.company_code), length(s.company_name), length(s.region), length(s.outlet_code),"
        " length(s.invoice_no), length(s.line_no), length(s.product_code), length(s.product_name),"
        " length(s.brand), length(s.product_group)) > 300",
    ),
    (
        "control_character",
        "concat(s.company_code, s.company_name, s.region, s.outlet_code, s.invoice_no, s.line_no, s.product_code,"
        " s.product_name, s.brand, s.product_group) like any (array[E'%\\x1f%', E'%\\x1e%'])",
    ),
    ("date_too_early", "s.sold_at < '1990-01-01'"),
    ("date_in_the_future", "s.sold_at > cast(:now as timestamptz) + interval '1 day'"),
    ("unknown_currency", "s.currency is not null and m.code is null"),
    ("unknown_company", "s.company_code is not null and c.id is null and not :creates"),
    ("unknown_region", "s.region is not null and r.id is null and not :creates"),
    ("unknown_product", "s.product_code is not null and p.id is null and not :creates"),
    ("missing_region", "s.company_code is not null and c.id is null and s.region is null and :creates"),
)
_REASONS = ", ".join(f"case when {condition} then '{reason}' end" for reason, condition in _ROW_RULES)
_IS_BAD = " or ".join(f"({condition})" for _reason, condition in _ROW_RULES)


def judge_rows(connection: Connection, staging: Staging, context: ImportContext) -> None:
    """Write every reason of every bad row in one pass over staging.

    What is unknown to the scope counts as unknown. With `creates_missing`, unknown companies, regions and
    products are no reasons; a new company without a region is one.
    """
    _use_every_core(connection)
    # Made anew with its rows: PostgreSQL uses every core to create a table from a query, one to insert into it.
    connection.execute(_sql(staging, "drop table {bad}"))
    connection.execute(
        _sql(
            staging,
            # The reasons are put together for bad rows only.
            "create unlogged table {bad} with (autovacuum_enabled = off) as"  # noqa: S608 put together from constants
            f" select s.row_no, s.sheet, array_remove(array[{_REASONS}]::text[], null) as reasons"
            " from {staging} s"
            " left join {currencies} on m.code = s.currency"
            " left join company c on c.code = s.company_code"
            " left join region r on r.code = s.region"
            " left join product p on p.code = s.product_code"
            f" where {_IS_BAD}",
        ),
        {
            **_CURRENCIES,
            "largest": LARGEST_AMOUNT_MINOR,
            "creates": context.creates_missing,
            "now": context.recorded_at,
        },
    )
    connection.execute(_sql(staging, "create index on {bad} (row_no)"))
    connection.execute(_sql(staging, "analyze {bad}"))


def reject_conflicts(connection: Connection, staging: Staging) -> None:
    """Add the reason `conflicts_with_earlier` for rows whose line key stands already with another body.

    Earlier is what the database has, but for what was taken back, or a row further up in the same file.
    """
    connection.execute(
        _sql(
            staging,
            "insert into {bad} (row_no, sheet, reasons)"  # noqa: S608 put together from constants
            " select k.row_no, k.sheet, array['conflicts_with_earlier'] from ("
            " select s.row_no, s.sheet, s.company_code, {numbered_key} as line_key, {body} as body_key,"
            " first_value({body}) over (partition by {numbered_key} order by s.row_no) as first_body"
            " from {staging} s where s.line_no is not null and {good}) k"
            " left join company c on c.code = k.company_code"
            " left join sales_line l on l.company_id = c.id and l.line_key = k.line_key and l.occurrence = 1"
            f" and {NOT_REVERSED}"
            " where coalesce(l.body_key, k.first_body) <> k.body_key",
        )
    )


def staged_figures(connection: Connection, staging: Staging) -> FileFigures:
    """Return the net amounts by currency and the number of companies of the rows without a reason."""
    _use_every_core(connection)
    rows = connection.execute(
        _sql(
            staging,
            "with by_company as (select s.currency, s.company_code, sum({amount_minor}) as net_minor"
            " from {staging} s join {currencies} on m.code = s.currency where {good}"
            " group by s.currency, s.company_code)"
            " select currency, sum(net_minor)::bigint as net_minor,"
            " (select count(distinct company_code) from by_company) as companies from by_company group by currency",
        ),
        _CURRENCIES,
    ).all()
    return FileFigures(
        {row.currency: row.net_minor for row in rows}, max((row.companies for row in rows), default=0)
    )


def create_missing(connection: Connection, staging: Staging, context: ImportContext) -> None:
    """Make the regions, companies, outlets and products that good rows name and that are not there.

    A company's region is that of its first line; a product's and a company's name the first that stands in
    the file, else the code.
    """
    _use_every_core(connection)
    regions = connection.execute(
        _sql(
            staging,
            "select distinct s.region from {staging} s where s.region is not null and {good}"
            " and not exists (select from region r where r.code = s.region) order by 1",
        )
    ).scalars()
    new_regions = [(new_id(), code) for code in regions]
    companies = connection.execute(
        _sql(
            staging,
            "with found as (select s.company_code as code, s.company_name as name, s.region, min(s.row_no) as row_no"
            " from {staging} s where {good} and not exists (select from company c"
            " where c.code = s.company_code) group by s.company_code, s.company_name, s.region)"
            " select f.code,"
            " coalesce((array_agg(f.name order by f.row_no, f.name) filter (where f.name is not null))[1], f.code),"
            " (array_agg(f.region order by f.row_no, f.region) filter (where f.region is not null))[1]"
            " from found f group by f.code order by min(f.row_no), f.code",
        )
    ).all()
    products = connection.execute(
        _sql(
            staging,
            "with found as (select s.product_code as code, s.product_name as name, s.brand, s.product_group,"
            " min(s.row_no) as row_no from {staging} s where {good} and not exists (select from product p"
            " where p.code = s.product_code) group by s.product_code, s.product_name, s.brand, s.product_group)"
            " select f.code,"
            " coalesce((array_agg(f.name order by f.row_no, f.name) filter (where f.name is not null))[1], f.code),"
            " (array_agg(f.brand order by f.row_no, f.brand) filter (where f.brand is not null))[1],"
            " (array_agg(f.product_group order by f.row_no, f.product_group)"
            " filter (where f.product_group is not null))[1]"
            " from found f group by f.code order by min(f.row_no), f.code",
        )
    ).all()
    import_id, recorded_at = context.import_id, context.recorded_at
    insert_missing_regions(connection, new_regions, recorded_at)
    insert_missing_companies(
        connection, [(new_id(), *row) for row in companies], import_id=import_id, recorded_at=recorded_at
    )
    insert_missing_products(
        connection, [(new_id(), *row) for row in products], import_id=import_id, recorded_at=recorded_at
    )
    if "outlet_code" in context.mapping.columns:
        outlets = connection.execute(
            _sql(
                staging,
                "select distinct s.company_code, s.outlet_code from {staging} s"
                " where s.outlet_code is not null and {good} order by 1, 2",
            )
        ).all()
        insert_missing_outlets(
            connection, [(new_id(), *row) for row in outlets], import_id=import_id, recorded_at=recorded_at
        )


def _count_on(connection: Connection, context: ImportContext) -> None:
    """Number corrected rows after those of their file that are alike and went in before, or were there already."""
    connection.execute(
        text(
            "update prepared_line n set occurrence = n.occurrence + (select count(*) from sales_line l"
            " where l.company_id = n.company_id and l.line_key = n.line_key and l.import_id = :import_id"
            " and l.edition > 0) + (select count(*) from repeated_line r where r.company_id = n.company_id"
            " and r.line_key = n.line_key and r.import_id = :import_id) where n.line_no is null"
        ),
        {"import_id": context.import_id},
    )


def insert_lines(connection: Connection, staging: Staging, context: ImportContext) -> Acceptance:
    """Insert the good rows that are not there yet, and count them; remember those that are.

    A line that was taken back is not there: its row stands as the line's next edition.
    In the order of companies and keys, which is that of the largest index. Of two imports of different sources
    that bring the same row at once, the second meets the index's refusal (UniqueViolation) and has to begin
    again.
    """
    _use_every_core(connection)
    # The sort by key is of the import's size; spilling it to disk costs seconds per million rows.
    connection.execute(text("set local work_mem = '256MB'"))
    # Into a table first: keys, joins and the sort then use every core, which an INSERT's query may not.
    prepared = connection.execute(
        _sql(
            staging,
            "create temporary table prepared_line on commit drop as"
            " select k.*, row_number() over (partition by k.company_id, k.line_key order by k.row_no)::integer"
            " as occurrence from (select s.row_no, s.sheet, s.quantity, s.unit_price, s.currency, s.sold_at,"
            " s.invoice_no, s.line_no, case when s.line_no is null then {body} else {numbered_key} end as line_key,"
            " case when s.line_no is not null then {body} end as body_key,"
            " c.id as company_id, o.id as outlet_id, coalesce(r.id, c.region_id) as region_id,"
            " p.id as product_id, {amount_minor}::bigint as amount_minor"
            " from {staging} s"
            " join {currencies} on m.code = s.currency"
            " join company c on c.code = s.company_code"
            " join product p on p.code = s.product_code"
            " left join region r on r.code = s.region"
            " left join outlet o on o.company_id = c.id and o.code = s.outlet_code"
            " where {good}) k",
        ),
        _CURRENCIES,
    ).rowcount
    if context.is_repair:
        _count_on(connection, context)
    # Without it the planner takes the table for a small one, and looks for duplicates row by row. A small sample of
    # the columns that it joins by tells enough.
    connection.execute(text("set local default_statistics_target = 20"))
    connection.execute(text("analyze prepared_line (company_id, line_key, occurrence)"))
    # Apart, so that an import of rows that are all new pays nothing for what an undone one left behind.
    connection.execute(
        text(
            "create temporary table known_line on commit drop as"
            " select n.company_id, n.line_key, n.occurrence, max(l.edition) as edition, bool_or(r.id is null) as stands"
            " from prepared_line n join sales_line l on l.company_id = n.company_id and l.line_key = n.line_key"
            " and l.occurrence = n.occurrence and l.edition > 0"
            " left join sales_line r on r.reverses_id = l.id and r.reverses_id is not null"
            " where n.line_no is null or n.occurrence = 1 group by n.company_id, n.line_key, n.occurrence"
        )
    )
    connection.execute(text("analyze known_line"))
    accepted = connection.execute(
        text(
            "insert into sales_line (line_key, occurrence, edition, body_key, import_id, row_no, company_id, outlet_id,"
            " region_id, product_id, quantity, unit_price, amount_minor, currency, sold_at, sold_on,"
            " recorded_at, sheet, invoice_no, line_no)"
            " select n.line_key, n.occurrence, coalesce(k.edition, 0) + 1, n.body_key, :import_id, n.row_no,"
            " n.company_id, n.outlet_id, n.region_id, n.product_id, n.quantity, n.unit_price, n.amount_minor,"
            " n.currency, n.sold_at, (n.sold_at at time zone :time_zone)::date, :recorded_at, n.sheet, n.invoice_no,"
            " n.line_no from prepared_line n left join known_line k on k.company_id = n.company_id"
            " and k.line_key = n.line_key and k.occurrence = n.occurrence"
            " where (n.line_no is null or n.occurrence = 1) and k.stands is not true"
        ),
        {
            "import_id": context.import_id,
            "recorded_at": context.recorded_at,
            "time_zone": context.mapping.time_zone,
        },
    ).rowcount
    if accepted < prepared:
        connection.execute(
            text(
                "insert into repeated_line (company_id, line_key, occurrence, import_id, sheet, row_no)"
                " select n.company_id, n.line_key, n.occurrence, :import_id, n.sheet, n.row_no from prepared_line n"
                " join known_line k on k.company_id = n.company_id and k.line_key = n.line_key"
                " and k.occurrence = n.occurrence where k.stands order by n.company_id, n.line_key"
                " on conflict do nothing"
            ),
            {"import_id": context.import_id},
        )
    connection.execute(text("drop table known_line"))
    connection.execute(text("drop table prepared_line"))
    amounts = connection.execute(
        text(
            "select currency, sum(amount_minor)::bigint as net_minor from sales_line"
            " where import_id = :import_id group by currency"
        ),
        {"import_id": context.import_id},
    )
    return Acceptance(accepted, prepared - accepted, {row.currency: row.net_minor for row in amounts})
