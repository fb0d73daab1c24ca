"""What may change between two versions of a programme, and how a change is told."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from loyalty_core.kernel import Refusal, _

FIXED_FIELDS = ("currency", "collects", "earns_from")


class ProgrammeFixedFieldError(Refusal):
    """A later version may not change the field: points given under the old value would change meaning."""

    def __init__(self, code: str, field: str, old: str, new: str) -> None:
        super().__init__(
            _(
                "“{field}” of the programme “{code}” is {old} and can't become {new}: the points that it "
                "gave would change their meaning. Apply the document under another code."
            ).format(field=field, code=code, old=old, new=new)
        )
        self.code, self.field, self.old, self.new = code, field, old, new


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs: `path` in words from the outside in; `old` or `new` None where missing."""

    path: str
    old: str | None
    new: str | None


def refuse_fixed_changes(old_body: Mapping[str, Any], new_body: Mapping[str, Any]) -> None:
    """Raise ProgrammeFixedFieldError when the new body changes what stays for a programme's whole life."""
    for field in FIXED_FIELDS:
        if old_body[field] != new_body[field]:
            raise ProgrammeFixedFieldError(new_body["code"], field, old_body[field], new_body[field])


def differences(old_body: Mapping[str, Any], new_body: Mapping[str, Any]) -> list[Difference]:
    """Return what differs between two canonical bodies, in the order of the new one, then what is gone.

    List items with an `id` or a `code` are compared by it, wherever they stand; their order is a difference of its own.
    """
    old, new = dict(_leaves(old_body, ())), dict(_leaves(new_body, ()))
    return [
        Difference(" › ".join(path), old.get(path), new.get(path))
        for path in [*new, *(path for path in old if path not in new)]
        if old.get(path) != new.get(path)
    ]


def _leaves(value: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key != "id" and not (key == "code" and path):
                yield from _leaves(inner, (*path, _label(key)))
    elif (
        isinstance(value, list)
        and value
        and all(isinstance(item, Mapping) and {"id", "code"} & item.keys() for item in value)
    ):
        yield path, ", ".join(_item_name(item) for item in value)
        for item in value:
            yield from _leaves(item, (*path, _item_name(item)))
    elif isinstance(value, list):
        yield path, ", ".join(map(str, value))
    else:
        yield path, str(value)


def _item_name(item: Mapping[str, Any]) -> str:
    return str(item["id"] if "id" in item else item["code"])


def _label(key: str) -> str:
    return {
        "code": _("code"),
        "name": _("name"),
        "starts": _("first day"),
        "ends": _("last day"),
        "time_zone": _("time zone"),
        "currency": _("currency"),
        "collects": _("who collects"),
        "earns_from": _("points come from"),
        "goals": _("goals"),
        "sales": _("net sales"),
        "point_value": _("what a point is worth"),
        "inactive_after_days": _("days without a sale until inactive"),
        "verification": _("verification"),
        "tolerance_days": _("days apart that are tolerated"),
        "tolerance_units": _("units apart that are tolerated"),
        "tolerance_percent": _("percent apart that are tolerated"),
        "second_person_above": _("value above which a second person decides"),
        "overdue_after_days": _("days until a claim is overdue"),
        "reject_reasons": _("reasons to reject"),
        "rules": _("rules"),
        "per": _("looks at each"),
        "award": _("award"),
        "points": _("points"),
        "per_amount": _("for each whole amount of"),
    }.get(key, key)
