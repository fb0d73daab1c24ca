"""The ground: every table of the first release."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

class Xid8(sa.types.UserDefinedType):
    cache_ok = True

    def get_col_spec(self, **_options: object) -> str:
        return "xid8"

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('account',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('programme_id', sa.UUID(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('owner_id', sa.UUID(), nullable=True),
    sa.Column('system_name', sa.Text(), nullable=True),
    sa.Column('company_id', sa.UUID(), nullable=True),
    sa.Column('balance', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('version', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("(kind = 'system') = (company_id is null)", name=op.f('ck_account_company')),
    sa.CheckConstraint("(kind = 'system') = (owner_id is null)", name=op.f('ck_account_owner')),
    sa.CheckConstraint("(kind = 'system') = (system_name is not null and system_name in ('issued', 'redeemed', 'expired', 'adjusted'))", name=op.f('ck_account_system_name')),
    sa.CheckConstraint("kind in ('company', 'participant', 'salesperson', 'system')", name=op.f('ck_account_kind')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_account'))
    )
    op.create_index(op.f('ix_account_company_id'), 'account', ['company_id'], unique=False)
    op.create_index('uq_account_owner', 'account', ['programme_id', 'kind', 'owner_id'], unique=True)
    op.create_index('uq_account_system', 'account', ['programme_id', 'system_name'], unique=True, postgresql_where=sa.text('system_name is not null'))
    op.create_table('app_user',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('display_name', sa.Text(), nullable=False),
    sa.Column('password_hash', sa.Text(), nullable=False),
    sa.Column('password_is_temporary', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('locale', sa.Text(), server_default=sa.text("'en'"), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('password_changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("state in ('active', 'disabled')", name=op.f('ck_app_user_state')),
    sa.CheckConstraint('length(display_name) between 1 and 200', name=op.f('ck_app_user_display_name')),
    sa.CheckConstraint('name = lower(name) and length(name) between 2 and 100', name=op.f('ck_app_user_name')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_app_user')),
    sa.UniqueConstraint('name', name=op.f('uq_app_user_name'))
    )
    op.create_table('audit_link',
    sa.Column('position', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('record_id', sa.BigInteger(), nullable=False),
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.CheckConstraint('octet_length(hash) = 32', name=op.f('ck_audit_link_hash_length')),
    sa.CheckConstraint('position > 0', name=op.f('ck_audit_link_position')),
    sa.PrimaryKeyConstraint('position', name=op.f('pk_audit_link')),
    sa.UniqueConstraint('record_id', name=op.f('uq_audit_link_record_id'))
    )
    op.create_table('audit_mark',
    sa.Column('only_row', sa.SmallInteger(), server_default=sa.text('1'), nullable=False),
    sa.Column('low_txid', Xid8(), nullable=False),
    sa.Column('system_identifier', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('only_row = 1', name=op.f('ck_audit_mark_only_row')),
    sa.PrimaryKeyConstraint('only_row', name=op.f('pk_audit_mark'))
    )
    op.create_table('audit_record',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('txid', Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor_kind', sa.Text(), nullable=False),
    sa.Column('actor_name', sa.Text(), nullable=False),
    sa.Column('actor_id', sa.UUID(), nullable=True),
    sa.Column('action', sa.Text(), nullable=False),
    sa.Column('subject_kind', sa.Text(), nullable=False),
    sa.Column('subject_id', sa.Text(), nullable=False),
    sa.Column('detail', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_record'))
    )
    op.create_index('ix_audit_record_subject', 'audit_record', ['subject_kind', 'subject_id'], unique=False)
    op.create_index('ix_audit_record_txid', 'audit_record', ['txid'], unique=False)
    op.create_table('award',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('sales_line_id', sa.BigInteger(), nullable=False),
    sa.Column('programme_id', sa.UUID(), nullable=False),
    sa.Column('company_id', sa.UUID(), nullable=False),
    sa.Column('posting_id', sa.BigInteger(), nullable=False),
    sa.Column('points', sa.BigInteger(), nullable=False),
    sa.Column('basis_minor', sa.BigInteger(), nullable=False),
    sa.Column('txid', Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('happened_on', sa.Date(), nullable=False),
    sa.Column('rule_id', sa.Text(), nullable=False),
    sa.CheckConstraint('points <> 0', name=op.f('ck_award_points')),
    sa.CheckConstraint('revision > 0', name=op.f('ck_award_revision')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_award'))
    )
    op.create_index(op.f('ix_award_posting_id'), 'award', ['posting_id'], unique=False)
    op.create_index('uq_award_line_rule_revision', 'award', ['sales_line_id', 'programme_id', 'rule_id', 'revision'], unique=True)
    op.create_table('ledger_entry',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('posting_id', sa.BigInteger(), nullable=False),
    sa.Column('account_id', sa.UUID(), nullable=False),
    sa.Column('company_id', sa.UUID(), nullable=False),
    sa.Column('points', sa.BigInteger(), nullable=False),
    sa.Column('balance_after', sa.BigInteger(), nullable=False),
    sa.Column('account_version', sa.BigInteger(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('txid', Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False),
    sa.CheckConstraint('points <> 0', name=op.f('ck_ledger_entry_points')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ledger_entry'))
    )
    op.create_index(op.f('ix_ledger_entry_posting_id'), 'ledger_entry', ['posting_id'], unique=False)
    op.create_index('uq_ledger_entry_account_version', 'ledger_entry', ['account_id', 'account_version'], unique=True)
    op.create_table('lot',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('account_id', sa.UUID(), nullable=False),
    sa.Column('company_id', sa.UUID(), nullable=False),
    sa.Column('posting_id', sa.BigInteger(), nullable=False),
    sa.Column('points', sa.BigInteger(), nullable=False),
    sa.Column('remaining', sa.BigInteger(), nullable=False),
    sa.Column('available_from', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_on', sa.Date(), nullable=True),
    sa.CheckConstraint('points > 0', name=op.f('ck_lot_points')),
    sa.CheckConstraint('remaining between 0 and points', name=op.f('ck_lot_remaining')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_lot'))
    )
    op.create_index('ix_lot_open', 'lot', ['account_id', 'expires_on', 'id'], unique=False, postgresql_where=sa.text('remaining > 0'))
    op.create_table('lot_use',
    sa.Column('lot_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('posting_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('company_id', sa.UUID(), nullable=False),
    sa.Column('points', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('points > 0', name=op.f('ck_lot_use_points')),
    sa.PrimaryKeyConstraint('lot_id', 'posting_id', name=op.f('pk_lot_use'))
    )
    op.create_table('posting',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('programme_id', sa.UUID(), nullable=False),
    sa.Column('company_id', sa.UUID(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('idempotency_key', sa.Text(), nullable=False),
    sa.Column('points', sa.BigInteger(), nullable=False),
    sa.Column('happened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('txid', Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False),
    sa.CheckConstraint("kind in ('earn', 'take_back', 'spend', 'give_back', 'expire', 'adjust')", name=op.f('ck_posting_kind')),
    sa.CheckConstraint('points <> 0', name=op.f('ck_posting_points')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_posting'))
    )
    op.create_index('uq_posting_idempotency_key', 'posting', ['source', 'idempotency_key'], unique=True)
    op.create_table('product',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('brand', sa.Text(), nullable=True),
    sa.Column('product_group', sa.Text(), nullable=True),
    sa.Column('created_by_import', sa.UUID(), nullable=True),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_product')),
    sa.UniqueConstraint('code', name=op.f('uq_product_code'))
    )
    op.create_index(op.f('ix_product_brand'), 'product', ['brand'], unique=False)
    op.create_index(op.f('ix_product_product_group'), 'product', ['product_group'], unique=False)
    op.create_table('programme',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('collects', sa.Text(), nullable=False),
    sa.Column('earns_from', sa.Text(), nullable=False),
    sa.Column('starts_on', sa.Date(), nullable=False),
    sa.Column('ends_on', sa.Date(), nullable=False, comment='inclusive'),
    sa.Column('time_zone', sa.Text(), nullable=True, comment="IANA name; null: each line's own local date counts"),
    sa.Column('current_version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("collects in ('company', 'participant', 'salesperson')", name=op.f('ck_programme_collects')),
    sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f('ck_programme_currency')),
    sa.CheckConstraint("earns_from in ('sales', 'claims')", name=op.f('ck_programme_earns_from')),
    sa.CheckConstraint('current_version >= 1', name=op.f('ck_programme_current_version')),
    sa.CheckConstraint('ends_on >= starts_on', name=op.f('ck_programme_dates')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_programme')),
    sa.UniqueConstraint('code', name=op.f('uq_programme_code'))
    )
    op.create_table('received_file',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('file_name', sa.Text(), nullable=False),
    sa.Column('sha256', sa.Text(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('received_by', sa.UUID(), nullable=True),
    sa.Column('received_by_name', sa.Text(), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_received_file'))
    )
    op.create_index(op.f('ix_received_file_sha256'), 'received_file', ['sha256'], unique=False)
    op.create_table('region',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('parent_id', sa.UUID(), nullable=True),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['parent_id'], ['region.id'], name=op.f('fk_region_parent_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_region')),
    sa.UniqueConstraint('code', name=op.f('uq_region_code'))
    )
    op.create_index(op.f('ix_region_parent_id'), 'region', ['parent_id'], unique=False)
    op.create_table('sales_line',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('line_key', sa.UUID(), nullable=False),
    sa.Column('occurrence', sa.Integer(), nullable=False),
    sa.Column('body_key', sa.UUID(), nullable=True),
    sa.Column('import_id', sa.UUID(), nullable=False),
    sa.Column('row_no', sa.BigInteger(), nullable=False),
    sa.Column('company_id', sa.UUID(), nullable=False),
    sa.Column('outlet_id', sa.UUID(), nullable=True),
    sa.Column('region_id', sa.UUID(), nullable=False),
    sa.Column('product_id', sa.UUID(), nullable=False),
    sa.Column('quantity', sa.Numeric(), nullable=False),
    sa.Column('unit_price', sa.Numeric(), nullable=True),
    sa.Column('amount_minor', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.CHAR(length=3), nullable=False),
    sa.Column('sold_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('sold_on', sa.Date(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('txid', Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False),
    sa.Column('sheet', sa.Text(), nullable=True),
    sa.Column('invoice_no', sa.Text(), nullable=False),
    sa.Column('line_no', sa.Text(), nullable=True),
    sa.CheckConstraint('occurrence > 0', name=op.f('ck_sales_line_occurrence')),
    sa.CheckConstraint('quantity <> 0', name=op.f('ck_sales_line_quantity')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sales_line'))
    )
    op.create_index('ix_sales_line_import_id', 'sales_line', ['import_id'], unique=False, postgresql_using='brin')
    op.create_index('uq_sales_line_key', 'sales_line', ['company_id', 'line_key', 'occurrence'], unique=True)
    op.create_table('settlement',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('programme_id', sa.UUID(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('lines', sa.BigInteger(), nullable=False),
    sa.Column('awards', sa.BigInteger(), nullable=False),
    sa.Column('points', sa.BigInteger(), nullable=False),
    sa.Column('postings', sa.BigInteger(), nullable=False),
    sa.Column('settled_by_name', sa.Text(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('seconds', sa.Numeric(precision=12, scale=3), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_settlement'))
    )
    op.create_index(op.f('ix_settlement_programme_id'), 'settlement', ['programme_id'], unique=False)
    op.create_table('settlement_mark',
    sa.Column('programme_id', sa.UUID(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('low_txid', Xid8(), nullable=False),
    sa.Column('system_identifier', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('programme_id', name=op.f('pk_settlement_mark'))
    )
    op.create_table('settlement_request',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('programme_id', sa.UUID(), nullable=False),
    sa.Column('request_key', sa.UUID(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('lines_scored', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('lines_total', sa.BigInteger(), nullable=True),
    sa.Column('refusal', sa.Text(), nullable=True),
    sa.Column('settlement_id', sa.UUID(), nullable=True),
    sa.Column('requested_by', sa.UUID(), nullable=True),
    sa.Column('requested_by_name', sa.Text(), nullable=False),
    sa.Column('requested_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state in ('queued', 'running', 'done', 'refused')", name=op.f('ck_settlement_request_state')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_settlement_request')),
    sa.UniqueConstraint('request_key', name=op.f('uq_settlement_request_request_key'))
    )
    op.create_index(op.f('ix_settlement_request_programme_id'), 'settlement_request', ['programme_id'], unique=False)
    op.create_table('sign_in_failure',
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('key_hash', sa.LargeBinary(), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('last_failed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('blocked_until', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("kind in ('account', 'address')", name=op.f('ck_sign_in_failure_kind')),
    sa.CheckConstraint('failures >= 0', name=op.f('ck_sign_in_failure_failures')),
    sa.PrimaryKeyConstraint('kind', 'key_hash', name=op.f('pk_sign_in_failure'))
    )
    op.create_index('ix_sign_in_failure_age', 'sign_in_failure', ['last_failed_at'], unique=False)
    op.create_table('company',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('region_id', sa.UUID(), nullable=False),
    sa.Column('salesperson_id', sa.UUID(), nullable=True),
    sa.Column('created_by_import', sa.UUID(), nullable=True),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['region_id'], ['region.id'], name=op.f('fk_company_region_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_company')),
    sa.UniqueConstraint('code', name=op.f('uq_company_code'))
    )
    op.create_index('ix_company_name', 'company', ['name'], unique=False)
    op.create_index(op.f('ix_company_region_id'), 'company', ['region_id'], unique=False)
    op.create_index(op.f('ix_company_salesperson_id'), 'company', ['salesperson_id'], unique=False)
    op.create_table('export_file',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('user_id', sa.UUID(), nullable=False),
    sa.Column('permission', sa.Text(), nullable=False),
    sa.Column('path', sa.Text(), nullable=False),
    sa.Column('file_name', sa.Text(), nullable=False),
    sa.Column('media_type', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['app_user.id'], name=op.f('fk_export_file_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_export_file'))
    )
    op.create_index('ix_export_file_expiry', 'export_file', ['expires_at'], unique=False)
    op.create_table('file_import',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('number', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('file_id', sa.UUID(), nullable=False),
    sa.Column('dataset', sa.Text(), nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('mapping', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('creates_missing', sa.Boolean(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('phase', sa.Text(), nullable=True),
    sa.Column('phase_rows', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('runs', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('rows', sa.BigInteger(), nullable=True),
    sa.Column('accepted', sa.BigInteger(), nullable=True),
    sa.Column('quarantined', sa.BigInteger(), nullable=True),
    sa.Column('duplicates', sa.BigInteger(), nullable=True),
    sa.Column('reading', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('net_minor', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('reasons', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('checks', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('refusal', sa.Text(), nullable=True),
    sa.Column('seconds', sa.Numeric(precision=12, scale=3), nullable=True),
    sa.Column('requested_by', sa.UUID(), nullable=True),
    sa.Column('requested_by_name', sa.Text(), nullable=False),
    sa.Column('requested_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decided_by', sa.UUID(), nullable=True),
    sa.Column('decided_by_name', sa.Text(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decision_reason', sa.Text(), nullable=True),
    sa.Column('request_key', sa.UUID(), nullable=True),
    sa.CheckConstraint("state in ('queued', 'running', 'waiting', 'accepted', 'declined', 'refused')", name=op.f('ck_file_import_state')),
    sa.ForeignKeyConstraint(['file_id'], ['received_file.id'], name=op.f('fk_file_import_file_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_file_import')),
    sa.UniqueConstraint('number', name=op.f('uq_file_import_number')),
    sa.UniqueConstraint('request_key', name=op.f('uq_file_import_request_key'))
    )
    op.create_index(op.f('ix_file_import_file_id'), 'file_import', ['file_id'], unique=False)
    op.create_index('ix_file_import_source', 'file_import', ['source', 'finished_at'], unique=False)
    op.create_index('ix_file_import_unfinished', 'file_import', ['requested_at'], unique=False, postgresql_where=sa.text("state in ('queued', 'running')"))
    op.create_table('programme_version',
    sa.Column('programme_id', sa.UUID(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('document', sa.Text(), nullable=False, comment='the text as it was given'),
    sa.Column('body', postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment='canonical_body of the document'),
    sa.Column('document_hash', sa.Text(), nullable=False, comment='sha256 of the canonical body, hex'),
    sa.Column('applied_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('applied_by_name', sa.Text(), nullable=False),
    sa.Column('applied_by', sa.UUID(), nullable=True, comment='null: the command line or a job'),
    sa.CheckConstraint("document_hash ~ '^[0-9a-f]{64}$'", name=op.f('ck_programme_version_document_hash')),
    sa.CheckConstraint('version >= 1', name=op.f('ck_programme_version_version')),
    sa.ForeignKeyConstraint(['applied_by'], ['app_user.id'], name=op.f('fk_programme_version_applied_by')),
    sa.ForeignKeyConstraint(['programme_id'], ['programme.id'], name=op.f('fk_programme_version_programme_id')),
    sa.PrimaryKeyConstraint('programme_id', 'version', name=op.f('pk_programme_version'))
    )
    op.create_table('sign_in_ticket',
    sa.Column('ticket_hash', sa.LargeBinary(), nullable=False),
    sa.Column('binding_hash', sa.LargeBinary(), nullable=False),
    sa.Column('user_id', sa.UUID(), nullable=False),
    sa.Column('issued_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('octet_length(ticket_hash) = 32 and octet_length(binding_hash) = 32', name=op.f('ck_sign_in_ticket_hashes')),
    sa.ForeignKeyConstraint(['user_id'], ['app_user.id'], name=op.f('fk_sign_in_ticket_user_id')),
    sa.PrimaryKeyConstraint('ticket_hash', name=op.f('pk_sign_in_ticket'))
    )
    op.create_index('ix_sign_in_ticket_expiry', 'sign_in_ticket', ['expires_at'], unique=False)
    op.create_table('user_role',
    sa.Column('user_id', sa.UUID(), nullable=False),
    sa.Column('role', sa.Text(), nullable=False),
    sa.Column('granted_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("role in ('admin', 'operator', 'programme_manager', 'head_of_sales', 'analyst')", name=op.f('ck_user_role_role')),
    sa.ForeignKeyConstraint(['user_id'], ['app_user.id'], name=op.f('fk_user_role_user_id')),
    sa.PrimaryKeyConstraint('user_id', 'role', name=op.f('pk_user_role'))
    )
    op.create_table('user_scope',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('user_id', sa.UUID(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('target_id', sa.UUID(), nullable=True),
    sa.Column('granted_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("(kind = 'everything') = (target_id is null)", name=op.f('ck_user_scope_target')),
    sa.CheckConstraint("kind in ('everything', 'region', 'company', 'programme')", name=op.f('ck_user_scope_kind')),
    sa.ForeignKeyConstraint(['user_id'], ['app_user.id'], name=op.f('fk_user_scope_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_user_scope')),
    sa.UniqueConstraint('user_id', 'kind', 'target_id', name='uq_user_scope_grant', postgresql_nulls_not_distinct=True)
    )
    op.create_table('web_session',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('token_hash', sa.LargeBinary(), nullable=False),
    sa.Column('user_id', sa.UUID(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_reason', sa.Text(), nullable=True),
    sa.CheckConstraint("ended_reason in ('signed_out', 'disabled', 'password_changed')", name=op.f('ck_web_session_ended_reason')),
    sa.CheckConstraint('(ended_at is null) = (ended_reason is null)', name=op.f('ck_web_session_ended')),
    sa.CheckConstraint('octet_length(token_hash) = 32', name=op.f('ck_web_session_token_hash')),
    sa.ForeignKeyConstraint(['user_id'], ['app_user.id'], name=op.f('fk_web_session_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_web_session')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_web_session_token_hash'))
    )
    op.create_index('ix_web_session_open', 'web_session', ['user_id'], unique=False, postgresql_where=sa.text('ended_at is null'))
    op.create_table('outlet',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('company_id', sa.UUID(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('created_by_import', sa.UUID(), nullable=True),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_outlet_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_outlet')),
    sa.UniqueConstraint('company_id', 'code', name=op.f('uq_outlet_company_id_code'))
    )
    op.create_table('quarantined_row',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('import_id', sa.UUID(), nullable=False),
    sa.Column('sheet', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('row_no', sa.BigInteger(), nullable=False),
    sa.Column('reasons', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('body', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.ForeignKeyConstraint(['import_id'], ['file_import.id'], name=op.f('fk_quarantined_row_import_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_quarantined_row')),
    sa.UniqueConstraint('import_id', 'sheet', 'row_no', name=op.f('uq_quarantined_row_import_id_sheet_row_no'))
    )
