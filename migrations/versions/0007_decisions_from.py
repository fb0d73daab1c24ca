"""Accounts that an administrator made or took over decide a day later."""

from alembic import op
import sqlalchemy as sa

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("app_user", sa.Column("decisions_from", sa.DateTime(timezone=True), nullable=True))
    op.execute("grant update (decisions_from) on app_user to laurel_app")
