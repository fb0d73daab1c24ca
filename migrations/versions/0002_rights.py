"""Roles, grants, row security, the staging schema and the job queue."""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Roles belong to the server, not to a database: another database may have made them already.
ROLES = {"laurel_app": "login", "laurel_replica": "nologin", "laurel_backup": "nologin"}

# table: (may insert, columns that may be updated, may delete). Facts: insert and nothing else.
APP_RIGHTS: dict[str, tuple[bool, tuple[str, ...], bool]] = {
    "account": (True, ('balance', 'version'), False),
    "app_user": (True, ('display_name', 'password_hash', 'password_is_temporary', 'password_changed_at', 'state', 'locale'), False),
    "audit_link": (True, (), False),
    "audit_mark": (True, ('low_txid', 'system_identifier'), False),
    "audit_record": (True, (), False),
    "award": (True, (), False),
    "company": (True, ('name', 'region_id', 'salesperson_id'), False),
    "export_file": (True, (), True),
    "file_import": (True, ('state', 'phase', 'phase_rows', 'runs', 'rows', 'accepted', 'quarantined', 'duplicates', 'reading', 'net_minor', 'reasons', 'checks', 'refusal', 'seconds', 'started_at', 'finished_at', 'decided_by', 'decided_by_name', 'decided_at', 'decision_reason'), False),
    "ledger_entry": (True, (), False),
    "lot": (True, ('remaining',), False),
    "lot_use": (True, (), False),
    "outlet": (True, ('name',), False),
    "posting": (True, (), False),
    "product": (True, ('name', 'brand', 'product_group'), False),
    "programme": (True, ('name', 'starts_on', 'ends_on', 'time_zone', 'current_version'), False),
    "programme_version": (True, (), False),
    "quarantined_row": (True, (), True),
    "received_file": (True, (), False),
    "region": (True, ('name', 'parent_id'), False),
    "sales_line": (True, (), False),
    "settlement": (True, (), False),
    "settlement_mark": (True, ('version', 'low_txid', 'system_identifier'), False),
    "settlement_request": (True, ('state', 'lines_scored', 'lines_total', 'refusal', 'settlement_id', 'finished_at'), False),
    "sign_in_failure": (True, ('failures', 'last_failed_at', 'blocked_until'), True),
    "sign_in_ticket": (True, ('used_at',), True),
    "user_role": (True, (), True),
    "user_scope": (True, (), True),
    "web_session": (True, ('last_seen_at', 'ended_at', 'ended_reason'), False),
}

EVERYTHING = "(select current_setting('laurel.everything', true) = 'on')"
# `in (select unnest(...))` is hashed; `= any(...)` would be walked for every row.
REGIONS = "(select unnest(string_to_array(current_setting('laurel.regions', true), ',')::uuid[]))"
COMPANIES = "(select unnest(string_to_array(current_setting('laurel.companies', true), ',')::uuid[]))"
USER = "(select nullif(current_setting('laurel.user', true), '')::uuid)"

# What belongs to a company is seen with the company, whose own policy the subquery obeys.
OF_A_SEEN_COMPANY = "company_id in (select id from company)"

POLICIES = {
    "region": f"{EVERYTHING} or id in {REGIONS}",
    "company": f"{EVERYTHING} or region_id in {REGIONS} or id in {COMPANIES}",
    "outlet": f"{EVERYTHING} or {OF_A_SEEN_COMPANY}",
    "sales_line": f"{EVERYTHING} or {OF_A_SEEN_COMPANY}",
    "award": f"{EVERYTHING} or {OF_A_SEEN_COMPANY}",
    # The programme's own accounts belong to no company and are everybody's.
    "account": f"{EVERYTHING} or company_id is null or {OF_A_SEEN_COMPANY}",
    "posting": f"{EVERYTHING} or {OF_A_SEEN_COMPANY}",
    "ledger_entry": f"{EVERYTHING} or {OF_A_SEEN_COMPANY}",
    "lot": f"{EVERYTHING} or {OF_A_SEEN_COMPANY}",
    "lot_use": f"{EVERYTHING} or {OF_A_SEEN_COMPANY}",
    # A file holds rows of many companies: whoever does not see everything sees the own files only.
    "received_file": f"{EVERYTHING} or received_by = {USER}",
    "file_import": f"{EVERYTHING} or requested_by = {USER}",
    "quarantined_row": f"{EVERYTHING} or import_id in (select id from file_import)",
}


def upgrade() -> None:
    for role, login in ROLES.items():
        op.execute(
            f"do $$ begin create role {role} {login} nosuperuser nocreatedb nocreaterole nobypassrls;"
            " exception when duplicate_object then null; end $$"
        )
    op.execute("grant usage on schema public to laurel_app, laurel_replica, laurel_backup")
    op.execute("create schema staging")
    op.execute("grant usage, create on schema staging to laurel_app")
    op.execute("grant select on alembic_version to laurel_app, laurel_replica, laurel_backup")

    for table, (inserts, updates, deletes) in APP_RIGHTS.items():
        op.execute(f"grant select on {table} to laurel_app, laurel_replica, laurel_backup")
        if inserts:
            op.execute(f"grant insert on {table} to laurel_app")
        if updates:
            op.execute(f"grant update ({', '.join(updates)}) on {table} to laurel_app")
        if deletes:
            op.execute(f"grant delete on {table} to laurel_app")

    for table, visible in POLICIES.items():
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(f"create policy scope on {table} using ({visible}) with check ({visible})")
        op.execute(f"create policy copies on {table} for select to laurel_replica, laurel_backup using (true)")

    # As text, not as a statement with parameters: it holds colons and percent signs of its own.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(SchemaManager.get_schema())
    for table in ("jobs", "workers", "periodic_defers", "events"):
        op.execute(
            f"grant select, insert, update, delete on procrastinate_{table} to laurel_app"
        )
        op.execute(f"grant select on procrastinate_{table} to laurel_backup")
    op.execute("grant usage on all sequences in schema public to laurel_app")
