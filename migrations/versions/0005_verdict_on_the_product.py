"""A verdict of its own where the company has the invoice, without the product that is claimed."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BEFORE = "'match', 'match_partial', 'inflated_quantity', 'typo_in_invoice', 'unknown_invoice', 'duplicate_claim', 'claimed_by_another_customer', 'wrong_date'"
VERDICTS = BEFORE.replace("'unknown_invoice'", "'unknown_invoice', 'unknown_product'")


def upgrade() -> None:
    for table in ("claim", "claim_verdict"):
        op.drop_constraint(op.f(f"ck_{table}_verdict"), table, type_="check")
        op.create_check_constraint(op.f(f"ck_{table}_verdict"), table, f"verdict in ({VERDICTS})")

