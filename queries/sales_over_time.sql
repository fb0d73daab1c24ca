-- Sales less returns, what returns took, and lines, by day, week or month.
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
    cast(date_trunc($bucket, s.sold_on) as date) as bucket,
    cast(sum(s.amount_minor) as bigint) as amount_minor,
    cast(sum(s.returned_minor) as bigint) as returned_minor,
    cast(sum(s.lines) as bigint) as lines,
    cast(sum(s.return_lines) as bigint) as return_lines
from (
    select sold_on, company_id, amount_minor, returned_minor, lines, return_lines
    from sales_company_day
    where coalesce($product_group, $brand, cast($product_id as varchar)) is null
        and sold_on between $since and $until
        and currency = $currency
    union all
    select d.sold_on, d.company_id, d.amount_minor, d.returned_minor, d.lines, d.return_lines
    from sales_day d
    join product p on p.id = d.product_id
    where coalesce($product_group, $brand, cast($product_id as varchar)) is not null
        and d.sold_on between $since and $until
        and d.currency = $currency
        and ($product_group is null or coalesce(p.product_group, '') = $product_group)
        and ($brand is null or coalesce(p.brand, '') = $brand)
        and (cast($product_id as uuid) is null or p.id = cast($product_id as uuid))
) s
join company c on c.id = s.company_id
where (cast($region_ids as uuid[]) is null or list_contains(cast($region_ids as uuid[]), c.region_id))
    and ($kind is null or c.kind = $kind)
    and (cast($company_id as uuid) is null or c.id = cast($company_id as uuid))
    and (
        cast($salesperson_id as uuid) is null
        or coalesce(c.salesperson_id, cast('00000000-0000-0000-0000-000000000000' as uuid))
        = cast($salesperson_id as uuid)
    )
group by 1
order by 1
