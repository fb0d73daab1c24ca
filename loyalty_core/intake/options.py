"""What a person says of a file before it is imported, beyond the mapping."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from loyalty_core.kernel import Refusal, _

_MOST_SHEETS = 100
_MOST_SHEET_NAME = 300


class ImportOptionsError(Refusal):
    """What was said of the file can't be understood."""


def checked_options(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the options as they are kept with an import, those that say nothing left out.

    `sheets` are names of sheets; `control_total` is what all amounts of the file come to, rejected rows included, a
    decimal as text ("1234.56"); `period_from` and `period_to` are the days, "YYYY-MM-DD", between which all dates of
    the file lie, both included. Raises ImportOptionsError.
    """
    kept = {name: value for name, value in (options or {}).items() if value not in (None, "", [], ())}
    unknown = kept.keys() - {"sheets", "control_total", "period_from", "period_to"}
    if unknown:
        raise ImportOptionsError(
            _("An import has no option {names}. Take it away and start again.").format(
                names=", ".join(sorted(unknown))
            )
        )
    if "sheets" in kept:
        kept["sheets"] = _sheets(kept["sheets"])
    if "control_total" in kept:
        kept["control_total"] = _total(kept["control_total"])
    days = {name: _day(kept[name]) for name in ("period_from", "period_to") if name in kept}
    kept |= {name: day.isoformat() for name, day in days.items()}
    if len(days) == 2 and days["period_from"] > days["period_to"]:
        raise ImportOptionsError(
            _("The period ends before it begins: {first} to {last}. Turn the days round.").format(
                first=kept["period_from"], last=kept["period_to"]
            )
        )
    return kept


def _sheets(value: object) -> list[str]:
    if (
        isinstance(value, list | tuple)
        and len(value) <= _MOST_SHEETS
        and all(isinstance(name, str) and 0 < len(name) <= _MOST_SHEET_NAME for name in value)
    ):
        return list(dict.fromkeys(value))
    raise ImportOptionsError(_("The sheets to read are a list of names. Choose them again."))


def _total(value: object) -> str:
    try:
        total = Decimal(str(value).strip())
    except InvalidOperation:
        total = Decimal("nan")
    if not total.is_finite() or total.adjusted() > 15:
        raise ImportOptionsError(
            _("“{text}” is no control total. Write the sum as digits with a point, as in 1234.56.").format(
                text=str(value)[:50]
            )
        )
    return format(total, "f")


def _day(value: object) -> date:
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError:
        raise ImportOptionsError(
            _("“{text}” is no day of a period. Write it as in 2026-03-31.").format(text=str(value)[:50])
        ) from None
