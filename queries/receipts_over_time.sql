-- Receipts by day, week or month: each invoice of a company once, on its first day.
-- grain: one row per stretch of days with a new receipt, by its first day
-- parameters:
--   bucket varchar: 'day', 'week' (from Monday) or 'month'
--   since date: first day, inclusive
--   until date: last day, inclusive
--   currency varchar: ISO 4217; sales in others are left out
--   region_ids uuid[]: companies of these regions only; null: of all
--   kind varchar: companies of this kind only; null: of every
--   company_id uuid: this company only; null: all
--   salesperson_id uuid: companies of this salesperson only, the zero id those of nobody; null: all
select
    cast(date_trunc($bucket, d.sold_on) as date) as bucket,
    cast(sum(d.receipts) as bigint) as receipts
from receipt_day d
join company c on c.id = d.company_id
where d.sold_on between $since and $until
    and d.currency = $currency
    and (cast($region_ids as uuid[]) is null or list_contains(cast($region_ids as uuid[]), c.region_id))
    and ($kind is null or c.kind = $kind)
    and (cast($company_id as uuid) is null or c.id = cast($company_id as uuid))
    and (
        cast($salesperson_id as uuid) is null
        or coalesce(c.salesperson_id, cast('00000000-0000-0000-0000-000000000000' as uuid))
        = cast($salesperson_id as uuid)
    )
group by 1
order by 1
