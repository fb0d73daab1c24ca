"""Products and price lists as datasets: the columns of the files, the rules for rows, how they are written."""

from collections.abc import Mapping

from loyalty_core.intake import (
    FIRST_DAY,
    LAST_DAY,
    ColumnKind,
    DatasetColumn,
    DatasetColumns,
    Records,
    RecordsDataset,
    StagedRecords,
    control_character,
    text_too_long,
)
from loyalty_core.kernel import N_, UnknownCurrencyError, _, minor_digits

# Nothing that is sold by the piece costs more, small currencies included; nor has its price more decimals.
LARGEST_PRICE = 10**12
MOST_DECIMALS = 6

PRODUCT_COLUMNS = DatasetColumns(
    "products",
    (
        DatasetColumn(
            "code",
            required=True,
            also_called=("product code", "stock code", "sku", "ean", "article", "article no", "item code"),
            notes=N_("The product's code, as sales files name it. It never changes."),
        ),
        DatasetColumn(
            "name",
            required=True,
            also_called=("product name", "description", "article name", "item name"),
            notes=N_("The product's name."),
        ),
        DatasetColumn(
            "brand",
            also_called=("brand name", "make", "manufacturer"),
            notes=N_("The brand that programmes may name. Blank leaves it as it is, - empties it."),
        ),
        DatasetColumn(
            "product_group",
            also_called=("group", "category", "family", "product category"),
            notes=N_("The group that programmes may name. Blank leaves it as it is, - empties it."),
        ),
    ),
)

_PRODUCTS = Records(
    fields=("name", "brand", "product_group"),
    rows=(
        "select s.row_no, s.sheet, s.unreadable, s.code as record, p.id as known_id, s.name as title,"
        " array[s.name, case when s.brand = '-' then '' else s.brand end,"
        "   case when s.product_group = '-' then '' else s.product_group end] as said,"
        " array[p.name, p.brand, p.product_group] as stands"
        " from {staging} s left join product p on p.code = s.code"
    ),
    held="product",
)


class ProductsDataset(RecordsDataset):
    """Products. Everybody sees every product, so there are none that a scope hides."""

    columns = PRODUCT_COLUMNS
    records = _PRODUCTS
    example_rows = (
        {
            "code": "KETTLE-2L",
            "name": "Kettle, 2 litres",
            "brand": "Brightside",
            "product_group": "Kitchen",
        },
        {
            "code": "TEA-250",
            "name": "Black tea, 250 g",
            "brand": "Northfield",
            "product_group": "Pantry",
        },
    )

    def reasons(self) -> Mapping[str, str]:
        """Return the words for the reasons that only products have."""
        return {
            "missing_code": _("No product code in the row."),
            "missing_name": _("No name in the row. A new product needs one."),
        }

    def judge_rows(self, rows: StagedRecords) -> None:
        """Reject what is wrong with single rows."""
        rows.reject(
            (
                ("missing_code", "n.record is null"),
                ("missing_name", "n.known_id is null and n.said[1] is null"),
                text_too_long("n.record", "n.said[1]", "n.said[2]", "n.said[3]"),
                control_character("n.record", "n.said[1]", "n.said[2]", "n.said[3]"),
            )
        )

    def write(self, rows: StagedRecords) -> None:
        """Change the products that differ, and add those that are not there."""
        rows.execute(
            "update product p set name = coalesce(n.said[1], p.name),"
            " brand = case when n.said[2] is null then p.brand else nullif(n.said[2], '') end,"
            " product_group = case when n.said[3] is null then p.product_group else nullif(n.said[3], '') end"
            " from {firsts} where p.id = n.known_id and {differs}"
        )
        rows.with_new_ids(
            "insert into product (id, code, name, brand, product_group, created_by_import, recorded_at)"
            " select i.id, n.record, n.said[1], nullif(n.said[2], ''), nullif(n.said[3], ''), :import_id,"
            " :recorded_at from {new}"
        )


PRICE_COLUMNS = DatasetColumns(
    "prices",
    (
        DatasetColumn(
            "price_list",
            required=True,
            also_called=("list", "price list code", "pricelist", "list code"),
            notes=N_("The code of the price list: of a region, or of a group of companies."),
        ),
        DatasetColumn(
            "product_code",
            required=True,
            also_called=("stock code", "sku", "ean", "article", "article no", "item code"),
            notes=N_("The product's code; the product is there already."),
        ),
        DatasetColumn(
            "currency",
            required=True,
            also_called=("currency code", "curr", "ccy"),
            notes=N_("The ISO 4217 code of the currency, as in EUR."),
        ),
        DatasetColumn(
            "unit_price",
            ColumnKind.NUMBER,
            required=True,
            also_called=("price", "list price", "net price", "price per unit"),
            notes=N_("What one piece costs, 0 or more, with up to six decimals."),
        ),
        DatasetColumn(
            "valid_from",
            ColumnKind.TIMESTAMP,
            required=True,
            also_called=("from", "valid since", "start date", "starts on"),
            notes=N_("The first day on which the price holds."),
        ),
        DatasetColumn(
            "valid_to",
            ColumnKind.TIMESTAMP,
            also_called=("to", "until", "valid until", "end date", "ends on"),
            notes=N_("The last day on which it holds. Blank: until a later price of the list begins."),
        ),
    ),
)

_FROM_DAY = "(s.valid_from at time zone cast(:time_zone as text))::date"
_TO_DAY = "(s.valid_to at time zone cast(:time_zone as text))::date"
_ROWS = (
    "select s.row_no, s.sheet, s.unreadable, s.price_list, s.product_code, p.id as product_id, s.unit_price,"
    " {from} as from_day, {to} as to_day, s.price_list || ' / ' || s.product_code || ' / ' || {from}::text as record,"
    " k.id as known_id, trim_scale(s.unit_price)::text || ' ' || s.currency as title,"
    " array[s.currency, trim_scale(s.unit_price)::text, {to}::text] as said,"
    " array[k.currency::text, trim_scale(k.unit_price)::text, k.valid_to::text] as stands,"
    " k.valid_to as known_to_day"
    " from {staging} s left join product p on p.code = s.product_code"
    " left join product_price k on k.price_list = s.price_list and k.product_id = p.id and k.valid_from = {from}"
)

_PRICES = Records(
    fields=("currency", "unit_price", "valid_to"),
    rows=_ROWS.replace("{from}", _FROM_DAY).replace("{to}", _TO_DAY),
    # One import at a time changes the prices of a product, those that are not there yet included.
    held="product",
    held_by="product_id",
    # A price that had no end is ended by the day before the next one begins.
    more_changes=(
        " union all select sheet, row_no, record, field, before, after from ("
        " select distinct on (e.id) n.sheet, n.row_no,"
        " e.price_list || ' / ' || n.product_code || ' / ' || e.valid_from::text as record,"
        " 'valid_to' as field, '' as before, (n.from_day - 1)::text as after"
        " from {firsts} join product_price e on e.price_list = n.price_list and e.product_id = n.product_id"
        "   and e.valid_from < n.from_day and e.valid_to is null"
        " where n.known_id is null and not exists (select from {rows} where {good} and n.known_id = e.id"
        "   and n.to_day is not null)"
        " order by e.id, n.from_day) ended"
    ),
)

# The periods as they would be with the good rows: each staged one, and those there that no row names.
_PERIODS = (
    "with periods as ("
    " select n.row_no, n.sheet, n.price_list, n.product_id, n.from_day, coalesce(n.to_day, n.known_to_day) as to_day"
    " from {rows} where {good}"
    " union all select null, null, k.price_list, k.product_id, k.valid_from, k.valid_to from product_price k"
    " where exists (select from {rows} where n.price_list = k.price_list and n.product_id = k.product_id)"
    "   and not exists (select from {rows} where {good} and n.known_id = k.id)),"
    " kept as (select distinct on (price_list, product_id, from_day) * from periods"
    "   order by price_list, product_id, from_day, row_no, sheet),"
    " beside as (select *, lead(from_day) over later as next_day, max(to_day) over (partition by price_list,"
    "   product_id order by from_day rows between unbounded preceding and 1 preceding) as ended_day"
    "   from kept window later as (partition by price_list, product_id order by from_day))"
)


class PricesDataset(RecordsDataset):
    """Prices of products on lists, each from a day on; a later price ends an earlier one that has no end."""

    columns = PRICE_COLUMNS
    records = _PRICES
    example_rows = (
        {
            "price_list": "PL-RETAIL",
            "product_code": "KETTLE-2L",
            "currency": "EUR",
            "unit_price": "18.50",
            "valid_from": "2026-01-01",
            "valid_to": "2026-06-30",
        },
        {
            "price_list": "PL-RETAIL",
            "product_code": "KETTLE-2L",
            "currency": "EUR",
            "unit_price": "19.20",
            "valid_from": "2026-07-01",
            "valid_to": "",
        },
    )

    def reasons(self) -> Mapping[str, str]:
        """Return the words for the reasons that only prices have."""
        return {
            "missing_price_list": _("No price list in the row."),
            "missing_product": _("No product in the row."),
            "missing_currency": _("No currency in the row, and none in the mapping."),
            "missing_price": _("No price in the row. A new price needs one."),
            "missing_date": _("No first day in the row."),
            "unreadable_price": _("The price is not a number in the mapping's format."),
            "unreadable_valid_from": _(
                "The first day is not in one of the mapping's formats, or does not exist."
            ),
            "unreadable_valid_to": _(
                "The last day is not in one of the mapping's formats, or does not exist."
            ),
            "unknown_product": _("The product is not known. Check the code, or import the product first."),
            "unknown_currency": _("The currency is not an ISO 4217 code."),
            "price_not_usable": _("The price is below zero, too large, or has more than six decimals."),
            "dates_out_of_order": _("The last day lies before the first."),
            "overlapping_period": _(
                "The period overlaps with another price of the same product on the same list. End the earlier one"
                " before the later begins."
            ),
        }

    def prepare(self, rows: StagedRecords) -> None:
        """Bind the time zone of dates, bounds, and the moment."""
        rows.bind(
            time_zone=rows.context.mapping.time_zone,
            largest=LARGEST_PRICE,
            decimals=MOST_DECIMALS,
            first_day=FIRST_DAY,
            last_day=LAST_DAY,
            recorded_at=rows.context.recorded_at,
        )

    def judge_rows(self, rows: StagedRecords) -> None:
        """Reject what is wrong with single rows, and what names an unknown product or currency."""
        found = rows.execute("select distinct n.said[1] as code from {rows}").scalars()
        rows.execute(
            "insert into {bad} (row_no, sheet, reasons) select n.row_no, n.sheet, array['unknown_currency']"
            " from {rows} where n.said[1] = any(cast(:unknown as text[]))",
            unknown=[code for code in found if code is not None and not _is_currency(code)],
        )
        rows.reject(
            (
                ("missing_price_list", "n.price_list is null"),
                ("missing_product", "n.product_code is null"),
                ("missing_currency", "n.known_id is null and n.said[1] is null"),
                (
                    "missing_price",
                    "n.known_id is null and n.unit_price is null and not coalesce(n.unreadable ? 'unit_price', false)",
                ),
                ("missing_date", "n.from_day is null and not coalesce(n.unreadable ? 'valid_from', false)"),
                ("unreadable_price", "n.unreadable ? 'unit_price'"),
                ("unreadable_valid_from", "n.unreadable ? 'valid_from'"),
                ("unreadable_valid_to", "n.unreadable ? 'valid_to'"),
                ("unknown_product", "n.product_code is not null and n.product_id is null"),
                (
                    "price_not_usable",
                    "n.unit_price < 0 or n.unit_price > :largest or scale(trim_scale(n.unit_price)) > :decimals",
                ),
                ("dates_out_of_order", "n.to_day < n.from_day"),
                (
                    "date_out_of_range",
                    "least(n.from_day, n.to_day) < :first_day or greatest(n.from_day, n.to_day) > :last_day",
                ),
                text_too_long("n.price_list", "n.product_code"),
                control_character("n.price_list"),
            )
        )

    def judge_known(self, rows: StagedRecords) -> None:
        """Reject what is there with other contents, and periods that overlap, here or with what is there."""
        rows.reject_known_otherwise()
        statement = (
            "insert into {bad} (row_no, sheet, reasons) {periods}"
            " select n.row_no, n.sheet, array['overlapping_period'] from beside o join {rows}"
            " on n.price_list = o.price_list and n.product_id = o.product_id and n.from_day = o.from_day"
            " where {good} and o.row_no is not null and (o.to_day >= o.next_day or o.ended_day >= o.from_day)"
        )
        rows.execute(statement.replace("{periods}", _PERIODS))

    def write(self, rows: StagedRecords) -> None:
        """Change the prices that differ, add those that are not there, and end what a later one ends."""
        rows.execute(
            "update product_price k set currency = coalesce(n.said[1], k.currency),"
            " unit_price = coalesce(n.unit_price, k.unit_price), valid_to = coalesce(n.to_day, k.valid_to)"
            " from {firsts} where k.id = n.known_id and {differs}"
        )
        rows.with_new_ids(
            "insert into product_price (id, price_list, product_id, currency, unit_price, valid_from, valid_to,"
            " created_by_import, recorded_at) select i.id, n.price_list, n.product_id, n.said[1], n.unit_price,"
            " n.from_day, n.to_day, :import_id, :recorded_at from {new}"
        )
        rows.execute(
            "update product_price k set valid_to = l.next_day - 1 from ("
            " select id, lead(valid_from) over (partition by price_list, product_id order by valid_from) as next_day"
            " from product_price where product_id in (select n.product_id from {rows} where {good})) l"
            " where l.id = k.id and k.valid_to is null and l.next_day is not null"
        )


def _is_currency(code: str) -> bool:
    try:
        minor_digits(code)
    except UnknownCurrencyError:
        return False
    return True
