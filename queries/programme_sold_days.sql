-- The first and the last day with a sale within a programme's span.
-- grain: one row; null days where nothing was sold
-- parameters:
--   currency varchar: ISO 4217 of the programme; sales in others are left out
--   time_zone varchar: IANA name of the zone whose days count; null: each line's own days
--   since date: first day, inclusive
--   until date: last day, inclusive
select min(day) as first_sold_on, max(day) as last_sold_on
from (
    select d.sold_on as day
    from sales_day d
    where $time_zone is null and d.currency = $currency and d.sold_on between $since and $until
    union all
    select cast(l.sold_at at time zone $time_zone as date) as day
    from sales_line l
    where $time_zone is not null and l.currency = $currency and l.sold_on between $since - 2 and $until + 2
) sold
where day between $since and $until
