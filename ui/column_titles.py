"""What the columns of files are called, on pages and on the command line."""

from loyalty_core.kernel import _


def column_title(name: str) -> str:
    """Return what a canonical column holds."""
    return {
        "company_code": _("Company code"),
        "company_name": _("Company name"),
        "region": _("Region"),
        "outlet_code": _("Outlet code"),
        "invoice_no": _("Invoice number"),
        "line_no": _("Line number"),
        "product_code": _("Product code"),
        "product_name": _("Product name"),
        "brand": _("Brand"),
        "product_group": _("Product group"),
        "sold_at": _("Date of sale"),
        "quantity": _("Quantity"),
        "unit_price": _("Unit price"),
        "amount": _("Amount"),
        "currency": _("Currency"),
        "claim_no": _("Claim number"),
        "participant_code": _("Participant"),
        "programme_code": _("Programme"),
        "sold_on": _("Date of sale"),
        "code": _("Code"),
        "name": _("Name"),
        "region_code": _("Region"),
        "kind": _("Kind"),
        "distributor_code": _("Distributor"),
        "salesperson": _("Salesperson"),
        "display_name": _("Name"),
        "group": _("Group"),
        "is_owner": _("Owner"),
        "phone": _("Phone"),
        "email": _("E-mail"),
        "price_list": _("Price list"),
        "valid_from": _("Valid from"),
        "valid_to": _("Valid to"),
        "starts_on": _("First day"),
        "reason": _("Reason"),
        "beyond_last_column": _("Beyond the last column"),
    }.get(name, name)
