-- Sales less returns, points, lines and companies with sales, month by month within a span of days.
-- grain: one row per month with sales, by its first day
-- parameters:
--   programme_id uuid: points of this programme
--   currency varchar: ISO 4217 of the programme; sales in others are left out
--   time_zone varchar: IANA name of the zone whose days count; null: each line's own days
--   since date: first day, inclusive
--   until date: last day, inclusive
--   company_id uuid: this company only; null: all
with sold as (
    select d.sold_on as day, d.company_id, d.amount_minor, d.lines
    from sales_day d
    where $time_zone is null and d.currency = $currency and d.sold_on between $since and $until
        and (cast($company_id as uuid) is null or d.company_id = cast($company_id as uuid))
    union all
    select cast(l.sold_at at time zone $time_zone as date) as day, l.company_id, l.amount_minor,
        case when l.reverses_id is null then 1 else -1 end as lines
    from sales_line l
    where $time_zone is not null and l.currency = $currency and l.sold_on between $since - 2 and $until + 2
        and (cast($company_id as uuid) is null or l.company_id = cast($company_id as uuid))
),

awarded as (
    select d.happened_on as day, d.points_earned - d.points_taken as points
    from award_day d
    where $time_zone is null and d.programme_id = cast($programme_id as uuid)
        and d.happened_on between $since and $until
        and (cast($company_id as uuid) is null or d.company_id = cast($company_id as uuid))
    union all
    select cast(l.sold_at at time zone $time_zone as date) as day, a.points
    from award a
    join sales_line l on l.id = a.sales_line_id
    where $time_zone is not null and a.programme_id = cast($programme_id as uuid)
        and a.happened_on between $since - 2 and $until + 2
        and (cast($company_id as uuid) is null or a.company_id = cast($company_id as uuid))
),

sold_months as (
    select
        cast(date_trunc('month', day) as date) as month,
        sum(amount_minor) as net_minor,
        sum(lines) as lines,
        count(distinct company_id) as companies
    from sold
    where day between $since and $until
    group by 1
),

awarded_months as (
    select cast(date_trunc('month', day) as date) as month, sum(points) as points
    from awarded
    where day between $since and $until
    group by 1
)

select
    s.month,
    cast(s.net_minor as bigint) as net_minor,
    cast(coalesce(a.points, 0) as bigint) as points,
    cast(s.lines as bigint) as lines,
    s.companies
from sold_months s
left join awarded_months a on a.month = s.month
order by s.month
