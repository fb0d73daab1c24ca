"""A row per company or region in every table of the daily work, put there by the owner."""

from typing import Any

import psycopg

_PER_COMPANY = (
    "insert into participant (id, code, company_id, participant_group, user_id, state, requested_by_name,"
    " requested_at, decided_at, decided_by) select gen_random_uuid(), 'P-' || c.code, c.id, 'wholesaler', u.id,"
    " 'active', 'test', now(), now(), gen_random_uuid() from company c"
    " join app_user u on u.name = lower('buyer-' || c.code)",
    "insert into participant_person (participant_id, company_id, display_name, recorded_at)"
    " select id, company_id, code, now() from participant",
    "insert into claim (claim_no, programme_id, company_id, participant_id, source, invoice_no, product_code,"
    " quantity, sold_on, state, revision, entered_by_name, recorded_at, decided_at)"
    " select 'K-1', (select id from programme), p.company_id, p.id, 'phone', l.invoice_no, a.code, 1, l.sold_on,"
    " 'rejected', 1, 'test', now(), now() from participant p join product a on true join lateral (select * from"
    " sales_line l where l.company_id = p.company_id and l.product_id = a.id and l.quantity > 0 limit 1) l on true",
    "insert into claim_decision (claim_number, revision, programme_id, company_id, kind, amount_minor, sold_on, reason,"
    " decided_by_name, decided_at) select number, 1, programme_id, company_id, 'reject', 0, sold_on,"
    " 'unknown', 'test', now() from claim",
    "insert into claimed_line (sales_line_id, company_id, units_sold, units_claimed)"
    " select min(id), company_id, 1, 1 from sales_line group by company_id",
    "insert into claim_further_line (claim_number, revision, sales_line_id, company_id, quantity, amount_minor)"
    " select c.number, 1, n.sales_line_id, c.company_id, 1, 1 from claim c join claimed_line n"
    " on n.company_id = c.company_id",
    "insert into repeated_line (company_id, line_key, occurrence, import_id, row_no)"
    " select company_id, line_key, occurrence, gen_random_uuid(), row_no from sales_line",
    "insert into import_change (import_id, row_no, record) select id, 1, 'C1' from file_import",
    "insert into import_repair (id, request_key, import_id, cells, state, requested_by_name, requested_at)"
    " select gen_random_uuid(), gen_random_uuid(), id, '[]', 'queued', 'test', now() from file_import",
    "insert into row_correction (repair_id, import_id, row_no, before, after)"
    " select id, import_id, 1, '{}', '{}' from import_repair",
    "insert into claim_document (id, company_id, sha256, media_type, size_bytes, added_by_name, recorded_at)"
    " select gen_random_uuid(), id, repeat('0', 64), 'image/png', 1, 'test', now() from company",
    "insert into claim_verdict (claim_number, programme_id, company_id, verdict, judged_at)"
    " select number, programme_id, company_id, 'match', now() from claim",
    "insert into claim_event (claim_number, programme_id, company_id, kind, happened_by_name, recorded_at)"
    " select number, programme_id, company_id, 'assigned', 'test', now() from claim",
    "insert into claim_proposal (id, claim_number, programme_id, company_id, kind, amount_minor, payload_hash,"
    " proposed_by, proposed_by_name, proposed_at) select gen_random_uuid(), number, programme_id, company_id, 'reject',"
    " 0, '', (select min(id::text)::uuid from app_user), 'test', now() from claim",
    "insert into claim_attachment (claim_number, document_id, programme_id, company_id, added_by_name, recorded_at)"
    " select c.number, d.id, c.programme_id, c.company_id, 'test', now()"
    " from claim c join claim_document d on d.company_id = c.company_id",
    "insert into reward (id, programme_id, code, name, kind, category, points, cost_minor, starts_on, ends_on,"
    " state, recorded_at) select gen_random_uuid(), id, 'MUG', 'Mug', 'merchandise', 'kitchen', 10, 500,"
    " current_date, current_date, 'offered', now() from programme",
    "insert into entitlement (id, company_id, participant_id, granted_by, granted_by_name, granted_at)"
    " select gen_random_uuid(), company_id, id, user_id, 'test', now() from participant",
    "insert into reward_order (id, request_key, programme_id, company_id, participant_id, requested_by,"
    " requested_by_name, account_id, reward_id, points, cost_minor, currency, spend_posting_id, payload_hash, state,"
    " ordered_at) select gen_random_uuid(), gen_random_uuid(), r.programme_id, p.company_id, p.id, p.user_id,"
    " 'test', gen_random_uuid(), r.id, 10, 500, 'EUR',"
    " coalesce((select min(u.posting_id) from lot_use u where u.company_id = p.company_id), 1), '',"
    " 'awaiting_finance', now()"
    " from participant p cross join reward r",
    "insert into order_event (order_id, company_id, state, is_funded, caused_by_name, recorded_at)"
    " select id, company_id, state, false, 'test', now() from reward_order",
)

_PER_REGION = (
    "insert into budget (id, programme_id, region_id, starts_on, ends_on, currency, set_minor, recorded_at)"
    " select gen_random_uuid(), p.id, r.id, '2026-01-01', '2026-03-31', 'EUR', 1000, now()"
    " from region r cross join programme p",
    "insert into budget_change (id, request_key, programme_id, region_id, starts_on, ends_on, currency, after_minor,"
    " reason, payload_hash, state, asked_by, asked_by_name, asked_at)"
    " select gen_random_uuid(), gen_random_uuid(), b.programme_id, b.region_id, b.starts_on, b.ends_on, 'EUR', 1000,"
    " 'first', '', 'waiting', (select min(id::text)::uuid from app_user), 'test', now() from budget b",
    "insert into budget_movement (budget_id, region_id, kind, amount_minor, change_id, set_after_minor,"
    " reserved_after_minor, spent_after_minor, moved_by_name, recorded_at)"
    " select b.id, b.region_id, 'set', 1000, c.id, 1000, 0, 0, 'test', now()"
    " from budget b join budget_change c on c.region_id = b.region_id",
    "insert into company_registration (id, request_key, code, name, kind, region_id, state, requested_by_name,"
    " requested_at) select gen_random_uuid(), gen_random_uuid(), 'N-' || code, 'New', 'wholesaler', id, 'waiting',"
    " 'test', now() from region",
)


def fill_daily_work(owner: "psycopg.Connection[Any]") -> None:
    """Add the rows for every company, region and programme that is there already."""
    with owner.transaction():
        owner.execute("select set_config('laurel.everything', 'on', true)")
        owner.execute(
            "insert into app_user (id, name, display_name, password_hash, state, created_at, password_changed_at)"
            " select gen_random_uuid(), lower('buyer-' || code), code, '', 'active', now(), now() from company"
        )
        for statement in (*_PER_COMPANY, *_PER_REGION):
            assert owner.execute(statement).rowcount > 0, statement
