-- `told`: each claim that the rules judged, with its last verdict and what became of it since.
-- A claim counts with its last verdict and the last decision of a person on it; those of an undone file don't count.
-- Right is a match that was granted as it was claimed, by rule and left so, by approval, or by a correction to the
-- same; a mistyped invoice whose units were laid to the line it was taken for; a wrong date unless they were laid to
-- another line; an unknown invoice, or another company's, unless it was approved as it stood; a repeated claim that
-- was granted nothing; more than sold where less than claimed was granted.
-- It asks for since, until, time_zone and programme_id, which the queries that begin with it describe.
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
                or (coalesce(s.sales_line_id = j.sales_line_id, false) and s.quantity = c.quantity)
            when j.verdict = 'typo_in_invoice' then coalesce(s.sales_line_id = j.sales_line_id, false)
            when j.verdict = 'wrong_date' then coalesce(s.sales_line_id = j.sales_line_id, true)
            when j.verdict in ('unknown_invoice', 'unknown_product', 'claimed_by_another_customer')
                then s.kind <> 'approve'
            when j.verdict = 'duplicate_claim' then s.sales_line_id is null
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
