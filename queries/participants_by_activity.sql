-- How many people who take part are active, newly inactive, inactive for longer, or never were active.
-- Active: something within the last $days days. Newly inactive: the last thing lies in the $days days before those.
-- Where a company collects, its sales and points are its people's; else each person's claims are.
-- grain: one row per activity that anybody has ('active', 'newly_inactive', 'inactive', 'never')
-- parameters:
--   programme_id uuid: of this programme
--   collects varchar: 'company' or 'participant', whose account the programme fills
--   currency varchar: ISO 4217; sales in others are left out
--   today date: the day to look back from, inclusive
--   days integer: without a sale or points for so many days a person counts as inactive
--   region_ids uuid[]: companies of these regions only; null: of all
--   participant_group varchar: people of this group only; null: of every
--   words varchar: people whose name or code, or whose company's, holds this; '' finds all
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
)
select activity, count(*) as participants
from placed
group by activity
order by activity
