"""Two people: an unknown decider is none, and what a file changes of partners is let through by somebody else."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# A comparison with NULL is NULL, and a CHECK lets NULL pass: whoever decided has to be named.
CHECKS: dict[str, str] = {
    "budget_change": "state not in ('approved', 'rejected')"
    " or (decided_by is not null and decided_by is distinct from asked_by)",
    "claim_proposal": "outcome is null or outcome not in ('agreed', 'disagreed')"
    " or (decided_by is not null and decided_by is distinct from proposed_by)",
    "company_registration": "state <> 'approved'"
    " or (decided_by is not null and decided_by is distinct from requested_by)",
    "participant": "state <> 'active' or (decided_by is not null and decided_by is distinct from requested_by)",
    "reward_order": "state not in ('approved', 'rejected')"
    " or (decided_by is not null and decided_by is distinct from requested_by)",
    "file_import": "state <> 'accepted' or mode <> 'update' or dataset not in ('companies', 'participants')"
    " or coalesce(changed, 0) = 0 or (decided_by is not null and decided_by is distinct from requested_by)",
}
# Where none stood before.
NEW = frozenset({"file_import"})


def upgrade() -> None:
    for table, holds in CHECKS.items():
        name = f"ck_{table}_two_people"
        if table not in NEW:
            op.execute(f"alter table {table} drop constraint {name}")
        # What was decided before stays as it is on record; all that is decided from now on has to hold.
        op.execute(f"alter table {table} add constraint {name} check ({holds}) not valid")
        op.execute(
            f"do $$ begin alter table {table} validate constraint {name};"
            f" exception when check_violation then raise warning '% holds earlier decisions without a second person',"
            f" '{table}'; end $$"
        )
