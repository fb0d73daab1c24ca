"""What decisions teach of the automatic verdicts, as those who see claims read it."""

from datetime import date
from decimal import Decimal

import pytest

from loyalty_core import verification
from loyalty_core.access import Role, ScopeGrant, ScopeKind
from loyalty_core.analytics import current_replica
from loyalty_core.verification import Claim, ClaimState
from tests.access.people import somebody
from tests.pages.claim_world import add_claims, enter_one
from tests.pages.test_every_page import page_named, page_of, texts
from tests.pages.world import COMMAND_LINE, World
from tests.replicas import catch_up
from tests.verification.deciding import correct_as_shown
from ui import precision
from ui.keys import key_on
from ui.precision import Asked, Counted

PROGRAMME = key_on("precision", "programme")

ASKED = Asked(None, date(2000, 1, 1), date(2100, 1, 1), "UTC")


@pytest.fixture(scope="module")
def claims(world: World) -> dict[str, Claim]:
    """Claims that people decided, and one that the rule approved and a person took back."""
    found = add_claims(world)
    anna = found["agrees"].participant_id
    assert anna is not None
    rule = enter_one(world, anna, quantity=Decimal(1), sold_on=date(2026, 3, 2))
    assert (rule.state, rule.verdict) == (ClaimState.APPROVED, "match_partial")
    correct_as_shown(
        world.database, COMMAND_LINE, rule.number, sales_line_id=None, quantity=Decimal(0), reason="not hers"
    )
    catch_up(current_replica(), world.database)
    return {**found, "mistake": rule}


def test_people_who_see_claims_read_how_often_the_verdicts_were_right(
    world: World, claims: dict[str, Claim]
) -> None:
    app = page_of(world, Role.OPERATOR, page_named("precision"))
    assert not app.exception, app.exception
    told = texts(app)
    figures = {metric.label: metric.value for metric in app.metric}
    # Decided: one approved whose day was in doubt, one of an unknown invoice rejected, one of the rule corrected.
    assert figures == {
        "Right": "66.7%",
        "Decided by people": "3",
        "Approved by rule": "1",
        "The rule's mistakes": "1",
    }
    verdicts = app.dataframe[0].value.set_index("Verdict")
    assert verdicts.loc["part of the sale", "Right"] == "0%"
    assert verdicts.loc["part of the sale", "Corrected"] == "1"
    assert verdicts.loc["no such invoice", "Right"] == "100%"
    mistakes = app.dataframe[-1].value
    assert list(mistakes["Claim"]) == [claims["mistake"].claim_no]
    assert list(mistakes["What became of it"]) == ["by rule, corrected later"]
    assert "Approved by rule, and changed by a person later." in told


def test_each_figure_leads_to_as_many_claims_and_what_is_chosen_stands_in_the_address(
    world: World, claims: dict[str, Claim]
) -> None:
    rows = precision.read_rows(COMMAND_LINE, ASKED)
    for outcome in precision.Outcome:
        app = page_of(world, Role.OPERATOR, page_named("precision"), outcome=precision.outcome_title(outcome))
        assert not app.exception, app.exception
        assert app.selectbox(key=key_on("precision", "outcome")).value == outcome
        many = precision.counted(rows).of(outcome)
        # The first table is of verdicts, the last of the rule's mistakes.
        assert [len(one.value) for one in app.dataframe[1:-1]] == ([many] if many else []), outcome
    app = page_of(world, Role.OPERATOR, page_named("precision"), verdict="no such invoice", month="Mar 2026")
    assert app.selectbox(key=key_on("precision", "verdict")).value == "unknown_invoice"
    of_verdict = [row for row in rows if row["verdict"] == "unknown_invoice"]
    assert len(app.dataframe[1].value) == precision.counted(of_verdict).claims
    assert "Right unless it was approved as it stood." in texts(app)
    month = app.selectbox(key=key_on("precision", "month")).options[1]
    app = page_of(world, Role.OPERATOR, page_named("precision"), month=month)
    assert app.selectbox(key=key_on("precision", "month")).value
    assert not app.exception, app.exception


def test_filters_keep_to_a_programme_and_its_days(world: World, claims: dict[str, Claim]) -> None:
    app = page_of(world, Role.OPERATOR, page_named("precision"), span="Last 30 days")
    assert app.selectbox(key=key_on("precision", "span")).value == "month"
    club = next(place for place, one in enumerate(app.selectbox(key=PROGRAMME).options) if "club" in one)
    app.selectbox(key=PROGRAMME).select_index(club).run()
    assert not app.exception, app.exception
    assert app.metric
    other = next(
        place for place, one in enumerate(app.selectbox(key=PROGRAMME).options) if place and place != club
    )
    app.selectbox(key=PROGRAMME).select_index(other).run()
    assert "No verdict in these days" in texts(app)
    assert not app.metric


def test_nobody_reads_of_claims_out_of_sight(world: World, claims: dict[str, Claim]) -> None:
    with world.database.snapshot(COMMAND_LINE) as connection:
        company = verification.claim_by_number(connection, claims["unknown"].number).company_id
    assert company is not None
    scope = somebody(
        world.database,
        Role.OPERATOR,
        name="one-company",
        grants=frozenset({ScopeGrant(ScopeKind.COMPANY, company)}),
    ).scope
    mine = precision.counted(precision.read_rows(scope, ASKED))
    every = precision.counted(precision.read_rows(COMMAND_LINE, ASKED))
    assert (mine.claims, every.claims) == (3, 7)
    assert mine.wrong_by_rule == 0


def test_nothing_decided_has_no_precision() -> None:
    assert Counted(claims=2, waiting=2).precision is None
    assert Counted(claims=3, right=1, wrong=1, waiting=1).precision == 0.5
