-- Sales lines with the points of a programme that they hold now, and the row of the file each came from.
-- grain: one row per sales line, those sold last first
-- parameters:
--   since date: first day, inclusive
--   until date: last day, inclusive
--   currency varchar: ISO 4217; sales in others are left out
--   programme_id uuid: of this programme
--   region_ids uuid[]: companies of these regions only; null: of all
--   kind varchar: companies of this kind only; null: of every
--   company_id uuid: this company only; null: all
--   salesperson_id uuid: companies of this salesperson only, the zero id those of nobody; null: all
--   product_group varchar: products of this group only, '' those without one; null: all
--   brand varchar: products of this brand only, '' those without one; null: all
--   product_id uuid: this product only; null: all
--   only_returns boolean: leave out everything but returns
--   limit bigint: how many rows at most
--   offset bigint: how many to leave out first
-- sorts:
--   sold: sold_on
--   company: folded(company_name)
--   invoice: invoice_no
--   product: folded(product_name)
--   quantity: quantity
--   amount: amount_minor
with page as (
    select
        l.id, l.sold_on, l.invoice_no, c.code as company_code, c.name as company_name,
        p.code as product_code, p.name as product_name, l.quantity, l.amount_minor, l.currency,
        cast(l.import_id as varchar) as import_id, l.sheet, l.row_no
    from sales_line l
    join company c on c.id = l.company_id
    join product p on p.id = l.product_id
    where l.sold_on between $since and $until
        and l.currency = $currency
        and (not $only_returns or l.quantity < 0)
        and (cast($region_ids as uuid[]) is null or list_contains(cast($region_ids as uuid[]), c.region_id))
        and ($kind is null or c.kind = $kind)
        and (cast($company_id as uuid) is null or c.id = cast($company_id as uuid))
        and (
            cast($salesperson_id as uuid) is null
            or coalesce(c.salesperson_id, cast('00000000-0000-0000-0000-000000000000' as uuid))
            = cast($salesperson_id as uuid)
        )
        and ($product_group is null or coalesce(p.product_group, '') = $product_group)
        and ($brand is null or coalesce(p.brand, '') = $brand)
        and (cast($product_id as uuid) is null or p.id = cast($product_id as uuid))
    order by /* sort */ l.sold_on desc, l.id desc
    limit $limit offset $offset
),
given as (
    select a.sales_line_id, sum(a.points) as points
    from award a
    where a.programme_id = cast($programme_id as uuid)
        and a.sales_line_id in (select id from page)
    group by a.sales_line_id
)
select page.*, cast(coalesce(g.points, 0) as bigint) as points
from page
left join given g on g.sales_line_id = page.id
order by /* sort */ page.sold_on desc, page.id desc
