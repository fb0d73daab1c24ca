-- How many companies the query “companies” finds in all.
-- grain: one row
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
--   words varchar: companies whose code or name holds this; '' finds all
--   only_sold boolean: leave out companies without a sale or points in the days
with sold as (
    select
        company_id,
        sum(lines) as lines
    from (
        select company_id, lines
        from sales_company_day
        where $only_sold and coalesce($product_group, $brand, cast($product_id as varchar)) is null
            and currency = $currency
            and sold_on between $since and $until
        union all
        select d.company_id, d.lines
        from sales_day d
        join product p on p.id = d.product_id
        where $only_sold and coalesce($product_group, $brand, cast($product_id as varchar)) is not null
            and d.currency = $currency
            and d.sold_on between $since and $until
            and ($product_group is null or coalesce(p.product_group, '') = $product_group)
            and ($brand is null or coalesce(p.brand, '') = $brand)
            and (cast($product_id as uuid) is null or p.id = cast($product_id as uuid))
    ) days
    group by company_id
),
given as (
    select company_id, sum(points_earned - points_taken) as points
    from (
        select company_id, points_earned, points_taken
        from award_company_day
        where $only_sold and coalesce($product_group, $brand, cast($product_id as varchar)) is null
            and programme_id = cast($programme_id as uuid)
            and happened_on between $since and $until
        union all
        select a.company_id, a.points_earned, a.points_taken
        from award_day a
        join product p on p.id = a.product_id
        where $only_sold and coalesce($product_group, $brand, cast($product_id as varchar)) is not null
            and a.programme_id = cast($programme_id as uuid)
            and a.happened_on between $since and $until
            and ($product_group is null or coalesce(p.product_group, '') = $product_group)
            and ($brand is null or coalesce(p.brand, '') = $brand)
            and (cast($product_id as uuid) is null or p.id = cast($product_id as uuid))
    ) days
    group by company_id
)
select count(*) as companies
from company c
left join sold s on s.company_id = c.id
left join given g on g.company_id = c.id
where (cast($region_ids as uuid[]) is null or list_contains(cast($region_ids as uuid[]), c.region_id))
    and ($kind is null or c.kind = $kind)
    and (cast($company_id as uuid) is null or c.id = cast($company_id as uuid))
    and (
        cast($salesperson_id as uuid) is null
        or coalesce(c.salesperson_id, cast('00000000-0000-0000-0000-000000000000' as uuid))
        = cast($salesperson_id as uuid)
    )
    and ($words = '' or contains(folded(c.code || ' ' || c.name), folded($words)))
    and (not $only_sold or coalesce(s.lines, 0) > 0 or coalesce(g.points, 0) <> 0)
