"""What differs between two versions, as a person reads it."""

from typing import Any

from loyalty_core.programmes import Difference, differences


def body(**changed: Any) -> dict[str, Any]:
    return {
        "code": "spring",
        "name": "Spring",
        "starts": "2026-03-01",
        "ends": "2026-05-31",
        "currency": "EUR",
        "collects": "company",
        "earns_from": "sales",
        "rules": [rule("base", "10.00"), rule("bonus", "5.00")],
        **changed,
    }


def rule(rule_id: str, per_amount: str, points: int = 1) -> dict[str, Any]:
    return {"id": rule_id, "per": "line", "award": {"points": points, "per_amount": per_amount}}


def test_two_equal_versions_do_not_differ() -> None:
    assert differences(body(), body()) == []


def test_changed_values_are_told_old_and_new() -> None:
    assert differences(
        body(), body(ends="2026-06-30", rules=[rule("base", "9.50"), rule("bonus", "5.00")])
    ) == [
        Difference("last day", "2026-05-31", "2026-06-30"),
        Difference("rules › base › award › for each whole amount of", "10.00", "9.50"),
    ]


def test_a_time_zone_that_comes_has_no_old_value_and_one_that_goes_no_new_one() -> None:
    with_zone = body(time_zone="Europe/Warsaw")
    assert differences(body(), with_zone) == [Difference("time zone", None, "Europe/Warsaw")]
    assert differences(with_zone, body()) == [Difference("time zone", "Europe/Warsaw", None)]


def test_rules_that_change_places_are_compared_with_themselves() -> None:
    swapped = body(rules=[rule("bonus", "5.00"), rule("base", "10.00")])
    assert differences(body(), swapped) == [Difference("rules", "base, bonus", "bonus, base")]


def test_a_rule_that_goes_is_told_with_all_that_it_said() -> None:
    assert differences(body(), body(rules=[rule("base", "10.00")])) == [
        Difference("rules", "base, bonus", "base"),
        Difference("rules › bonus › looks at each", "line", None),
        Difference("rules › bonus › award › points", "1", None),
        Difference("rules › bonus › award › for each whole amount of", "5.00", None),
    ]
