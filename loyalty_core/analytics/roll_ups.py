"""How the roll-ups follow the facts: each increment is added up once and merged in.

`{lines}` and `{awards}` are the rows that just came; each row comes once. They are merged in the order
of days, so that after a first load a span of days lies together.

A line that takes another back, because its import was undone, counts as that one less: it is no return of goods. The
receipts that such lines touch are looked for anew among all lines that stand; one without any is none.
"""

AFTER_LINES = (
    """
    merge into raw.sales_day as kept
    using (
        select sold_on, company_id, product_id, currency,
            sum(case when reverses_id is null then 1 else -1 end) as lines,
            coalesce(sum(case when reverses_id is null then 1 else -1 end)
                filter (where (quantity < 0) = (reverses_id is null)), 0) as return_lines,
            sum(quantity) as quantity,
            sum(amount_minor) as amount_minor,
            coalesce(-sum(amount_minor) filter (where (quantity < 0) = (reverses_id is null)), 0)
                as returned_minor
        from {lines}
        group by sold_on, company_id, product_id, currency
        order by sold_on
    ) as came
    on kept.sold_on = came.sold_on and kept.company_id = came.company_id
        and kept.product_id = came.product_id and kept.currency = came.currency
    when matched then update set
        lines = kept.lines + came.lines,
        return_lines = kept.return_lines + came.return_lines,
        quantity = kept.quantity + came.quantity,
        amount_minor = kept.amount_minor + came.amount_minor,
        returned_minor = kept.returned_minor + came.returned_minor
    when not matched then insert values (
        came.sold_on, came.company_id, came.product_id, came.currency,
        came.lines, came.return_lines, came.quantity, came.amount_minor, came.returned_minor
    )
    """,
    """
    merge into raw.sales_company_day as kept
    using (
        select sold_on, company_id, currency,
            sum(case when reverses_id is null then 1 else -1 end) as lines,
            coalesce(sum(case when reverses_id is null then 1 else -1 end)
                filter (where (quantity < 0) = (reverses_id is null)), 0) as return_lines,
            sum(amount_minor) as amount_minor,
            coalesce(-sum(amount_minor) filter (where (quantity < 0) = (reverses_id is null)), 0)
                as returned_minor
        from {lines}
        group by sold_on, company_id, currency
        order by sold_on
    ) as came
    on kept.sold_on = came.sold_on and kept.company_id = came.company_id and kept.currency = came.currency
    when matched then update set
        lines = kept.lines + came.lines,
        return_lines = kept.return_lines + came.return_lines,
        amount_minor = kept.amount_minor + came.amount_minor,
        returned_minor = kept.returned_minor + came.returned_minor
    when not matched then insert values (
        came.sold_on, came.company_id, came.currency, came.lines, came.return_lines, came.amount_minor,
        came.returned_minor
    )
    """,
    # The first line of each invoice that stands, before and after; null where none does any longer.
    """
    create or replace temp table receipt_moves as
    with touched as (
        select distinct company_id, invoice_no from {lines} where reverses_id is not null
    ),
    came as (
        select company_id, invoice_no, min(sold_on) as first_on,
            arg_min(id, (sold_on, id)) as first_id, arg_min(currency, (sold_on, id)) as currency, false as is_anew
        from {lines} anti join touched using (company_id, invoice_no)
        group by company_id, invoice_no
        union all
        select t.company_id, t.invoice_no, min(l.sold_on), arg_min(l.id, (l.sold_on, l.id)),
            arg_min(l.currency, (l.sold_on, l.id)), true
        from touched t
        left join (
            select * from raw.sales_line s
            where s.reverses_id is null and not exists (select 1 from raw.sales_line r where r.reverses_id = s.id)
        ) l on l.company_id = t.company_id and l.invoice_no = t.invoice_no
        group by t.company_id, t.invoice_no
    )
    select came.*, kept.first_on as kept_on, kept.currency as kept_currency
    from came
    left join raw.receipt as kept on kept.company_id = came.company_id and kept.invoice_no = came.invoice_no
    where case when is_anew then came.first_id is distinct from kept.first_id
        else kept.first_on is null or (came.first_on, came.first_id) < (kept.first_on, kept.first_id) end
    """,
    """
    merge into raw.receipt as kept
    using receipt_moves as came
    on kept.company_id = came.company_id and kept.invoice_no = came.invoice_no
    when matched and came.first_id is null then delete
    when matched then update set first_on = came.first_on, first_id = came.first_id, currency = came.currency
    when not matched then insert values (
        came.company_id, came.invoice_no, came.first_on, came.first_id, came.currency
    )
    """,
    """
    merge into raw.receipt_day as kept
    using (
        select sold_on, company_id, currency, sum(receipts) as receipts
        from (
            select first_on as sold_on, company_id, currency, 1 as receipts from receipt_moves
            where first_on is not null
            union all
            select kept_on, company_id, kept_currency, -1 from receipt_moves where kept_on is not null
        ) as moves
        group by sold_on, company_id, currency
        having sum(receipts) <> 0
    ) as came
    on kept.sold_on = came.sold_on and kept.company_id = came.company_id and kept.currency = came.currency
    when matched then update set receipts = kept.receipts + came.receipts
    when not matched then insert values (came.sold_on, came.company_id, came.currency, came.receipts)
    """,
    "delete from raw.receipt_day where receipts = 0",
    "drop table receipt_moves",
)

AFTER_AWARDS = (
    """
    merge into raw.award_day as kept
    using (
        select happened_on, company_id, product_id, programme_id,
            coalesce(sum(points) filter (where points > 0), 0) as points_earned,
            coalesce(-sum(points) filter (where points < 0), 0) as points_taken
        from {awards}
        group by happened_on, company_id, product_id, programme_id
        order by happened_on
    ) as came
    on kept.happened_on = came.happened_on and kept.company_id = came.company_id
        and kept.product_id = came.product_id and kept.programme_id = came.programme_id
    when matched then update set
        points_earned = kept.points_earned + came.points_earned,
        points_taken = kept.points_taken + came.points_taken
    when not matched then insert values (
        came.happened_on, came.company_id, came.product_id, came.programme_id,
        came.points_earned, came.points_taken
    )
    """,
    """
    merge into raw.award_company_day as kept
    using (
        select happened_on, company_id, programme_id,
            coalesce(sum(points) filter (where points > 0), 0) as points_earned,
            coalesce(-sum(points) filter (where points < 0), 0) as points_taken
        from {awards}
        group by happened_on, company_id, programme_id
        order by happened_on
    ) as came
    on kept.happened_on = came.happened_on and kept.company_id = came.company_id
        and kept.programme_id = came.programme_id
    when matched then update set
        points_earned = kept.points_earned + came.points_earned,
        points_taken = kept.points_taken + came.points_taken
    when not matched then insert values (
        came.happened_on, came.company_id, came.programme_id, came.points_earned, came.points_taken
    )
    """,
)
