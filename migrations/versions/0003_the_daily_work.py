"""The daily work: participants, claims, budgets, rewards and orders; what the replica follows."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql


class Xid8(sa.types.UserDefinedType):
    cache_ok = True

    def get_col_spec(self, **_options: object) -> str:
        return "xid8"


revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# table: (may insert, columns that may be updated, may delete).
APP_RIGHTS: dict[str, tuple[bool, tuple[str, ...], bool]] = {
    "budget": (True, ('set_minor', 'reserved_minor', 'spent_minor'), False),
    "budget_change": (True, ('state', 'decided_by', 'decided_by_name', 'decided_at', 'decision_reason'), False),
    "budget_movement": (True, (), False),
    "claim": (True, ('state', 'revision', 'sales_line_id', 'approved_quantity', 'decided_at'), False),
    "claim_decision": (True, (), False),
    "claim_document": (True, (), False),
    "claimed_line": (True, ('units_claimed',), False),
    "company_registration": (True, ('created_company_id', 'state', 'decided_by', 'decided_by_name', 'decided_at', 'decision_reason'), False),
    "entitlement": (True, ('ended_by_name', 'ended_at'), False),
    "order_event": (True, (), False),
    "participant": (True, ('participant_group', 'is_owner', 'user_id', 'state', 'decided_by', 'decided_by_name', 'decided_at', 'decision_reason'), False),
    "participant_person": (True, ('display_name', 'phone', 'email'), False),
    "reward": (True, ('name', 'description', 'kind', 'category', 'points', 'cost_minor', 'stock', 'for_groups', 'starts_on', 'ends_on', 'picture_id', 'state'), False),
    "reward_order": (True, ('state', 'budget_id', 'decided_by', 'decided_by_name', 'decided_at', 'decision_reason'), False),
    "reward_picture": (True, (), False),
    "stock_movement": (True, (), False),
}

EVERYTHING = "(select current_setting('laurel.everything', true) = 'on')"
# What belongs to a company or a region is seen with it, whose own policy the subquery obeys.
OF_A_SEEN_COMPANY = f"{EVERYTHING} or company_id in (select id from company)"
# Beside that, whoever works with certain programmes only sees what belongs to those; unset: every programme.
OF_A_SEEN_PROGRAMME = (
    "((select coalesce(current_setting('laurel.programmes', true), '') = '') or programme_id is null or programme_id in"
    " (select unnest(string_to_array(nullif(current_setting('laurel.programmes', true), ''), ',')::uuid[])))"
)
OF_A_SEEN_COMPANY_AND_PROGRAMME = f"({OF_A_SEEN_COMPANY}) and {OF_A_SEEN_PROGRAMME}"
OF_A_SEEN_REGION = f"{EVERYTHING} or region_id in (select id from region)"

POLICIES = {
    "budget": OF_A_SEEN_REGION,
    "budget_change": OF_A_SEEN_REGION,
    "budget_movement": OF_A_SEEN_REGION,
    "claim": OF_A_SEEN_COMPANY_AND_PROGRAMME,
    "claim_decision": OF_A_SEEN_COMPANY_AND_PROGRAMME,
    "claim_document": OF_A_SEEN_COMPANY,
    "claimed_line": OF_A_SEEN_COMPANY,
    "company_registration": OF_A_SEEN_REGION,
    "entitlement": OF_A_SEEN_COMPANY,
    "order_event": OF_A_SEEN_COMPANY,
    "participant": OF_A_SEEN_COMPANY,
    "participant_person": OF_A_SEEN_COMPANY,
    "reward_order": OF_A_SEEN_COMPANY_AND_PROGRAMME,
}

# Rows that change, and that the replica copies: each change is marked with its transaction.
FOLLOWED = (
    "app_user",
    "budget",
    "account",
    "region",
    "company",
    "participant",
    "participant_person",
    "product",
    "programme",
    "reward",
    "reward_order",
    "claim",
)


def upgrade() -> None:
    op.create_table('budget_movement',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('budget_id', sa.UUID(), nullable=False),
    sa.Column('region_id', sa.UUID(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('amount_minor', sa.BigInteger(), nullable=False),
    sa.Column('order_id', sa.UUID(), nullable=True),
    sa.Column('change_id', sa.UUID(), nullable=True),
    sa.Column('set_after_minor', sa.BigInteger(), nullable=False),
    sa.Column('reserved_after_minor', sa.BigInteger(), nullable=False),
    sa.Column('spent_after_minor', sa.BigInteger(), nullable=False),
    sa.Column('moved_by_name', sa.Text(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('txid', Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False),
    sa.CheckConstraint("(kind = 'set') = (order_id is null) and (kind = 'set') = (change_id is not null)", name=op.f('ck_budget_movement_cause')),
    sa.CheckConstraint("kind in ('set', 'reserve', 'spend', 'release')", name=op.f('ck_budget_movement_kind')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_budget_movement'))
    )
    op.create_index(op.f('ix_budget_movement_budget_id'), 'budget_movement', ['budget_id'], unique=False)
    op.create_index(op.f('ix_budget_movement_txid'), 'budget_movement', ['txid'], unique=False)
    op.create_index('uq_budget_movement_order', 'budget_movement', ['order_id', 'kind'], unique=True, postgresql_where=sa.text('order_id is not null'))
    op.create_table('claim',
    sa.Column('number', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('request_key', sa.UUID(), nullable=True),
    sa.Column('claim_no', sa.Text(), nullable=False),
    sa.Column('programme_id', sa.UUID(), nullable=True),
    sa.Column('company_id', sa.UUID(), nullable=False),
    sa.Column('participant_id', sa.UUID(), nullable=True),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('import_id', sa.UUID(), nullable=True),
    sa.Column('sheet', sa.Text(), nullable=True),
    sa.Column('row_no', sa.BigInteger(), nullable=True),
    sa.Column('invoice_no', sa.Text(), nullable=False),
    sa.Column('product_code', sa.Text(), nullable=False),
    sa.Column('quantity', sa.Numeric(), nullable=False),
    sa.Column('sold_on', sa.Date(), nullable=False),
    sa.Column('document_id', sa.UUID(), nullable=True),
    sa.Column('note', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('revision', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('sales_line_id', sa.BigInteger(), nullable=True),
    sa.Column('approved_quantity', sa.Numeric(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('entered_by', sa.UUID(), nullable=True),
    sa.Column('entered_by_name', sa.Text(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('txid', Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False),
    sa.CheckConstraint("(state = 'approved') = (sales_line_id is not null) and (state = 'approved') = (approved_quantity > 0) and (state = 'approved') = (approved_quantity is not null)", name=op.f('ck_claim_approved')),
    sa.CheckConstraint("(state = 'waiting') = (revision = 0)", name=op.f('ck_claim_revision')),
    sa.CheckConstraint("source in ('phone', 'paper', 'file')", name=op.f('ck_claim_source')),
    sa.CheckConstraint("state in ('waiting', 'approved', 'rejected')", name=op.f('ck_claim_state')),
    sa.CheckConstraint('quantity > 0', name=op.f('ck_claim_quantity')),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_claim')),
    sa.UniqueConstraint('company_id', 'claim_no', name='uq_claim_company_id'),
    sa.UniqueConstraint('request_key', name=op.f('uq_claim_request_key'))
    )
    op.create_index('ix_claim_import_id', 'claim', ['import_id'], unique=False, postgresql_where=sa.text('import_id is not null'))
    op.create_index(op.f('ix_claim_participant_id'), 'claim', ['participant_id'], unique=False)
    op.create_index('ix_claim_txid', 'claim', ['txid'], unique=False)
    op.create_index('ix_claim_waiting', 'claim', ['recorded_at'], unique=False, postgresql_where=sa.text("state = 'waiting'"))
    op.create_table('claim_decision',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('claim_number', sa.BigInteger(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('programme_id', sa.UUID(), nullable=True),
    sa.Column('company_id', sa.UUID(), nullable=False),
    sa.Column('participant_id', sa.UUID(), nullable=True),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('sales_line_id', sa.BigInteger(), nullable=True),
    sa.Column('quantity', sa.Numeric(), nullable=True),
    sa.Column('amount_minor', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.CHAR(length=3), nullable=True),
    sa.Column('sold_on', sa.Date(), nullable=False),
    sa.Column('sold_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('request_key', sa.UUID(), nullable=True),
    sa.Column('decided_by', sa.UUID(), nullable=True),
    sa.Column('decided_by_name', sa.Text(), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('txid', Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False),
    sa.CheckConstraint("kind <> 'reject' or reason is not null", name=op.f('ck_claim_decision_reason')),
    sa.CheckConstraint("kind in ('approve', 'reject', 'correct')", name=op.f('ck_claim_decision_kind')),
    sa.CheckConstraint('(sales_line_id is null) = (quantity is null) and (sales_line_id is null) = (currency is null) and (sales_line_id is null) = (sold_at is null) and (sales_line_id is not null or amount_minor = 0)', name=op.f('ck_claim_decision_line')),
    sa.CheckConstraint('revision > 0', name=op.f('ck_claim_decision_revision')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_claim_decision')),
    sa.UniqueConstraint('claim_number', 'revision', name='uq_claim_decision_claim_number')
    )
    op.create_index(op.f('ix_claim_decision_txid'), 'claim_decision', ['txid'], unique=False)
    op.create_table('claimed_line',
    sa.Column('sales_line_id', sa.BigInteger(), nullable=False),
    sa.Column('programme_id', sa.UUID(), nullable=True),
    sa.Column('company_id', sa.UUID(), nullable=False),
    sa.Column('units_sold', sa.Numeric(), nullable=False),
    sa.Column('units_claimed', sa.Numeric(), nullable=False),
    sa.CheckConstraint('units_claimed between 0 and units_sold', name=op.f('ck_claimed_line_units')),
    sa.UniqueConstraint('sales_line_id', 'programme_id', name='uq_claimed_line_sales_line_id', postgresql_nulls_not_distinct=True)
    )
    op.create_table('order_event',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('order_id', sa.UUID(), nullable=False),
    sa.Column('company_id', sa.UUID(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('is_funded', sa.Boolean(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('caused_by', sa.UUID(), nullable=True),
    sa.Column('caused_by_name', sa.Text(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("state in ('awaiting_code', 'awaiting_finance', 'approved', 'rejected', 'cancelled')", name=op.f('ck_order_event_state')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_order_event'))
    )
    op.create_index(op.f('ix_order_event_order_id'), 'order_event', ['order_id'], unique=False)
    op.create_table('reward_picture',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('media_type', sa.Text(), nullable=False),
    sa.Column('image', sa.LargeBinary(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("media_type in ('image/jpeg', 'image/png', 'image/webp')", name=op.f('ck_reward_picture_media_type')),
    sa.CheckConstraint('octet_length(image) between 1 and 2097152', name=op.f('ck_reward_picture_image')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reward_picture'))
    )
    op.create_table('stock_movement',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('reward_id', sa.UUID(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('pieces', sa.BigInteger(), nullable=False, comment='signed: what came or went'),
    sa.Column('left_after', sa.BigInteger(), nullable=True, comment='null: without limit'),
    sa.Column('order_id', sa.UUID(), nullable=True),
    sa.Column('moved_by_name', sa.Text(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("(kind = 'set') = (order_id is null)", name=op.f('ck_stock_movement_order_id')),
    sa.CheckConstraint("kind in ('set', 'hold', 'give_back')", name=op.f('ck_stock_movement_kind')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stock_movement'))
    )
    op.create_index(op.f('ix_stock_movement_reward_id'), 'stock_movement', ['reward_id'], unique=False)
    op.create_index('uq_stock_movement_order', 'stock_movement', ['order_id', 'kind'], unique=True, postgresql_where=sa.text('order_id is not null'))
    op.create_table('budget',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('programme_id', sa.UUID(), nullable=False),
    sa.Column('region_id', sa.UUID(), nullable=False),
    sa.Column('starts_on', sa.Date(), nullable=False, comment='first day of a quarter'),
    sa.Column('ends_on', sa.Date(), nullable=False, comment='last day of the quarter, inclusive'),
    sa.Column('currency', sa.CHAR(length=3), nullable=False),
    sa.Column('set_minor', sa.BigInteger(), nullable=False),
    sa.Column('reserved_minor', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('spent_minor', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('txid', Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False),
    sa.CheckConstraint('ends_on > starts_on', name=op.f('ck_budget_dates')),
    sa.CheckConstraint('reserved_minor >= 0 and spent_minor >= 0 and set_minor >= reserved_minor + spent_minor', name=op.f('ck_budget_available')),
    sa.ForeignKeyConstraint(['programme_id'], ['programme.id'], name=op.f('fk_budget_programme_id')),
    sa.ForeignKeyConstraint(['region_id'], ['region.id'], name=op.f('fk_budget_region_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_budget')),
    sa.UniqueConstraint('programme_id', 'region_id', 'starts_on', name='uq_budget_programme_id')
    )
    op.create_index(op.f('ix_budget_region_id'), 'budget', ['region_id'], unique=False)
    op.create_index(op.f('ix_budget_txid'), 'budget', ['txid'], unique=False)
    op.create_table('budget_change',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('request_key', sa.UUID(), nullable=False),
    sa.Column('programme_id', sa.UUID(), nullable=False),
    sa.Column('region_id', sa.UUID(), nullable=False),
    sa.Column('starts_on', sa.Date(), nullable=False),
    sa.Column('ends_on', sa.Date(), nullable=False),
    sa.Column('currency', sa.CHAR(length=3), nullable=False),
    sa.Column('before_minor', sa.BigInteger(), nullable=True),
    sa.Column('after_minor', sa.BigInteger(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('payload_hash', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('asked_by', sa.UUID(), nullable=False),
    sa.Column('asked_by_name', sa.Text(), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', sa.UUID(), nullable=True),
    sa.Column('decided_by_name', sa.Text(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decision_reason', sa.Text(), nullable=True),
    sa.CheckConstraint("(state = 'waiting') = (decided_at is null)", name=op.f('ck_budget_change_decided')),
    sa.CheckConstraint("state in ('waiting', 'approved', 'rejected', 'withdrawn')", name=op.f('ck_budget_change_state')),
    sa.CheckConstraint("state not in ('approved', 'rejected') or decided_by <> asked_by", name=op.f('ck_budget_change_two_people')),
    sa.CheckConstraint('(decided_at is null) = (decided_by is null)', name=op.f('ck_budget_change_decided_by')),
    sa.CheckConstraint('after_minor >= 0', name=op.f('ck_budget_change_after_minor')),
    sa.CheckConstraint('length(reason) between 3 and 1000', name=op.f('ck_budget_change_reason')),
    sa.ForeignKeyConstraint(['asked_by'], ['app_user.id'], name=op.f('fk_budget_change_asked_by')),
    sa.ForeignKeyConstraint(['decided_by'], ['app_user.id'], name=op.f('fk_budget_change_decided_by')),
    sa.ForeignKeyConstraint(['programme_id'], ['programme.id'], name=op.f('fk_budget_change_programme_id')),
    sa.ForeignKeyConstraint(['region_id'], ['region.id'], name=op.f('fk_budget_change_region_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_budget_change')),
    sa.UniqueConstraint('request_key', name=op.f('uq_budget_change_request_key'))
    )
    op.create_index('uq_budget_change_waiting', 'budget_change', ['programme_id', 'region_id', 'starts_on'], unique=True, postgresql_where=sa.text("state = 'waiting'"))
    op.create_table('company_registration',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('request_key', sa.UUID(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('region_id', sa.UUID(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('created_company_id', sa.UUID(), nullable=True),
    sa.Column('requested_by', sa.UUID(), nullable=True),
    sa.Column('requested_by_name', sa.Text(), nullable=False),
    sa.Column('requested_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', sa.UUID(), nullable=True),
    sa.Column('decided_by_name', sa.Text(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decision_reason', sa.Text(), nullable=True),
    sa.CheckConstraint("(state = 'approved') = (created_company_id is not null)", name=op.f('ck_company_registration_created')),
    sa.CheckConstraint("(state = 'waiting') = (decided_at is null)", name=op.f('ck_company_registration_decided')),
    sa.CheckConstraint("kind in ('distributor', 'wholesaler', 'service_provider')", name=op.f('ck_company_registration_kind')),
    sa.CheckConstraint("state in ('waiting', 'approved', 'rejected')", name=op.f('ck_company_registration_state')),
    sa.CheckConstraint("state <> 'approved' or decided_by <> requested_by", name=op.f('ck_company_registration_two_people')),
    sa.ForeignKeyConstraint(['region_id'], ['region.id'], name=op.f('fk_company_registration_region_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_company_registration')),
    sa.UniqueConstraint('request_key', name=op.f('uq_company_registration_request_key'))
    )
    op.create_index('ix_company_registration_waiting', 'company_registration', ['requested_at'], unique=False, postgresql_where=sa.text("state = 'waiting'"))
    op.create_index('uq_company_registration_waiting_code', 'company_registration', ['code'], unique=True, postgresql_where=sa.text("state = 'waiting'"))
    op.create_table('reward',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('programme_id', sa.UUID(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('category', sa.Text(), nullable=False),
    sa.Column('points', sa.BigInteger(), nullable=False),
    sa.Column('cost_minor', sa.BigInteger(), nullable=False, comment="minor units of the programme's currency"),
    sa.Column('stock', sa.BigInteger(), nullable=True, comment='pieces left; null: without limit'),
    sa.Column('for_groups', postgresql.ARRAY(sa.Text()), nullable=True),
    sa.Column('starts_on', sa.Date(), nullable=False),
    sa.Column('ends_on', sa.Date(), nullable=False, comment='inclusive'),
    sa.Column('picture_id', sa.UUID(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('txid', Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False),
    sa.CheckConstraint("for_groups <@ array['distributor', 'wholesaler', 'service_provider']::text[] and cardinality(for_groups) > 0", name=op.f('ck_reward_for_groups')),
    sa.CheckConstraint("kind in ('merchandise', 'e_voucher', 'e_reward')", name=op.f('ck_reward_kind')),
    sa.CheckConstraint("state in ('draft', 'offered', 'withdrawn')", name=op.f('ck_reward_state')),
    sa.CheckConstraint('cost_minor >= 0', name=op.f('ck_reward_cost_minor')),
    sa.CheckConstraint('ends_on >= starts_on', name=op.f('ck_reward_dates')),
    sa.CheckConstraint('points > 0', name=op.f('ck_reward_points')),
    sa.CheckConstraint('stock >= 0', name=op.f('ck_reward_stock')),
    sa.ForeignKeyConstraint(['picture_id'], ['reward_picture.id'], name=op.f('fk_reward_picture_id')),
    sa.ForeignKeyConstraint(['programme_id'], ['programme.id'], name=op.f('fk_reward_programme_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reward')),
    sa.UniqueConstraint('programme_id', 'code', name='uq_reward_programme_id')
    )
    op.create_index(op.f('ix_reward_txid'), 'reward', ['txid'], unique=False)
    op.create_table('claim_document',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('company_id', sa.UUID(), nullable=False),
    sa.Column('sha256', sa.Text(), nullable=False),
    sa.Column('media_type', sa.Text(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('added_by', sa.UUID(), nullable=True),
    sa.Column('added_by_name', sa.Text(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("media_type in ('image/jpeg', 'image/png', 'image/webp', 'application/pdf')", name=op.f('ck_claim_document_media_type')),
    sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f('ck_claim_document_sha256')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_claim_document_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_claim_document'))
    )
    op.create_table('participant',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('company_id', sa.UUID(), nullable=False),
    sa.Column('participant_group', sa.Text(), nullable=False),
    sa.Column('is_owner', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('user_id', sa.UUID(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('requested_by', sa.UUID(), nullable=True),
    sa.Column('requested_by_name', sa.Text(), nullable=False),
    sa.Column('requested_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', sa.UUID(), nullable=True),
    sa.Column('decided_by_name', sa.Text(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decision_reason', sa.Text(), nullable=True),
    sa.Column('txid', Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False),
    sa.CheckConstraint("(state = 'waiting') = (decided_at is null)", name=op.f('ck_participant_decided')),
    sa.CheckConstraint("participant_group in ('distributor', 'wholesaler', 'service_provider')", name=op.f('ck_participant_participant_group')),
    sa.CheckConstraint("state in ('waiting', 'active', 'suspended', 'rejected')", name=op.f('ck_participant_state')),
    sa.CheckConstraint("state <> 'active' or decided_by <> requested_by", name=op.f('ck_participant_two_people')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_participant_company_id')),
    sa.ForeignKeyConstraint(['user_id'], ['app_user.id'], name=op.f('fk_participant_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_participant')),
    sa.UniqueConstraint('code', name=op.f('uq_participant_code')),
    sa.UniqueConstraint('user_id', name=op.f('uq_participant_user_id'))
    )
    op.create_index(op.f('ix_participant_company_id'), 'participant', ['company_id'], unique=False)
    op.create_index(op.f('ix_participant_txid'), 'participant', ['txid'], unique=False)
    op.create_index('ix_participant_waiting', 'participant', ['requested_at'], unique=False, postgresql_where=sa.text("state = 'waiting'"))
    op.create_table('entitlement',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('company_id', sa.UUID(), nullable=False),
    sa.Column('participant_id', sa.UUID(), nullable=False),
    sa.Column('granted_by', sa.UUID(), nullable=False),
    sa.Column('granted_by_name', sa.Text(), nullable=False),
    sa.Column('granted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_by_name', sa.Text(), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_entitlement_company_id')),
    sa.ForeignKeyConstraint(['participant_id'], ['participant.id'], name=op.f('fk_entitlement_participant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_entitlement'))
    )
    op.create_index('uq_entitlement_open', 'entitlement', ['company_id', 'participant_id'], unique=True, postgresql_where=sa.text('ended_at is null'))
    op.create_table('participant_person',
    sa.Column('participant_id', sa.UUID(), nullable=False),
    sa.Column('company_id', sa.UUID(), nullable=False),
    sa.Column('display_name', sa.Text(), nullable=False),
    sa.Column('phone', sa.Text(), nullable=True),
    sa.Column('email', sa.Text(), nullable=True),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('txid', Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False),
    sa.CheckConstraint('length(display_name) between 1 and 200', name=op.f('ck_participant_person_display_name')),
    sa.ForeignKeyConstraint(['participant_id'], ['participant.id'], name=op.f('fk_participant_person_participant_id')),
    sa.PrimaryKeyConstraint('participant_id', name=op.f('pk_participant_person'))
    )
    op.create_index(op.f('ix_participant_person_company_id'), 'participant_person', ['company_id'], unique=False)
    op.create_index(op.f('ix_participant_person_txid'), 'participant_person', ['txid'], unique=False)
    op.create_table('reward_order',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('number', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('request_key', sa.UUID(), nullable=False),
    sa.Column('programme_id', sa.UUID(), nullable=False),
    sa.Column('company_id', sa.UUID(), nullable=False),
    sa.Column('participant_id', sa.UUID(), nullable=False),
    sa.Column('requested_by', sa.UUID(), nullable=False),
    sa.Column('requested_by_name', sa.Text(), nullable=False),
    sa.Column('entitlement_id', sa.UUID(), nullable=True),
    sa.Column('account_id', sa.UUID(), nullable=False),
    sa.Column('reward_id', sa.UUID(), nullable=False),
    sa.Column('points', sa.BigInteger(), nullable=False),
    sa.Column('cost_minor', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.CHAR(length=3), nullable=False),
    sa.Column('budget_id', sa.UUID(), nullable=True),
    sa.Column('spend_posting_id', sa.BigInteger(), nullable=False),
    sa.Column('payload_hash', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('ordered_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', sa.UUID(), nullable=True),
    sa.Column('decided_by_name', sa.Text(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decision_reason', sa.Text(), nullable=True),
    sa.Column('txid', Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False),
    sa.CheckConstraint("(state in ('awaiting_code', 'awaiting_finance')) = (decided_at is null)", name=op.f('ck_reward_order_decided')),
    sa.CheckConstraint("state <> 'approved' or budget_id is not null or cost_minor = 0", name=op.f('ck_reward_order_budget')),
    sa.CheckConstraint("state <> 'rejected' or length(decision_reason) >= 3", name=op.f('ck_reward_order_reason')),
    sa.CheckConstraint("state in ('awaiting_code', 'awaiting_finance', 'approved', 'rejected', 'cancelled')", name=op.f('ck_reward_order_state')),
    sa.CheckConstraint("state not in ('approved', 'rejected') or decided_by <> requested_by", name=op.f('ck_reward_order_two_people')),
    sa.CheckConstraint('(decided_at is null) = (decided_by is null)', name=op.f('ck_reward_order_decided_by')),
    sa.CheckConstraint('points > 0 and cost_minor >= 0', name=op.f('ck_reward_order_amounts')),
    sa.ForeignKeyConstraint(['budget_id'], ['budget.id'], name=op.f('fk_reward_order_budget_id')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_reward_order_company_id')),
    sa.ForeignKeyConstraint(['decided_by'], ['app_user.id'], name=op.f('fk_reward_order_decided_by')),
    sa.ForeignKeyConstraint(['entitlement_id'], ['entitlement.id'], name=op.f('fk_reward_order_entitlement_id')),
    sa.ForeignKeyConstraint(['participant_id'], ['participant.id'], name=op.f('fk_reward_order_participant_id')),
    sa.ForeignKeyConstraint(['programme_id'], ['programme.id'], name=op.f('fk_reward_order_programme_id')),
    sa.ForeignKeyConstraint(['requested_by'], ['app_user.id'], name=op.f('fk_reward_order_requested_by')),
    sa.ForeignKeyConstraint(['reward_id'], ['reward.id'], name=op.f('fk_reward_order_reward_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reward_order')),
    sa.UniqueConstraint('number', name=op.f('uq_reward_order_number')),
    sa.UniqueConstraint('request_key', name=op.f('uq_reward_order_request_key'))
    )
    op.create_index(op.f('ix_reward_order_company_id'), 'reward_order', ['company_id'], unique=False)
    op.create_index(op.f('ix_reward_order_participant_id'), 'reward_order', ['participant_id'], unique=False)
    op.create_index(op.f('ix_reward_order_decided_at'), 'reward_order', ['decided_at'], unique=False)
    op.create_index(op.f('ix_reward_order_requested_by'), 'reward_order', ['requested_by'], unique=False)
    op.create_index(op.f('ix_reward_order_reward_id'), 'reward_order', ['reward_id'], unique=False)
    op.create_index(op.f('ix_reward_order_txid'), 'reward_order', ['txid'], unique=False)
    op.create_index('ix_reward_order_waiting', 'reward_order', ['ordered_at'], unique=False, postgresql_where=sa.text("state in ('awaiting_code', 'awaiting_finance')"))
    op.add_column('account', sa.Column('txid', Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False))
    op.create_index(op.f('ix_account_txid'), 'account', ['txid'], unique=False)
    op.add_column('app_user', sa.Column('txid', Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False))
    op.create_index(op.f('ix_app_user_txid'), 'app_user', ['txid'], unique=False)
    op.add_column('award', sa.Column('claim_number', sa.BigInteger(), nullable=True))
    op.create_index('ix_award_txid', 'award', ['txid'], unique=False)
    op.create_index('uq_award_claim_rule_revision', 'award', ['claim_number', 'programme_id', 'rule_id', 'revision'], unique=True, postgresql_where=sa.text('claim_number is not null'))
    op.add_column('company', sa.Column('kind', sa.Text(), server_default=sa.text("'wholesaler'"), nullable=False))
    op.add_column('company', sa.Column('distributor_id', sa.UUID(), nullable=True))
    op.add_column('company', sa.Column('txid', Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False))
    op.create_index(op.f('ix_company_txid'), 'company', ['txid'], unique=False)
    op.create_foreign_key(op.f('fk_company_distributor_id'), 'company', 'company', ['distributor_id'], ['id'])
    op.create_index(op.f('ix_posting_txid'), 'posting', ['txid'], unique=False)
    op.add_column('product', sa.Column('txid', Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False))
    op.create_index(op.f('ix_product_txid'), 'product', ['txid'], unique=False)
    op.add_column('programme', sa.Column('txid', Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False))
    op.create_index(op.f('ix_programme_txid'), 'programme', ['txid'], unique=False)
    op.add_column('region', sa.Column('txid', Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False))
    op.create_index(op.f('ix_region_txid'), 'region', ['txid'], unique=False)
    op.create_index('ix_sales_line_txid', 'sales_line', ['txid'], unique=False)
    op.create_index('ix_sales_line_sold_on', 'sales_line', ['sold_on'], unique=False, postgresql_using='brin')
    op.add_column('settlement_mark', sa.Column('seen', sa.Text(), nullable=True))
    op.drop_index("uq_award_line_rule_revision", table_name="award")
    op.create_index(
        "uq_award_line_rule_revision",
        "award",
        ["sales_line_id", "programme_id", "rule_id", "revision"],
        unique=True,
        postgresql_where=sa.text("claim_number is null"),
    )
    op.create_check_constraint(
        op.f("ck_company_kind"), "company", "kind in ('distributor', 'wholesaler', 'service_provider')"
    )
    op.drop_constraint(op.f("ck_user_role_role"), "user_role")
    op.create_check_constraint(
        op.f("ck_user_role_role"),
        "user_role",
        "role in ('admin', 'operator', 'programme_manager', 'head_of_sales', 'sales', 'admin_marketing',"
        " 'admin_finance', 'analyst', 'participant')",
    )
    op.execute("grant update (kind, distributor_id) on company to laurel_app")
    op.execute("grant update (seen) on settlement_mark to laurel_app")

    op.execute(
        "create function touch_txid() returns trigger language plpgsql as"
        " $$ begin new.txid := pg_current_xact_id(); return new; end $$"
    )
    for table in FOLLOWED:
        op.execute(
            f"create trigger touch_txid before update on {table} for each row execute function touch_txid()"
        )

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
    op.execute("grant usage on all sequences in schema public to laurel_app")
