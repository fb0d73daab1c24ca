"""Intake and verification: verdicts, questions, second decisions; modes, repairs and undoing of imports."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql


class Xid8(sa.types.UserDefinedType):
    cache_ok = True

    def get_col_spec(self, **_options: object) -> str:
        return "xid8"


revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# table: (may insert, columns that may be updated, may delete).
APP_RIGHTS: dict[str, tuple[bool, tuple[str, ...], bool]] = {
    "claim_attachment": (True, (), False),
    "claim_event": (True, (), False),
    "claim_further_line": (True, (), False),
    "claim_proposal": (True, ('outcome', 'decided_by', 'decided_by_name', 'decided_at'), False),
    "claim_verdict": (True, (), False),
    "claims_judged": (True, ('low_txid',), False),
    "import_change": (True, (), True),
    "import_repair": (True, ('state', 'runs', 'rows', 'accepted', 'duplicates', 'still_bad', 'refusal', 'finished_at'), False),
    "import_undo": (True, (), False),
    "product_price": (True, ('currency', 'unit_price', 'valid_to'), True),
    "removed_record": (True, (), False),
    "repeated_line": (True, (), False),
    "row_correction": (True, (), False),
    "source_mapping": (True, (), False),
    "source_thresholds": (True, (), False),
}

# What may be updated besides, in tables that were there.
MORE_UPDATES: dict[str, tuple[str, ...]] = {
    "claim": (
        "verdict",
        "best_line_id",
        "judged_at",
        "at_stake_minor",
        "expected_loss_minor",
        "stake_currency",
        "assigned_to",
        "assigned_to_name",
        "assigned_at",
        "escalated_at",
    ),
    "file_import": (
        "waits_for",
        "phase_started_at",
        "rows_expected",
        "changed",
        "cancel_asked_at",
        "cancel_asked_by_name",
    ),
    "quarantined_row": ("reasons", "body", "cells", "repair_id"),
}

# What may be deleted besides: see guard_deletion.
MORE_DELETES = ("company", "outlet", "participant", "participant_person", "product")

EVERYTHING = "(select current_setting('laurel.everything', true) = 'on')"
OF_A_SEEN_COMPANY = f"{EVERYTHING} or company_id in (select id from company)"
OF_A_SEEN_PROGRAMME = (
    "((select coalesce(current_setting('laurel.programmes', true), '') = '') or programme_id is null or programme_id in"
    " (select unnest(string_to_array(nullif(current_setting('laurel.programmes', true), ''), ',')::uuid[])))"
)
OF_A_SEEN_COMPANY_AND_PROGRAMME = f"({OF_A_SEEN_COMPANY}) and {OF_A_SEEN_PROGRAMME}"

SCOPED = ("claim_attachment", "claim_event", "claim_further_line", "claim_proposal", "claim_verdict")
# They quote rows of a file, which are of many companies: seen with the import only.
OF_A_SEEN_IMPORT = f"{EVERYTHING} or import_id in (select id from file_import)"
SEEN_WITH_THEIR_IMPORT = ("import_change", "import_repair", "row_correction")
POLICIES = {
    **dict.fromkeys(SCOPED, OF_A_SEEN_COMPANY_AND_PROGRAMME),
    **dict.fromkeys(SEEN_WITH_THEIR_IMPORT, OF_A_SEEN_IMPORT),
}

# table, name, what must hold from now on in place of what held.
CHECKS = (
    ("claim", "state", True, "state in ('waiting', 'asked', 'proposed', 'approved', 'rejected', 'withdrawn')"),
    ("claim", "revision", True, "state not in ('approved', 'rejected', 'withdrawn') or revision > 0"),
    ("claim", "verdict", False, "verdict in ('match', 'match_partial', 'inflated_quantity', 'typo_in_invoice', 'unknown_invoice', 'duplicate_claim', 'claimed_by_another_customer', 'wrong_date')"),
    ("claim", "judged", False, '(verdict is null) = (judged_at is null)'),
    ("claim", "assigned", False, '(assigned_to is null) = (assigned_at is null)'),
    ("claim_decision", "kind", True, "kind in ('approve', 'reject', 'correct', 'reopen', 'withdraw')"),
    ("file_import", "state", True, "state in ('queued', 'running', 'waiting', 'accepted', 'declined', 'refused', 'cancelled', 'checked', 'undone')"),
    ("file_import", "mode", False, "mode in ('add', 'update', 'check')"),
    ("file_import", "waits_for", False, "waits_for in ('checks', 'changes')"),
    ("file_import", "waiting", False, "(state = 'waiting') = (waits_for is not null)"),
)


def upgrade() -> None:
    op.create_table('claim_event',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('claim_number', sa.BigInteger(), nullable=False),
    sa.Column('programme_id', sa.UUID(), nullable=True),
    sa.Column('company_id', sa.UUID(), nullable=True),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('words', sa.Text(), nullable=True),
    sa.Column('detail', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('request_key', sa.UUID(), nullable=True),
    sa.Column('happened_by', sa.UUID(), nullable=True),
    sa.Column('happened_by_name', sa.Text(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("kind in ('assigned', 'asked', 'answered', 'proposed', 'agreed', 'disagreed', 'escalated', 'document_added')", name=op.f('ck_claim_event_kind')),
    sa.CheckConstraint("kind not in ('asked', 'answered', 'disagreed') or words is not null", name=op.f('ck_claim_event_words')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_claim_event')),
    sa.UniqueConstraint('request_key', name=op.f('uq_claim_event_request_key'))
    )
    op.create_index(op.f('ix_claim_event_claim_number'), 'claim_event', ['claim_number'], unique=False)
    op.create_table('claim_proposal',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('claim_number', sa.BigInteger(), nullable=False),
    sa.Column('programme_id', sa.UUID(), nullable=True),
    sa.Column('company_id', sa.UUID(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('sales_line_id', sa.BigInteger(), nullable=True),
    sa.Column('quantity', sa.Numeric(), nullable=True),
    sa.Column('amount_minor', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.CHAR(length=3), nullable=True),
    sa.Column('reason_code', sa.Text(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('payload_hash', sa.Text(), nullable=False),
    sa.Column('proposed_by', sa.UUID(), nullable=False),
    sa.Column('proposed_by_name', sa.Text(), nullable=False),
    sa.Column('proposed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('outcome', sa.Text(), nullable=True),
    sa.Column('decided_by', sa.UUID(), nullable=True),
    sa.Column('decided_by_name', sa.Text(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("kind in ('approve', 'reject', 'correct')", name=op.f('ck_claim_proposal_kind')),
    sa.CheckConstraint("outcome in ('agreed', 'disagreed', 'withdrawn')", name=op.f('ck_claim_proposal_outcome')),
    sa.CheckConstraint("outcome not in ('agreed', 'disagreed') or decided_by <> proposed_by", name=op.f('ck_claim_proposal_two_people')),
    sa.CheckConstraint("outcome not in ('agreed', 'disagreed') or decided_by is not null", name=op.f('ck_claim_proposal_decided_by')),
    sa.CheckConstraint('(outcome is null) = (decided_at is null)', name=op.f('ck_claim_proposal_decided')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_claim_proposal'))
    )
    op.create_index('ix_claim_proposal_claim_number', 'claim_proposal', ['claim_number'], unique=False)
    op.create_index('uq_claim_proposal_waiting', 'claim_proposal', ['claim_number'], unique=True, postgresql_where=sa.text('outcome is null'))
    op.create_table('claim_verdict',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('claim_number', sa.BigInteger(), nullable=False),
    sa.Column('programme_id', sa.UUID(), nullable=True),
    sa.Column('company_id', sa.UUID(), nullable=True),
    sa.Column('verdict', sa.Text(), nullable=False),
    sa.Column('sales_line_id', sa.BigInteger(), nullable=True),
    sa.Column('proposed_invoice_no', sa.Text(), nullable=True),
    sa.Column('duplicate_of', sa.BigInteger(), nullable=True),
    sa.Column('judged_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('txid', Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False),
    sa.CheckConstraint("(verdict = 'duplicate_claim') = (duplicate_of is not null)", name=op.f('ck_claim_verdict_duplicate_of')),
    sa.CheckConstraint("verdict in ('match', 'match_partial', 'inflated_quantity', 'typo_in_invoice', 'unknown_invoice', 'duplicate_claim', 'claimed_by_another_customer', 'wrong_date')", name=op.f('ck_claim_verdict_verdict')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_claim_verdict'))
    )
    op.create_index('ix_claim_verdict_claim_number', 'claim_verdict', ['claim_number', 'id'], unique=False)
    op.create_index(op.f('ix_claim_verdict_txid'), 'claim_verdict', ['txid'], unique=False)
    op.create_table('source_mapping',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('dataset', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('body', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('header', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('is_retired', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('saved_by', sa.UUID(), nullable=True),
    sa.Column('saved_by_name', sa.Text(), nullable=False),
    sa.Column('saved_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('length(name) between 1 and 100', name=op.f('ck_source_mapping_name')),
    sa.CheckConstraint('version > 0', name=op.f('ck_source_mapping_version')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_source_mapping')),
    sa.UniqueConstraint('dataset', 'name', 'version', name='uq_source_mapping_dataset')
    )
    op.create_table('source_thresholds',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('changes', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('set_by', sa.UUID(), nullable=True),
    sa.Column('set_by_name', sa.Text(), nullable=False),
    sa.Column('set_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('version > 0', name=op.f('ck_source_thresholds_version')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_source_thresholds')),
    sa.UniqueConstraint('source', 'version', name='uq_source_thresholds_source')
    )
    op.create_table('product_price',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('price_list', sa.Text(), nullable=False),
    sa.Column('product_id', sa.UUID(), nullable=False),
    sa.Column('currency', sa.CHAR(length=3), nullable=False),
    sa.Column('unit_price', sa.Numeric(), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('valid_to', sa.Date(), nullable=True),
    sa.Column('created_by_import', sa.UUID(), nullable=True),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('unit_price >= 0', name=op.f('ck_product_price_unit_price')),
    sa.CheckConstraint('valid_to >= valid_from', name=op.f('ck_product_price_dates')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_product_price_product_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_product_price')),
    sa.UniqueConstraint('price_list', 'product_id', 'valid_from', name='uq_product_price_price_list')
    )
    op.create_index(op.f('ix_product_price_product_id'), 'product_price', ['product_id'], unique=False)
    op.create_table('import_change',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('import_id', sa.UUID(), nullable=False),
    sa.Column('sheet', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('row_no', sa.BigInteger(), nullable=False),
    sa.Column('record', sa.Text(), nullable=False),
    sa.Column('field', sa.Text(), nullable=True),
    sa.Column('before', sa.Text(), nullable=True),
    sa.Column('after', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['import_id'], ['file_import.id'], name=op.f('fk_import_change_import_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_import_change'))
    )
    op.create_index('ix_import_change_import_id', 'import_change', ['import_id', 'row_no'], unique=False)
    op.create_index('ix_import_change_record', 'import_change', ['record'], unique=False)
    op.create_table('import_repair',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('request_key', sa.UUID(), nullable=False),
    sa.Column('import_id', sa.UUID(), nullable=False),
    sa.Column('file_id', sa.UUID(), nullable=True),
    sa.Column('cells', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('runs', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('rows', sa.BigInteger(), nullable=True),
    sa.Column('accepted', sa.BigInteger(), nullable=True),
    sa.Column('duplicates', sa.BigInteger(), nullable=True),
    sa.Column('still_bad', sa.BigInteger(), nullable=True),
    sa.Column('refusal', sa.Text(), nullable=True),
    sa.Column('requested_by', sa.UUID(), nullable=True),
    sa.Column('requested_by_name', sa.Text(), nullable=False),
    sa.Column('requested_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state in ('queued', 'running', 'done', 'refused')", name=op.f('ck_import_repair_state')),
    sa.CheckConstraint('(file_id is null) = (cells is not null)', name=op.f('ck_import_repair_source')),
    sa.ForeignKeyConstraint(['file_id'], ['received_file.id'], name=op.f('fk_import_repair_file_id')),
    sa.ForeignKeyConstraint(['import_id'], ['file_import.id'], name=op.f('fk_import_repair_import_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_import_repair')),
    sa.UniqueConstraint('request_key', name=op.f('uq_import_repair_request_key'))
    )
    op.create_index(op.f('ix_import_repair_import_id'), 'import_repair', ['import_id'], unique=False)
    op.create_table('import_undo',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('request_key', sa.UUID(), nullable=False),
    sa.Column('import_id', sa.UUID(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('lines', sa.BigInteger(), nullable=False),
    sa.Column('lines_kept', sa.BigInteger(), nullable=False),
    sa.Column('claims_withdrawn', sa.BigInteger(), nullable=False),
    sa.Column('claims_reopened', sa.BigInteger(), nullable=False),
    sa.Column('records', sa.BigInteger(), nullable=False),
    sa.Column('outcomes', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('net_minor', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('undone_by', sa.UUID(), nullable=True),
    sa.Column('undone_by_name', sa.Text(), nullable=False),
    sa.Column('undone_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('length(reason) between 3 and 1000', name=op.f('ck_import_undo_reason')),
    sa.ForeignKeyConstraint(['import_id'], ['file_import.id'], name=op.f('fk_import_undo_import_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_import_undo')),
    sa.UniqueConstraint('import_id', name=op.f('uq_import_undo_import_id')),
    sa.UniqueConstraint('request_key', name=op.f('uq_import_undo_request_key'))
    )
    op.create_table('removed_record',
    sa.Column('record_id', sa.UUID(), nullable=False),
    sa.Column('table_name', sa.Text(), nullable=False),
    sa.Column('import_id', sa.UUID(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('txid', Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False),
    sa.ForeignKeyConstraint(['import_id'], ['file_import.id'], name=op.f('fk_removed_record_import_id')),
    sa.PrimaryKeyConstraint('record_id', name=op.f('pk_removed_record'))
    )
    op.create_index(op.f('ix_removed_record_txid'), 'removed_record', ['txid'], unique=False)
    op.add_column('participant', sa.Column('created_by_import', sa.UUID(), nullable=True))
    # For each company and participant that goes, the database looks who names it.
    op.create_index(op.f('ix_company_distributor_id'), 'company', ['distributor_id'], unique=False)
    op.create_index(op.f('ix_claim_document_company_id'), 'claim_document', ['company_id'], unique=False)
    op.create_index(op.f('ix_entitlement_company_id'), 'entitlement', ['company_id'], unique=False)
    op.create_index(op.f('ix_entitlement_participant_id'), 'entitlement', ['participant_id'], unique=False)
    op.create_table('claim_attachment',
    sa.Column('claim_number', sa.BigInteger(), nullable=False),
    sa.Column('document_id', sa.UUID(), nullable=False),
    sa.Column('programme_id', sa.UUID(), nullable=True),
    sa.Column('company_id', sa.UUID(), nullable=False),
    sa.Column('added_by', sa.UUID(), nullable=True),
    sa.Column('added_by_name', sa.Text(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['document_id'], ['claim_document.id'], name=op.f('fk_claim_attachment_document_id')),
    sa.PrimaryKeyConstraint('claim_number', 'document_id', name=op.f('pk_claim_attachment'))
    )
    op.create_table('row_correction',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('repair_id', sa.UUID(), nullable=False),
    sa.Column('import_id', sa.UUID(), nullable=False),
    sa.Column('sheet', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('row_no', sa.BigInteger(), nullable=False),
    sa.Column('before', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('after', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.ForeignKeyConstraint(['repair_id'], ['import_repair.id'], name=op.f('fk_row_correction_repair_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_row_correction')),
    sa.UniqueConstraint('repair_id', 'sheet', 'row_no', name=op.f('uq_row_correction_repair_id_sheet_row_no'))
    )
    op.create_index('ix_row_correction_import_id', 'row_correction', ['import_id'], unique=False)
    op.create_index(op.f('ix_row_correction_repair_id'), 'row_correction', ['repair_id'], unique=False)
    op.create_table('claim_further_line',
    sa.Column('claim_number', sa.BigInteger(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('sales_line_id', sa.BigInteger(), nullable=False),
    sa.Column('programme_id', sa.UUID(), nullable=True),
    sa.Column('company_id', sa.UUID(), nullable=False),
    sa.Column('quantity', sa.Numeric(), nullable=False),
    sa.Column('amount_minor', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('quantity > 0', name=op.f('ck_claim_further_line_quantity')),
    sa.PrimaryKeyConstraint('claim_number', 'revision', 'sales_line_id', name=op.f('pk_claim_further_line'))
    )
    op.create_index(op.f('ix_claim_further_line_sales_line_id'), 'claim_further_line', ['sales_line_id'], unique=False)
    op.create_table('claims_judged',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('low_txid', Xid8(), nullable=False),
    sa.CheckConstraint('id = 1', name=op.f('ck_claims_judged_only_one')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_claims_judged'))
    )
    op.alter_column('claim', 'company_id', nullable=True)
    op.alter_column('claim_decision', 'company_id', nullable=True)
    op.add_column('claim', sa.Column('company_code_said', sa.Text(), nullable=True))
    op.create_check_constraint(op.f('ck_claim_company'), 'claim', '(company_id is null) = (company_code_said is not null)')
    op.create_check_constraint(op.f('ck_claim_company_approved'), 'claim', "company_id is not null or state <> 'approved'")
    op.drop_constraint('uq_claim_company_id', 'claim', type_='unique')
    op.create_index('uq_claim_company_id', 'claim', ['company_id', 'claim_no'], unique=True, postgresql_where=sa.text("state <> 'withdrawn'"))
    op.create_index('uq_claim_company_code_said', 'claim', ['company_code_said', 'claim_no'], unique=True, postgresql_where=sa.text("company_id is null and state <> 'withdrawn'"))
    op.add_column('claim', sa.Column('verdict', sa.Text(), nullable=True))
    op.add_column('claim', sa.Column('best_line_id', sa.BigInteger(), nullable=True))
    op.add_column('claim', sa.Column('judged_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('claim', sa.Column('at_stake_minor', sa.BigInteger(), nullable=True))
    op.add_column('claim', sa.Column('expected_loss_minor', sa.BigInteger(), nullable=True))
    op.add_column('claim', sa.Column('stake_currency', sa.CHAR(length=3), nullable=True))
    op.add_column('claim', sa.Column('assigned_to', sa.UUID(), nullable=True))
    op.add_column('claim', sa.Column('assigned_to_name', sa.Text(), nullable=True))
    op.add_column('claim', sa.Column('assigned_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('claim', sa.Column('escalated_at', sa.DateTime(timezone=True), nullable=True))
    op.drop_index(op.f('ix_claim_waiting'), table_name='claim', postgresql_where="(state = 'waiting'::text)")
    op.create_index('ix_claim_company_invoice', 'claim', ['company_id', 'invoice_no'], unique=False)
    op.create_index('ix_claim_undecided', 'claim', ['recorded_at'], unique=False, postgresql_where=sa.text("state in ('waiting', 'asked', 'proposed')"))
    op.add_column('claim_decision', sa.Column('reason_code', sa.Text(), nullable=True))
    op.add_column('claim_decision', sa.Column('is_by_rule', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.add_column('claim_decision', sa.Column('units_back', sa.Numeric(), nullable=True))
    op.add_column('file_import', sa.Column('mode', sa.Text(), server_default=sa.text("'add'"), nullable=False))
    op.add_column('file_import', sa.Column('options', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False))
    op.add_column('file_import', sa.Column('waits_for', sa.Text(), nullable=True))
    op.add_column('file_import', sa.Column('phase_started_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('file_import', sa.Column('rows_expected', sa.BigInteger(), nullable=True))
    op.add_column('file_import', sa.Column('changed', sa.BigInteger(), nullable=True))
    op.add_column('file_import', sa.Column('cancel_asked_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('file_import', sa.Column('cancel_asked_by_name', sa.Text(), nullable=True))
    op.add_column('quarantined_row', sa.Column('cells', postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column('quarantined_row', sa.Column('repair_id', sa.UUID(), nullable=True))
    op.add_column('sales_line', sa.Column('reverses_id', sa.BigInteger(), nullable=True))
    op.create_index('uq_sales_line_reverses_id', 'sales_line', ['reverses_id'], unique=True, postgresql_where=sa.text('reverses_id is not null'))
    op.add_column('sales_line', sa.Column('edition', sa.Integer(), server_default=sa.text('1'), nullable=False))
    op.create_check_constraint(op.f('ck_sales_line_edition'), 'sales_line', '(reverses_id is null) = (edition > 0) and edition <> 0')
    op.drop_index('uq_sales_line_key', table_name='sales_line')
    op.create_index('uq_sales_line_key', 'sales_line', ['company_id', 'line_key', 'occurrence', 'edition'], unique=True)
    op.create_index('ix_sales_line_reversal_txid', 'sales_line', ['txid'], unique=False, postgresql_where=sa.text('reverses_id is not null'))
    op.create_table('repeated_line',
    sa.Column('company_id', sa.UUID(), nullable=False),
    sa.Column('line_key', sa.UUID(), nullable=False),
    sa.Column('occurrence', sa.Integer(), nullable=False),
    sa.Column('import_id', sa.UUID(), nullable=False),
    sa.Column('sheet', sa.Text(), nullable=True),
    sa.Column('row_no', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('company_id', 'line_key', 'occurrence', 'import_id', name=op.f('pk_repeated_line'))
    )
    op.execute("update file_import set waits_for = 'checks' where state = 'waiting'")
    for table, name, stood, holds in CHECKS:
        if stood:
            op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, holds)

    for table, (inserts, updates, deletes) in APP_RIGHTS.items():
        op.execute(f"grant select on {table} to laurel_app, laurel_replica, laurel_backup")
        if inserts:
            op.execute(f"grant insert on {table} to laurel_app")
        if updates:
            op.execute(f"grant update ({', '.join(updates)}) on {table} to laurel_app")
        if deletes:
            op.execute(f"grant delete on {table} to laurel_app")
    for table, columns in MORE_UPDATES.items():
        op.execute(f"grant update ({', '.join(columns)}) on {table} to laurel_app")
    for table in MORE_DELETES:
        op.execute(f"grant delete on {table} to laurel_app")
    # Records are deleted with the import that added them, and in no other way.
    op.execute(
        "create function guard_deletion() returns trigger language plpgsql as $$ declare brought_by uuid;"
        " begin if current_user <> 'laurel_app' then return old; end if;"
        " if tg_table_name = 'participant_person' then"
        "   select created_by_import into brought_by from participant where id = (to_jsonb(old)->>'participant_id')::uuid;"
        " else brought_by := (to_jsonb(old)->>'created_by_import')::uuid; end if;"
        " if not exists (select from file_import where id = brought_by and state = 'undone') then"
        "   raise insufficient_privilege using message = 'only what an undone import added may be deleted'; end if;"
        " return old; end $$"
    )
    for table in (*MORE_DELETES, "product_price"):
        op.execute(
            f"create trigger guard_deletion before delete on {table} for each row execute function guard_deletion()"
        )
    for table, visible in POLICIES.items():
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(
            f"create policy scope on {table} using ({visible}) with check ({visible})"
        )
        op.execute(f"create policy copies on {table} for select to laurel_replica, laurel_backup using (true)")
    op.execute("alter table repeated_line enable row level security")
    op.execute("alter table repeated_line force row level security")
    op.execute(
        f"create policy scope on repeated_line using ({OF_A_SEEN_COMPANY}) with check ({OF_A_SEEN_COMPANY})"
    )
    op.execute("create policy copies on repeated_line for select to laurel_replica, laurel_backup using (true)")
    op.execute("grant usage on all sequences in schema public to laurel_app")
