-- Where the companies stand in a programme by the points that their lines sold in a span hold now.
-- Equal points share a rank, and the next one counts them all. Ranks count everybody who had sales in the span;
-- region_ids and words only choose which places are returned.
-- grain: one row per company with sales in the span, the best first; the last three columns are those of all
--   places that are chosen, whatever the limit
-- parameters:
--   programme_id uuid: points of this programme
--   currency varchar: ISO 4217 of the programme; sales in others are left out
--   time_zone varchar: IANA name of the zone whose days count; null: each line's own days
--   since date: first day, inclusive
--   until date: last day, inclusive
--   before_since date: first day of the span that movement is told against; null: no such span
--   before_until date: its last day, inclusive; null: no such span
--   region_ids uuid[]: companies of these regions only; null: all
--   words varchar: companies with them in code or name; '' finds all
--   limit bigint: at most so many places; null: all
--   offset bigint: leave out so many of the first
with sold as (
    select
        key,
        sum(amount_minor) filter (where is_now) as net_minor,
        count(*) filter (where is_now) > 0 as sold_now,
        count(*) filter (where is_before) > 0 as sold_before
    from (
        select
            key,
            amount_minor,
            day between $since and $until as is_now,
            coalesce(day between $before_since and $before_until, false) as is_before
        from (
            select d.company_id as key, d.amount_minor, d.sold_on as day
            from sales_day d
            where $time_zone is null and d.currency = $currency
                and d.sold_on between least($since, coalesce($before_since, $since)) and greatest($until, coalesce($before_until, $until))
            union all
            select l.company_id as key, l.amount_minor, cast(l.sold_at at time zone $time_zone as date) as day
            from sales_line l
            where $time_zone is not null and l.currency = $currency
                and l.sold_on between least($since, coalesce($before_since, $since)) - 2 and greatest($until, coalesce($before_until, $until)) + 2
        ) lines
    ) spans
    where is_now or is_before
    group by key
),

awarded as (
    select
        key,
        sum(points) filter (where day between $since and $until) as points,
        sum(points) filter (where day between $before_since and $before_until) as previous_points
    from (
        select d.company_id as key, d.points_earned - d.points_taken as points, d.happened_on as day
        from award_day d
        where $time_zone is null and d.programme_id = cast($programme_id as uuid)
            and d.happened_on between least($since, coalesce($before_since, $since)) and greatest($until, coalesce($before_until, $until))
        union all
        select a.company_id as key, a.points, cast(l.sold_at at time zone $time_zone as date) as day
        from award a
        join sales_line l on l.id = a.sales_line_id
        where $time_zone is not null and a.programme_id = cast($programme_id as uuid)
            and a.happened_on between least($since, coalesce($before_since, $since)) - 2 and greatest($until, coalesce($before_until, $until)) + 2
    ) awards
    group by key
),

totals as (
    select
        s.key,
        s.net_minor,
        s.sold_now,
        s.sold_before,
        coalesce(a.points, 0) as points,
        coalesce(a.previous_points, 0) as previous_points
    from sold s
    left join awarded a on a.key = s.key
),

ranked_now as (
    select key, net_minor, points, rank() over (order by points desc) as rank
    from totals
    where sold_now
),

ranked_before as (
    select key, previous_points, rank() over (order by previous_points desc) as previous_rank
    from totals
    where sold_before
)

select
    w.rank,
    n.code,
    n.name,
    coalesce(r.name, '') as region_name,
    cast(w.points as bigint) as points,
    cast(w.net_minor as bigint) as net_minor,
    b.previous_rank,
    cast(b.previous_points as bigint) as previous_points,
    count(*) over () as places,
    cast(sum(w.points) over () as bigint) as points_of_all,
    cast(sum(w.net_minor) over () as bigint) as net_of_all_minor
from ranked_now w
join company n on n.id = w.key
left join ranked_before b on b.key = w.key
left join region r on r.id = n.region_id
where ($words = '' or contains(folded(n.code || ' ' || n.name), folded($words)))
    and (cast($region_ids as uuid[]) is null or list_contains(cast($region_ids as uuid[]), n.region_id))
order by rank, net_minor desc, n.code
limit $limit
offset $offset
