"""What the subdomains give to the analytics replica, table by table; `FactTable` says what each part means."""

from babel.numbers import list_currencies

from loyalty_core.analytics import FactTable
from loyalty_core.kernel import minor_digits

# Room for what a total may come to; what is finer than nine places is rounded, in charts only.
QUANTITY = "DECIMAL(38, 9)"
POINT_VALUE = "DECIMAL(38, 9)"


def _minor_units(currency: str) -> str:
    """Return SQL for how many minor units one major unit of the currency in this column has."""
    unusual = {code: minor_digits(code) for code in sorted(list_currencies()) if minor_digits(code) != 2}
    cases = " ".join(f"when '{code}' then {10**digits}" for code, digits in unusual.items())
    return f"case {currency} {cases} else 100 end"


FACT_TABLES = (
    FactTable(
        "region",
        {"id": "UUID", "code": "VARCHAR", "name": "VARCHAR", "parent_id": "UUID"},
        key="id",
        region="id",
    ),
    FactTable(
        "company",
        {
            "id": "UUID",
            "code": "VARCHAR",
            "name": "VARCHAR",
            "kind": "VARCHAR",
            "region_id": "UUID",
            "salesperson_id": "UUID",
            "distributor_id": "UUID",
        },
        key="id",
        company="id",
    ),
    FactTable(
        "product",
        {"id": "UUID", "code": "VARCHAR", "name": "VARCHAR", "brand": "VARCHAR", "product_group": "VARCHAR"},
        key="id",
    ),
    # Ids of what came with an import that was undone since.
    FactTable(
        "removed_record",
        {"record_id": "UUID"},
        key="record_id",
        never_changes=True,
        removes={
            "company": "id",
            "product": "id",
            "participant": "id",
            "participant_person": "participant_id",
        },
    ),
    FactTable(
        "app_user",
        {"id": "UUID", "display_name": "VARCHAR"},
        key="id",
        # The people that somebody's own companies have to do with.
        seen_when=(
            "id in (select salesperson_id from company) or id in (select requested_by from reward_order)"
        ),
    ),
    FactTable(
        "participant",
        {
            "id": "UUID",
            "code": "VARCHAR",
            "company_id": "UUID",
            "participant_group": "VARCHAR",
            "is_owner": "BOOLEAN",
            "state": "VARCHAR",
            "registered_at": "TIMESTAMPTZ",
        },
        key="id",
        read_as={"registered_at": "participant.requested_at"},
        company="company_id",
    ),
    FactTable(
        "participant_person",
        {"participant_id": "UUID", "company_id": "UUID", "display_name": "VARCHAR"},
        key="participant_id",
        company="company_id",
    ),
    FactTable(
        "programme",
        {
            "id": "UUID",
            "code": "VARCHAR",
            "name": "VARCHAR",
            "currency": "VARCHAR",
            "collects": "VARCHAR",
            "earns_from": "VARCHAR",
            "starts_on": "DATE",
            "ends_on": "DATE",
            "time_zone": "VARCHAR",
            "goal_sales_minor": "BIGINT",
            "point_value": POINT_VALUE,
            "inactive_after_days": "INTEGER",
        },
        key="id",
        joins=(
            "left join programme_version on programme_version.programme_id = programme.id"
            " and programme_version.version = programme.current_version"
        ),
        read_as={
            "goal_sales_minor": (
                "round((programme_version.body->'goals'->>'sales')::numeric"
                f" * ({_minor_units('programme.currency')}))::bigint"
            ),
            "point_value": "(programme_version.body->>'point_value')::numeric",
            "inactive_after_days": "(programme_version.body->>'inactive_after_days')::integer",
        },
        programme="id",
    ),
    FactTable(
        "sales_line",
        {
            "id": "BIGINT",
            "company_id": "UUID",
            "region_id": "UUID",
            "product_id": "UUID",
            "invoice_no": "VARCHAR",
            "quantity": QUANTITY,
            "amount_minor": "BIGINT",
            "currency": "VARCHAR",
            "sold_on": "DATE",
            "sold_at": "TIMESTAMPTZ",
            "import_id": "UUID",
            "sheet": "VARCHAR",
            "row_no": "BIGINT",
            "reverses_id": "BIGINT",
        },
        key="id",
        never_changes=True,
        company="company_id",
    ),
    FactTable(
        "award",
        {
            "id": "BIGINT",
            "sales_line_id": "BIGINT",
            "claim_number": "BIGINT",
            "programme_id": "UUID",
            "company_id": "UUID",
            "product_id": "UUID",
            "points": "BIGINT",
            "basis_minor": "BIGINT",
            "happened_on": "DATE",
            "rule_id": "VARCHAR",
        },
        key="id",
        never_changes=True,
        # The line may arrive after its award, when a transaction between the two takes long: so its product
        # comes with the award.
        joins="join sales_line on sales_line.id = award.sales_line_id",
        read_as={"product_id": "sales_line.product_id"},
        company="company_id",
        programme="programme_id",
    ),
    FactTable(
        "account",
        {
            "id": "UUID",
            "programme_id": "UUID",
            "kind": "VARCHAR",
            "owner_id": "UUID",
            "company_id": "UUID",
            "balance": "BIGINT",
        },
        key="id",
        company="company_id",
        programme="programme_id",
    ),
    FactTable(
        "claim",
        {
            "number": "BIGINT",
            "claim_no": "VARCHAR",
            "programme_id": "UUID",
            "company_id": "UUID",
            "participant_id": "UUID",
            "state": "VARCHAR",
            "product_code": "VARCHAR",
            "quantity": QUANTITY,
            "sold_on": "DATE",
            "recorded_at": "TIMESTAMPTZ",
            "decided_at": "TIMESTAMPTZ",
            "sales_line_id": "BIGINT",
            "approved_quantity": QUANTITY,
        },
        key="number",
        company="company_id",
        programme="programme_id",
    ),
    # Of a company that nobody knows there is no id: whoever does not see everything sees none of these.
    FactTable(
        "claim_verdict",
        {
            "id": "BIGINT",
            "claim_number": "BIGINT",
            "programme_id": "UUID",
            "company_id": "UUID",
            "verdict": "VARCHAR",
            "sales_line_id": "BIGINT",
            "proposed_invoice_no": "VARCHAR",
            "judged_at": "TIMESTAMPTZ",
        },
        key="id",
        never_changes=True,
        company="company_id",
        programme="programme_id",
    ),
    FactTable(
        "claim_decision",
        {
            "id": "BIGINT",
            "claim_number": "BIGINT",
            "revision": "INTEGER",
            "programme_id": "UUID",
            "company_id": "UUID",
            "kind": "VARCHAR",
            "sales_line_id": "BIGINT",
            "quantity": QUANTITY,
            "is_by_rule": "BOOLEAN",
            "decided_at": "TIMESTAMPTZ",
        },
        key="id",
        never_changes=True,
        company="company_id",
        programme="programme_id",
    ),
    FactTable(
        "reward",
        {
            "id": "UUID",
            "programme_id": "UUID",
            "code": "VARCHAR",
            "name": "VARCHAR",
            "category": "VARCHAR",
            "kind": "VARCHAR",
            "points": "BIGINT",
            "cost_minor": "BIGINT",
            "stock": "BIGINT",
            "state": "VARCHAR",
        },
        key="id",
        programme="programme_id",
    ),
    FactTable(
        "reward_order",
        {
            "id": "UUID",
            "number": "BIGINT",
            "programme_id": "UUID",
            "company_id": "UUID",
            "participant_id": "UUID",
            "requested_by": "UUID",
            "reward_id": "UUID",
            "points": "BIGINT",
            "cost_minor": "BIGINT",
            "currency": "VARCHAR",
            "budget_id": "UUID",
            "state": "VARCHAR",
            "ordered_at": "TIMESTAMPTZ",
            "decided_at": "TIMESTAMPTZ",
        },
        key="id",
        company="company_id",
        programme="programme_id",
    ),
    FactTable(
        "budget",
        {
            "id": "UUID",
            "programme_id": "UUID",
            "region_id": "UUID",
            "starts_on": "DATE",
            "ends_on": "DATE",
            "currency": "VARCHAR",
            "set_minor": "BIGINT",
            "reserved_minor": "BIGINT",
            "spent_minor": "BIGINT",
        },
        key="id",
        region="region_id",
        programme="programme_id",
    ),
    FactTable(
        "budget_movement",
        {
            "id": "BIGINT",
            "budget_id": "UUID",
            "programme_id": "UUID",
            "region_id": "UUID",
            "kind": "VARCHAR",
            "amount_minor": "BIGINT",
            "recorded_at": "TIMESTAMPTZ",
            "set_after_minor": "BIGINT",
            "reserved_after_minor": "BIGINT",
            "spent_after_minor": "BIGINT",
        },
        key="id",
        never_changes=True,
        joins="join budget on budget.id = budget_movement.budget_id",
        read_as={"programme_id": "budget.programme_id"},
        region="region_id",
        programme="programme_id",
    ),
)
