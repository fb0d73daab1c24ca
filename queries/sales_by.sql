-- Sales less returns, what returns took, and lines by region, company, salesperson, group or product,
-- beside the sales of the days to compare with and of a year before. Regions are those the companies sit in.
-- grain: one row per region, company, salesperson, group, product group, brand or product with sales, the most first
-- parameters:
--   dimension varchar: 'region', 'company', 'salesperson', 'group', 'product_group', 'brand' or 'product'
--   since date: first day, inclusive
--   until date: last day, inclusive
--   before_since date: first day of the days to compare with; null: nothing to compare with
--   before_until date: their last day, inclusive; null as well
--   year_since date: first day of the days a year before; null: none
--   year_until date: their last day, inclusive; null as well
--   currency varchar: ISO 4217; sales in others are left out
--   region_ids uuid[]: companies of these regions only; null: of all
--   kind varchar: companies of this kind only; null: of every
--   company_id uuid: this company only; null: all
--   salesperson_id uuid: companies of this salesperson only, the zero id those of nobody; null: all
--   product_group varchar: products of this group only, '' those without one; null: all
--   brand varchar: products of this brand only, '' those without one; null: all
--   product_id uuid: this product only; null: all
--   limit bigint: how many rows at most
with sold as (
    select
        company_id,
        cast(null as uuid) as product_id,
        sum(case when sold_on between $since and $until then amount_minor else 0 end) as amount_minor,
        sum(case when sold_on between $since and $until then returned_minor else 0 end) as returned_minor,
        sum(case when sold_on between $since and $until then lines else 0 end) as lines,
        sum(case when sold_on between $before_since and $before_until then amount_minor else 0 end)
            as before_minor,
        sum(case when sold_on between $before_since and $before_until then returned_minor else 0 end)
            as before_returned_minor,
        sum(case when sold_on between $year_since and $year_until then amount_minor else 0 end) as year_minor
    from sales_company_day
    where $dimension not in ('product_group', 'brand', 'product')
        and coalesce($product_group, $brand, cast($product_id as varchar)) is null
        and currency = $currency
        and sold_on between least($since, coalesce($before_since, $since), coalesce($year_since, $since))
        and greatest($until, coalesce($before_until, $until), coalesce($year_until, $until))
        and (
            sold_on between $since and $until
            or sold_on between $before_since and $before_until
            or sold_on between $year_since and $year_until
        )
    group by company_id
    union all
    select
        company_id,
        product_id,
        sum(case when sold_on between $since and $until then amount_minor else 0 end) as amount_minor,
        sum(case when sold_on between $since and $until then returned_minor else 0 end) as returned_minor,
        sum(case when sold_on between $since and $until then lines else 0 end) as lines,
        sum(case when sold_on between $before_since and $before_until then amount_minor else 0 end)
            as before_minor,
        sum(case when sold_on between $before_since and $before_until then returned_minor else 0 end)
            as before_returned_minor,
        sum(case when sold_on between $year_since and $year_until then amount_minor else 0 end) as year_minor
    from sales_day
    where ($dimension in ('product_group', 'brand', 'product')
        or coalesce($product_group, $brand, cast($product_id as varchar)) is not null)
        and currency = $currency
        and sold_on between least($since, coalesce($before_since, $since), coalesce($year_since, $since))
        and greatest($until, coalesce($before_until, $until), coalesce($year_until, $until))
        and (
            sold_on between $since and $until
            or sold_on between $before_since and $before_until
            or sold_on between $year_since and $year_until
        )
    group by company_id, product_id
),
named as (
    select
        case $dimension
            when 'region' then cast(c.region_id as varchar)
            when 'company' then cast(c.id as varchar)
            when 'salesperson' then coalesce(cast(c.salesperson_id as varchar), '')
            when 'group' then c.kind
            when 'product_group' then coalesce(p.product_group, '')
            when 'brand' then coalesce(p.brand, '')
            when 'product' then cast(p.id as varchar)
        end as key,
        case $dimension
            when 'region' then coalesce(r.name, '')
            when 'company' then c.name
            when 'salesperson' then coalesce(u.display_name, '')
            when 'group' then c.kind
            when 'product_group' then coalesce(p.product_group, '')
            when 'brand' then coalesce(p.brand, '')
            when 'product' then p.name
        end as label,
        s.amount_minor, s.returned_minor, s.lines, s.before_minor, s.before_returned_minor, s.year_minor
    from sold s
    join company c on c.id = s.company_id
    left join region r on r.id = c.region_id
    left join app_user u on u.id = c.salesperson_id
    left join product p on p.id = s.product_id
    where (s.product_id is null or p.id is not null)
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
)
select
    key,
    label,
    cast(sum(amount_minor) as bigint) as amount_minor,
    cast(sum(returned_minor) as bigint) as returned_minor,
    cast(sum(lines) as bigint) as lines,
    cast(sum(before_minor) as bigint) as before_minor,
    cast(sum(before_returned_minor) as bigint) as before_returned_minor,
    cast(sum(year_minor) as bigint) as year_minor
from named
group by key, label
order by amount_minor desc, before_minor desc, label, key
limit $limit
