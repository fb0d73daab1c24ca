-- The points that accounts of a programme hold and owe: what the open liability is counted from.
-- grain: one row
-- parameters:
--   programme_id uuid: of this programme
select
    cast(coalesce(sum(case when balance > 0 then balance else 0 end), 0) as bigint) as held,
    cast(coalesce(-sum(case when balance < 0 then balance else 0 end), 0) as bigint) as owed,
    cast(coalesce(sum(case when balance > 0 then 1 else 0 end), 0) as bigint) as accounts
from account
where programme_id = cast($programme_id as uuid) and kind <> 'system'
