-- Receipts that hold some of the chosen products, by region, company, salesperson, group or product,
-- counted one by one. One receipt counts once in each of its rows, so rows need not add up.
-- grain: one row per region, company, salesperson, group, product group, brand or product with sales, the most first
-- parameters:
--   dimension varchar: 'region', 'company', 'salesperson', 'group', 'product_group', 'brand' or 'product'
--   since date: first day, inclusive
--   until date: last day, inclusive
--   before_since date: first day of the days to compare with; null: nothing to compare with
--   before_until date: their last day, inclusive; null as well
--   currency varchar: ISO 4217; sales in others are left out
--   region_ids uuid[]: companies of these regions only; null: of all
--   kind varchar: companies of this kind only; null: of every
--   company_id uuid: this company only; null: all
--   salesperson_id uuid: companies of this salesperson only, the zero id those of nobody; null: all
--   product_group varchar: products of this group only, '' those without one; null: all
--   brand varchar: products of this brand only, '' those without one; null: all
--   product_id uuid: this product only; null: all
--   limit bigint: how many rows at most
with named as (
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
        s.sold_on,
        cast(s.company_id as varchar) || ' ' || s.invoice_no as receipt
    from sales_line s
    join company c on c.id = s.company_id
    left join region r on r.id = c.region_id
    left join app_user u on u.id = c.salesperson_id
    join product p on p.id = s.product_id
    where s.currency = $currency
        -- Nothing that was taken back with its import.
        and s.reverses_id is null
        and not exists (select 1 from sales_line b where b.reverses_id = s.id and b.reverses_id is not null)
        and (s.sold_on between $since and $until or s.sold_on between $before_since and $before_until)
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
    cast(count(distinct case when sold_on between $since and $until then receipt end) as bigint) as receipts,
    cast(count(distinct case when sold_on between $before_since and $before_until then receipt end) as bigint)
        as before_receipts
from named
group by key, label
order by receipts desc, before_receipts desc, label, key
limit $limit
