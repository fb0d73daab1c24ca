-- The claims behind a figure of verdict_precision, which says what counts and what was right.
-- grain: one row per claim, those decided last first, then those that wait, the oldest verdict first
-- parameters:
--   since date: first day of verdicts, inclusive
--   until date: last day of verdicts, inclusive
--   time_zone varchar: IANA name of the zone whose days count
--   programme_id uuid: claims of this programme only; null: of all, and those of none
--   verdict varchar: of this verdict only; null: of every
--   outcome varchar: 'all', 'approved', 'rejected', 'corrected', 'by_rule', 'waiting', 'wrong' or 'wrong_by_rule'
--   limit bigint: how many rows at most
--   offset bigint: how many to leave out first
with known as (
    -- A claim whose sale was undone begins anew; what was decided before was about another sale.
    select claim_number, max(case when kind = 'reopen' then revision else 0 end) as reopened
    from claim_decision
    group by claim_number
),
said as (
    select
        d.claim_number, d.kind, d.sales_line_id, d.quantity, d.decided_at,
        row_number() over (partition by d.claim_number order by d.revision desc) as place
    from claim_decision d
    join known k on k.claim_number = d.claim_number
    where d.revision > k.reopened and not d.is_by_rule and d.kind in ('approve', 'reject', 'correct')
),
by_rule as (
    select d.claim_number, max(d.quantity) as quantity, max(d.decided_at) as decided_at
    from claim_decision d
    join known k on k.claim_number = d.claim_number
    where d.revision > k.reopened and d.is_by_rule and d.kind = 'approve'
    group by d.claim_number
),
judged as (
    -- The last verdict is the one that was decided by: what is decided is not judged again.
    select
        v.claim_number, v.programme_id, v.company_id, v.verdict, v.sales_line_id, v.proposed_invoice_no,
        v.judged_at, row_number() over (partition by v.claim_number order by v.id desc) as place
    from claim_verdict v
),
told as (
    select
        j.claim_number, j.programme_id, j.company_id, j.verdict, j.proposed_invoice_no, j.judged_at,
        c.claim_no, c.product_code, c.quantity, c.sold_on,
        case when s.kind is null then r.quantity else s.quantity end as granted,
        coalesce(s.decided_at, r.decided_at) as decided_at,
        r.claim_number is not null as was_by_rule,
        case
            when s.kind = 'approve' then 'approved'
            when s.kind = 'reject' then 'rejected'
            when s.kind = 'correct' then 'corrected'
            when r.claim_number is not null then 'by_rule'
            else 'waiting'
        end as outcome,
        case
            when s.kind is null then case when r.claim_number is not null then true end
            when j.verdict in ('match', 'match_partial') then s.kind = 'approve'
            when j.verdict = 'typo_in_invoice'
                then s.sales_line_id is not null and s.sales_line_id = j.sales_line_id
            when j.verdict = 'unknown_invoice' then s.kind <> 'approve'
            else s.quantity is null or s.quantity < c.quantity
        end as was_right
    from judged j
    join claim c on c.number = j.claim_number
    left join said s on s.claim_number = j.claim_number and s.place = 1
    left join by_rule r on r.claim_number = j.claim_number
    where j.place = 1
        and c.state <> 'withdrawn'
        and cast(j.judged_at at time zone $time_zone as date) between $since and $until
        and (cast($programme_id as uuid) is null or j.programme_id = cast($programme_id as uuid))
)
select
    t.claim_number as number,
    t.claim_no,
    coalesce(c.name, '') as company_name,
    t.product_code,
    t.quantity,
    t.granted,
    t.sold_on,
    t.verdict,
    t.proposed_invoice_no,
    t.judged_at,
    t.outcome,
    t.was_right,
    t.was_by_rule,
    t.decided_at
from told t
left join company c on c.id = t.company_id
where ($verdict is null or t.verdict = $verdict)
    and (
        $outcome = 'all'
        or t.outcome = $outcome
        or ($outcome = 'wrong' and not t.was_right)
        or ($outcome = 'wrong_by_rule' and t.was_by_rule and not t.was_right)
    )
order by t.decided_at is null, t.decided_at desc, t.judged_at, t.claim_number
limit $limit offset $offset
