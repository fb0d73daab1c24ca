"""Periods, movement, ages and numbers, as a reader meets them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from loyalty_core.kernel import ActorKind, Money, Scope
from loyalty_core.kernel.clock import fixed
from loyalty_core.organisation import Region
from loyalty_core.standings import Standing
from ui import cached, charts, wording
from ui.standings import movement, periods, region_labels

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
PROGRAMME = (date(2010, 12, 1), date(2011, 12, 31))


def standing(rank: int, previous_rank: int | None) -> Standing:
    return Standing(rank, "C", "C", "R", 10, Money(0, "EUR"), previous_rank, None)


def test_periods_are_the_whole_then_quarters_then_months_with_sales_newest_first() -> None:
    found = periods(*PROGRAMME, (date(2010, 12, 1), date(2011, 2, 28)))
    assert [one.label for one in found] == [
        "Whole programme",
        "Q1 2011",
        "Q4 2010",
        "Feb 2011",
        "Jan 2011",
        "Dec 2010",
    ]


def test_a_period_is_told_against_the_one_ahead_of_it_within_the_programme_only() -> None:
    by_label = {one.label: one for one in periods(*PROGRAMME, (date(2010, 12, 1), date(2011, 2, 28)))}
    assert by_label["Feb 2011"].before == (date(2011, 1, 1), date(2011, 1, 31))
    assert by_label["Q1 2011"].before == (date(2010, 12, 1), date(2010, 12, 31))
    assert by_label["Q4 2010"].before is None
    assert by_label["Dec 2010"].before is None
    assert by_label["Whole programme"].before is None


def test_no_period_reaches_outside_the_programme() -> None:
    starts, ends = date(2010, 12, 6), date(2011, 2, 20)
    spans = {one.label: (one.since, one.until) for one in periods(starts, ends, (starts, ends))}
    assert spans == {
        "Whole programme": (starts, ends),
        "Q1 2011": (date(2011, 1, 1), ends),
        "Q4 2010": (starts, date(2010, 12, 31)),
        "Feb 2011": (date(2011, 2, 1), ends),
        "Jan 2011": (date(2011, 1, 1), date(2011, 1, 31)),
        "Dec 2010": (starts, date(2010, 12, 31)),
    }


def test_regions_of_one_name_are_told_apart_by_their_codes() -> None:
    regions = [
        Region(UUID(int=number), code, name, None)
        for number, (code, name) in enumerate([("N1", "North"), ("S", "South"), ("N2", "North")])
    ]
    assert region_labels(regions) == {"N1": "North (N1)", "S": "South", "N2": "North (N2)"}


def test_without_sales_there_is_the_whole_programme_only() -> None:
    assert [one.since for one in periods(*PROGRAMME, None)] == [PROGRAMME[0]]


@pytest.mark.parametrize(
    ("rank", "previous", "told"), [(1, 4, "▲ 3"), (4, 1, "▼ 3"), (2, 2, "="), (2, None, "new")]
)
def test_movement_counts_places_from_the_period_before(rank: int, previous: int | None, told: str) -> None:
    assert movement(standing(rank, previous), has_before=True) == told
    assert movement(standing(rank, previous), has_before=False) == ""


@pytest.mark.parametrize(
    ("passed", "age", "ago"),
    [
        (timedelta(seconds=59), "less than a minute", "just now"),
        (timedelta(minutes=1), "1 minute", "1 minute ago"),
        (timedelta(hours=23, minutes=59), "23 hours", "23 hours ago"),
        (timedelta(days=2), "2 days", "2 days ago"),
    ],
)
def test_an_age_has_one_unit(passed: timedelta, age: str, ago: str) -> None:
    with fixed(NOON):
        assert wording.age(NOON - passed) == age
        assert wording.ago(NOON - passed) == ago


def test_text_from_data_never_formats_links_or_colours() -> None:
    assert wording.plain("**a** [b](http://c) :red[d] $e$") == (
        "\\*\\*a\\*\\* \\[b\\]\\(http\\:\u2060//c\\) \\:red\\[d\\] \\$e\\$"
    )


def test_no_address_in_a_text_from_data_is_left_for_markdown_to_find() -> None:
    # It takes "http://" and "www." for the beginning of a link wherever they stand, escaped or not.
    assert wording.plain("HTTPS://evil.example WWW.evil.example") == (
        "HTTPS\\:\u2060//evil.example WWW\u2060.evil.example"
    )


def test_no_text_from_data_turns_the_direction_of_what_follows() -> None:
    assert wording.plain("ACME \u202egpj.exe\u202c\u200f\x00 Ltd") == "ACME gpj.exe Ltd"
    assert charts.plain_label("\u202e<a href='https://evil.example'>A</a>") == (
        "&lt;a href='https://evil.example'>A&lt;/a>"
    )


def test_numbers_keep_what_matters_in_little_room() -> None:
    assert wording.short_money(Money(491_910_773, "GBP")) == "£4.92M"
    assert wording.short_number(389_644) == "389,644"
    assert wording.percent(0.0004) == "0.04%"
    assert wording.exact(Decimal("2.095")) == "2.095"
    assert wording.signed(-69) == "-69"
    assert wording.change(90, 100) == "-10%"
    assert wording.change(90, 0) is None


def test_two_scopes_share_what_is_kept_only_when_they_see_the_same() -> None:
    one, other = UUID(int=1), UUID(int=2)
    made = [
        Scope(ActorKind.USER, "a"),
        Scope(ActorKind.USER, "a", sees_everything=True),
        Scope(ActorKind.USER, "a", region_ids=frozenset({one})),
        Scope(ActorKind.USER, "a", region_ids=frozenset({one, other})),
        Scope(ActorKind.USER, "a", company_ids=frozenset({one})),
        Scope(ActorKind.USER, "a", programme_ids=frozenset()),
        Scope(ActorKind.USER, "a", programme_ids=frozenset({one})),
    ]
    assert len({cached.scope_key(scope) for scope in made}) == len(made)
    assert cached.scope_key(Scope(ActorKind.USER, "b")) == cached.scope_key(made[0])
