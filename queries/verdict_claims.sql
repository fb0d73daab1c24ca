-- The claims behind a figure of verdict_precision; told_claims says what counts and what was right.
-- with: told_claims
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
