-- Receipts that hold some of the chosen products, by day, week or month, estimated by HyperLogLog (within about 2%), for millions of lines.
-- The roll-up of receipts knows no products, so this one reads the lines.
-- grain: one row per stretch of days with sales, by its first day
-- parameters:
--   bucket varchar: 'day', 'week' (from Monday) or 'month'
--   since date: first day, inclusive
--   until date: last day, inclusive
--   currency varchar: ISO 4217; sales in others are left out
--   region_ids uuid[]: companies of these regions only; null: of all
--   kind varchar: companies of this kind only; null: of every
--   company_id uuid: this company only; null: all
--   salesperson_id uuid: companies of this salesperson only, the zero id those of nobody; null: all
--   product_group varchar: products of this group only, '' those without one; null: all
--   brand varchar: products of this brand only, '' those without one; null: all
--   product_id uuid: this product only; null: all
select
    cast(date_trunc($bucket, l.sold_on) as date) as bucket,
    cast(approx_count_distinct(cast(l.company_id as varchar) || ' ' || l.invoice_no) as bigint) as receipts
from sales_line l
join company c on c.id = l.company_id
join product p on p.id = l.product_id
where l.sold_on between $since and $until
    and l.currency = $currency
    -- Nothing that was taken back with its import.
    and l.reverses_id is null
    and not exists (select 1 from sales_line b where b.reverses_id = l.id and b.reverses_id is not null)
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
group by 1
order by 1
