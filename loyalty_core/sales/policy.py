"""What can be wrong with a row of sales, in words."""

from loyalty_core.kernel import _


def reason_text(reason: str) -> str:
    """Say what a quarantine reason means and what to do about it; an unknown reason is said as it is."""
    texts = {
        "missing_company": _("No company in the row. Fill it in, or leave the row out on purpose."),
        "missing_invoice": _("No invoice number in the row."),
        "missing_product": _("No product in the row."),
        "missing_region": _("The company is new and the row names no region for it."),
        "missing_quantity": _("No quantity in the row."),
        "missing_price": _("Neither a unit price nor an amount in the row."),
        "missing_date": _("No date of sale in the row."),
        "missing_currency": _("No currency in the row, and the mapping names none."),
        "unreadable_quantity": _("The quantity is not a number in the mapping's format."),
        "unreadable_unit_price": _("The unit price is not a number in the mapping's format."),
        "unreadable_amount": _("The amount is not a number in the mapping's format."),
        "unreadable_sold_at": _("The date is not in one of the mapping's formats, or does not exist."),
        "beyond_last_column": _("The row has more cells than the file has columns."),
        "zero_quantity": _("The quantity is zero: nothing was sold or returned."),
        "negative_price": _(
            "The price, or the amount beside its quantity, is below zero. A return has a negative quantity, "
            "and where no price is named a negative amount with it."
        ),
        "amount_differs": _("The amount is not quantity times unit price."),
        "amount_too_large": _("The amount is larger than any sale can be."),
        "text_too_long": _("A code or name is longer than 300 characters."),
        "control_character": _("A text holds a control character that no keyboard writes."),
        "date_too_early": _("The date of sale lies before 1990."),
        "date_in_the_future": _("The date of sale lies in the future."),
        "unknown_currency": _("The currency is not an ISO 4217 code."),
        "unknown_company": _("The company is not known. Add it first, or let the import create it."),
        "unknown_region": _("The region is not known. Add it first, or let the import create it."),
        "unknown_product": _("The product is not known. Add it first, or let the import create it."),
        "conflicts_with_earlier": _("The same invoice line came before with other contents."),
    }
    return texts.get(reason, reason)
