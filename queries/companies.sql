-- Companies with their region, their responsible salesperson, and what they sold, gave back and earned.
-- grain: one row per company, those with the most sales first
-- parameters:
--   since date: first day, inclusive
--   until date: last day, inclusive
--   before_since date: first day of the days to compare with; null: nothing to compare with
--   before_until date: their last day, inclusive; null as well
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
--   limit bigint: how many rows at most
--   offset bigint: how many to leave out first
-- sorts:
--   name: folded(c.name)
--   region: folded(region_name)
--   salesperson: folded(salesperson_name)
--   sales: amount_minor
--   returns: returned_minor
--   points: points
with sold as (
    select
        company_id,
        sum(case when sold_on between $since and $until then amount_minor else 0 end) as amount_minor,
        sum(case when sold_on between $since and $until then returned_minor else 0 end) as returned_minor,
        sum(case when sold_on between $since and $until then lines else 0 end) as lines,
        sum(case when sold_on between $before_since and $before_until then amount_minor else 0 end)
            as before_minor
    from (
        select company_id, sold_on, amount_minor, returned_minor, lines
        from sales_company_day
        where coalesce($product_group, $brand, cast($product_id as varchar)) is null
            and currency = $currency
            and sold_on between least($since, coalesce($before_since, $since))
                and greatest($until, coalesce($before_until, $until))
        union all
        select d.company_id, d.sold_on, d.amount_minor, d.returned_minor, d.lines
        from sales_day d
        join product p on p.id = d.product_id
        where coalesce($product_group, $brand, cast($product_id as varchar)) is not null
            and d.currency = $currency
            and d.sold_on between least($since, coalesce($before_since, $since))
                and greatest($until, coalesce($before_until, $until))
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
        where coalesce($product_group, $brand, cast($product_id as varchar)) is null
            and programme_id = cast($programme_id as uuid)
            and happened_on between $since and $until
        union all
        select a.company_id, a.points_earned, a.points_taken
        from award_day a
        join product p on p.id = a.product_id
        where coalesce($product_group, $brand, cast($product_id as varchar)) is not null
            and a.programme_id = cast($programme_id as uuid)
            and a.happened_on between $since and $until
            and ($product_group is null or coalesce(p.product_group, '') = $product_group)
            and ($brand is null or coalesce(p.brand, '') = $brand)
            and (cast($product_id as uuid) is null or p.id = cast($product_id as uuid))
    ) days
    group by company_id
)
select
    cast(c.id as varchar) as company_id,
    c.code,
    c.name,
    c.kind,
    coalesce(r.name, '') as region_name,
    coalesce(u.display_name, '') as salesperson_name,
    cast(coalesce(s.amount_minor, 0) as bigint) as amount_minor,
    cast(coalesce(s.returned_minor, 0) as bigint) as returned_minor,
    cast(coalesce(s.lines, 0) as bigint) as lines,
    cast(coalesce(s.before_minor, 0) as bigint) as before_minor,
    cast(coalesce(g.points, 0) as bigint) as points
from company c
left join region r on r.id = c.region_id
left join app_user u on u.id = c.salesperson_id
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
order by /* sort */ amount_minor desc, points desc, c.name, c.code
limit $limit offset $offset
