-- What people decided of the claims that the rules judged, and how often they agreed.
-- told_claims says what counts and what was right.
-- with: told_claims
-- grain: one row per programme, month of the verdict and verdict
-- parameters:
--   since date: first day of verdicts, inclusive
--   until date: last day of verdicts, inclusive
--   time_zone varchar: IANA name of the zone whose days and months count
--   programme_id uuid: claims of this programme only; null: of all, and those of none
select
    cast(t.programme_id as varchar) as programme_id,
    cast(date_trunc('month', cast(t.judged_at at time zone $time_zone as date)) as date) as month,
    t.verdict,
    count(*) as claims,
    cast(sum(case when t.outcome = 'approved' then 1 else 0 end) as bigint) as approved,
    cast(sum(case when t.outcome = 'rejected' then 1 else 0 end) as bigint) as rejected,
    cast(sum(case when t.outcome = 'corrected' then 1 else 0 end) as bigint) as corrected,
    cast(sum(case when t.outcome = 'by_rule' then 1 else 0 end) as bigint) as by_rule,
    cast(sum(case when t.outcome = 'waiting' then 1 else 0 end) as bigint) as waiting,
    cast(sum(case when t.was_right then 1 else 0 end) as bigint) as were_right,
    sum(case when not t.was_right then 1 else 0 end) as were_wrong,
    cast(sum(case when t.was_by_rule and not t.was_right then 1 else 0 end) as bigint) as wrong_by_rule
from told t
group by 1, 2, 3
order by 2, 3, 1
