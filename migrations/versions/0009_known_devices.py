"""Browsers that somebody signed in with: who fails elsewhere does not keep the person out of them."""

from alembic import op
import sqlalchemy as sa

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('known_device',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('token_hash', sa.LargeBinary(), nullable=False),
    sa.Column('user_id', sa.UUID(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('octet_length(token_hash) = 32', name=op.f('ck_known_device_token_hash')),
    sa.ForeignKeyConstraint(['user_id'], ['app_user.id'], name=op.f('fk_known_device_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_known_device')),
    sa.UniqueConstraint('token_hash', 'user_id', name='uq_known_device_browser')
    )
    op.create_index('ix_known_device_user', 'known_device', ['user_id'], unique=False)
    op.create_index('ix_known_device_expiry', 'known_device', ['expires_at'], unique=False)
    op.execute("grant select on known_device to laurel_app, laurel_replica, laurel_backup")
    op.execute("grant insert, delete, update (token_hash, expires_at) on known_device to laurel_app")
    op.drop_constraint(op.f('ck_sign_in_failure_kind'), 'sign_in_failure', type_='check')
    op.create_check_constraint(
        op.f('ck_sign_in_failure_kind'), 'sign_in_failure', "kind in ('account', 'address', 'device')"
    )
