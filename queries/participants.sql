-- People who take part, with what was bought, earned and chosen, and when they were last active.
-- Active: something within the last $days days. Newly inactive: the last thing lies in the $days days before those.
-- Where a company collects, its sales and points are its people's; else each person's claims are.
-- Bought: approved claims of the person where people collect, else sales to the company, in the days looked at.
-- grain: one row per active participant, the most bought first
-- parameters:
--   programme_id uuid: of this programme
--   collects varchar: 'company' or 'participant', whose account the programme fills
--   currency varchar: ISO 4217; sales in others are left out
--   today date: the day to look back from, inclusive
--   days integer: without a sale or points for so many days a person counts as inactive
--   region_ids uuid[]: companies of these regions only; null: of all
--   participant_group varchar: people of this group only; null: of every
--   words varchar: people whose name or code, or whose company's, holds this; '' finds all
--   activity varchar: people of this activity only; null: of every
--   participant_id uuid: this participant only; null: all
--   since date: first day of what was bought, earned and chosen, inclusive; up to $today
--   time_zone varchar: IANA name of the zone whose days count for orders
--   limit bigint: how many rows at most
--   offset bigint: how many to leave out first
-- sorts:
--   name: folded(t.display_name)
--   active: t.last_on
--   bought: bought_minor
--   points: points
--   balance: balance
--   orders: orders
--   company: folded(t.company_name)
--   region: folded(t.region_name)
with traced as (
    select t.id as participant_id, s.sold_on as on_day
    from participant t
    join (
        select company_id, max(sold_on) as sold_on
        from sales_company_day
        where currency = $currency and sold_on <= $today
        group by company_id
    ) s on s.company_id = t.company_id
    where $collects = 'company'
    union all
    select t.id, a.happened_on
    from participant t
    join (
        select company_id, max(happened_on) as happened_on
        from award_company_day
        where programme_id = cast($programme_id as uuid) and happened_on <= $today and points_earned > 0
        group by company_id
    ) a on a.company_id = t.company_id
    where $collects = 'company'
    union all
    select k.participant_id, max(k.sold_on)
    from claim k
    where k.programme_id = cast($programme_id as uuid)
        and k.participant_id is not null
        and k.state <> 'rejected'
        and k.sold_on <= $today
    group by k.participant_id
),
active as (
    select participant_id, max(on_day) as last_on from traced group by participant_id
),
placed as (
    select
        t.id as participant_id,
        t.code,
        t.company_id,
        t.participant_group,
        t.is_owner,
        c.code as company_code,
        c.name as company_name,
        coalesce(r.name, '') as region_name,
        coalesce(n.display_name, t.code) as display_name,
        a.last_on,
        case
            when a.last_on is null then 'never'
            when a.last_on > $today - cast($days as integer) then 'active'
            when a.last_on > $today - 2 * cast($days as integer) then 'newly_inactive'
            else 'inactive'
        end as activity
    from participant t
    join company c on c.id = t.company_id
    left join region r on r.id = c.region_id
    left join participant_person n on n.participant_id = t.id
    left join active a on a.participant_id = t.id
    where t.state = 'active'
        and (cast($region_ids as uuid[]) is null or list_contains(cast($region_ids as uuid[]), c.region_id))
        and ($participant_group is null or t.participant_group = $participant_group)
        and (
            $words = ''
            or contains(
                folded(t.code || ' ' || coalesce(n.display_name, '') || ' ' || c.code || ' ' || c.name),
                folded($words)
            )
        )
),
bought as (
    select t.id as participant_id, s.amount_minor
    from participant t
    join (
        select company_id, sum(amount_minor) as amount_minor
        from sales_company_day
        where currency = $currency and sold_on between $since and $today
        group by company_id
    ) s on s.company_id = t.company_id
    where $collects = 'company'
    union all
    select k.participant_id, cast(round(sum(l.amount_minor * k.approved_quantity / l.quantity), 0) as bigint)
    from claim k
    join sales_line l on l.id = k.sales_line_id
    where $collects <> 'company'
        and k.programme_id = cast($programme_id as uuid)
        and k.participant_id is not null
        and k.state = 'approved'
        and k.sold_on between $since and $today
        and l.quantity <> 0
    group by k.participant_id
),
earned as (
    select t.id as participant_id, d.points
    from participant t
    join (
        select company_id, sum(points_earned - points_taken) as points
        from award_company_day
        where programme_id = cast($programme_id as uuid) and happened_on between $since and $today
        group by company_id
    ) d on d.company_id = t.company_id
    where $collects = 'company'
    union all
    select k.participant_id, sum(a.points)
    from award a
    join claim k on k.number = a.claim_number
    where $collects <> 'company'
        and a.programme_id = cast($programme_id as uuid)
        and k.participant_id is not null
        and a.happened_on between $since and $today
    group by k.participant_id
),
held as (
    select
        case when kind = 'participant' then owner_id end as participant_id,
        case when kind = 'company' then owner_id end as company_id,
        balance
    from account
    where programme_id = cast($programme_id as uuid) and kind in ('participant', 'company')
),
chosen as (
    select
        o.participant_id,
        count(*) as orders,
        sum(o.cost_minor) as cost_minor,
        arg_max(w.name, o.number) as last_reward
    from reward_order o
    join reward w on w.id = o.reward_id
    where o.programme_id = cast($programme_id as uuid)
        and o.state in ('awaiting_code', 'awaiting_finance', 'approved')
        and cast(o.ordered_at at time zone $time_zone as date) between $since and $today
    group by o.participant_id
)
select
    cast(t.participant_id as varchar) as participant_id,
    t.code,
    t.display_name,
    t.participant_group,
    t.is_owner,
    t.company_code,
    t.company_name,
    t.region_name,
    t.activity,
    t.last_on,
    cast(coalesce(b.amount_minor, 0) as bigint) as bought_minor,
    cast(coalesce(e.points, 0) as bigint) as points,
    cast(coalesce(own.balance, shared.balance, 0) as bigint) as balance,
    cast(coalesce(h.orders, 0) as bigint) as orders,
    cast(coalesce(h.cost_minor, 0) as bigint) as reward_cost_minor,
    coalesce(h.last_reward, '') as last_reward
from placed t
left join bought b on b.participant_id = t.participant_id
left join earned e on e.participant_id = t.participant_id
left join held own on own.participant_id = t.participant_id
left join held shared on shared.company_id = t.company_id
left join chosen h on h.participant_id = t.participant_id
where ($activity is null or t.activity = $activity)
    and (cast($participant_id as uuid) is null or t.participant_id = cast($participant_id as uuid))
order by /* sort */ bought_minor desc, points desc, t.display_name, t.code
limit $limit offset $offset
