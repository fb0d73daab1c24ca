-- What a budget had left at the end of each day on which it moved.
-- grain: one row per day with a movement of the budget
-- parameters:
--   budget_id uuid: of this budget
--   time_zone varchar: IANA name of the zone whose days count
select
    cast(recorded_at at time zone $time_zone as date) as moved_on,
    cast(
        max_by(set_after_minor - reserved_after_minor - spent_after_minor, id) as bigint
    ) as available_minor
from budget_movement
where budget_id = cast($budget_id as uuid)
group by 1
order by 1
