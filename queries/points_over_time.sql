-- Points given for sales of a programme and points taken back, by day, week or month of the sale.
-- grain: one row per stretch of days with awards, by its first day
-- parameters:
--   bucket varchar: 'day', 'week' (from Monday) or 'month'
--   since date: first day, inclusive
--   until date: last day, inclusive
--   programme_id uuid: of this programme
--   region_ids uuid[]: companies of these regions only; null: of all
--   kind varchar: companies of this kind only; null: of every
--   company_id uuid: this company only; null: all
--   salesperson_id uuid: companies of this salesperson only, the zero id those of nobody; null: all
--   product_group varchar: products of this group only, '' those without one; null: all
--   brand varchar: products of this brand only, '' those without one; null: all
--   product_id uuid: this product only; null: all
select
    cast(date_trunc($bucket, a.happened_on) as date) as bucket,
    cast(sum(a.points_earned) - sum(a.points_taken) as bigint) as points,
    cast(sum(a.points_earned) as bigint) as points_earned,
    cast(sum(a.points_taken) as bigint) as points_taken
from (
    select happened_on, company_id, points_earned, points_taken
    from award_company_day
    where coalesce($product_group, $brand, cast($product_id as varchar)) is null
        and happened_on between $since and $until
        and programme_id = cast($programme_id as uuid)
    union all
    select d.happened_on, d.company_id, d.points_earned, d.points_taken
    from award_day d
    join product p on p.id = d.product_id
    where coalesce($product_group, $brand, cast($product_id as varchar)) is not null
        and d.happened_on between $since and $until
        and d.programme_id = cast($programme_id as uuid)
        and ($product_group is null or coalesce(p.product_group, '') = $product_group)
        and ($brand is null or coalesce(p.brand, '') = $brand)
        and (cast($product_id as uuid) is null or p.id = cast($product_id as uuid))
) a
join company c on c.id = a.company_id
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
