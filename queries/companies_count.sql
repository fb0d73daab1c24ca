-- How many companies the query “companies” finds in all.
-- grain: one row
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
with sold as (
    select
        s.company_id,
        sum(case when s.sold_on between $since and $until then s.amount_minor else 0 end) as amount_minor,
        sum(case when s.sold_on between $since and $until then s.returned_minor else 0 end) as returned_minor,
        sum(case when s.sold_on between $since and $until then s.lines else 0 end) as lines,
        sum(case when s.sold_on between $before_since and $before_until then s.amount_minor else 0 end)
            as before_minor
    from sales_day s
    join product p on p.id = s.product_id
    where s.currency = $currency
        and (s.sold_on between $since and $until or s.sold_on between $before_since and $before_until)
        and ($product_group is null or coalesce(p.product_group, '') = $product_group)
        and ($brand is null or coalesce(p.brand, '') = $brand)
        and (cast($product_id as uuid) is null or p.id = cast($product_id as uuid))
    group by s.company_id
),
given as (
    select a.company_id, sum(a.points_earned - a.points_taken) as points
    from award_day a
    join product p on p.id = a.product_id
    where a.programme_id = cast($programme_id as uuid)
        and a.happened_on between $since and $until
        and ($product_group is null or coalesce(p.product_group, '') = $product_group)
        and ($brand is null or coalesce(p.brand, '') = $brand)
        and (cast($product_id as uuid) is null or p.id = cast($product_id as uuid))
    group by a.company_id
)
select count(*) as companies
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
    and ($words = '' or contains(lower(c.code || ' ' || c.name), lower($words)))
    and (not $only_sold or coalesce(s.lines, 0) > 0 or coalesce(g.points, 0) <> 0)
