-- Receipts by region, company, salesperson or group, beside those of the days to compare with.
-- grain: one row per region, company, salesperson or group with receipts, the most first
-- parameters:
--   dimension varchar: 'region', 'company', 'salesperson' or 'group'
--   since date: first day, inclusive
--   until date: last day, inclusive
--   before_since date: first day of the days to compare with; null: nothing to compare with
--   before_until date: their last day, inclusive; null as well
--   currency varchar: ISO 4217; sales in others are left out
--   region_ids uuid[]: companies of these regions only; null: of all
--   kind varchar: companies of this kind only; null: of every
--   company_id uuid: this company only; null: all
--   salesperson_id uuid: companies of this salesperson only, the zero id those of nobody; null: all
--   limit bigint: how many rows at most
with counted as (
    select
        company_id,
        sum(case when sold_on between $since and $until then receipts else 0 end) as receipts,
        sum(case when sold_on between $before_since and $before_until then receipts else 0 end)
            as before_receipts
    from receipt_day
    where currency = $currency
        and (sold_on between $since and $until or sold_on between $before_since and $before_until)
    group by company_id
),
named as (
    select
        case $dimension
            when 'region' then cast(c.region_id as varchar)
            when 'company' then cast(c.id as varchar)
            when 'salesperson' then coalesce(cast(c.salesperson_id as varchar), '')
            when 'group' then c.kind
        end as key,
        case $dimension
            when 'region' then coalesce(r.name, '')
            when 'company' then c.name
            when 'salesperson' then coalesce(u.display_name, '')
            when 'group' then c.kind
        end as label,
        s.receipts, s.before_receipts
    from counted s
    join company c on c.id = s.company_id
    left join region r on r.id = c.region_id
    left join app_user u on u.id = c.salesperson_id
    where (cast($region_ids as uuid[]) is null or list_contains(cast($region_ids as uuid[]), c.region_id))
        and ($kind is null or c.kind = $kind)
        and (cast($company_id as uuid) is null or c.id = cast($company_id as uuid))
        and (
            cast($salesperson_id as uuid) is null
            or coalesce(c.salesperson_id, cast('00000000-0000-0000-0000-000000000000' as uuid))
            = cast($salesperson_id as uuid)
        )
)
select
    key,
    label,
    cast(sum(receipts) as bigint) as receipts,
    cast(sum(before_receipts) as bigint) as before_receipts
from named
group by key, label
order by receipts desc, before_receipts desc, label, key
limit $limit
