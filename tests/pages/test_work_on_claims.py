"""How operators share out claims, why they reject them, and what waits too long, as the pages show it."""

from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from loyalty_core import access, programmes, verification
from loyalty_core.access import Role
from loyalty_core.kernel import now
from loyalty_core.verification import Claim, ClaimState, StoryKind, deadlines
from tests.pages.claim_world import CLUB, add_claims
from tests.pages.test_every_page import page_named, page_of, texts
from tests.pages.world import COMMAND_LINE, World
from tests.verification.deciding import reject_as_shown

Claims = dict[str, Claim]


@pytest.fixture(scope="module")
def claims(world: World) -> Claims:
    """Claims of a programme that keeps reasons to reject them."""
    found = add_claims(world)
    programmes.apply_programme(
        world.database,
        COMMAND_LINE,
        CLUB
        + """\
verification:
  overdue_after_days: 2
  reject_reasons:
    - {code: no-proof, text: The invoice can't be read.}
    - {code: gone-back, text: The goods went back.}
""",
    )
    return found


def record(world: World, claim: Claim) -> AppTest:
    app = page_of(world, Role.OPERATOR, page_named("claim"), claim=str(claim.number))
    assert not app.exception, app.exception
    return app


def pressed(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click()
    app.run()
    assert not app.exception, app.exception
    return app


def test_a_claim_is_rejected_for_a_reason_of_the_programmes_list_with_words_or_without(
    world: World, claims: Claims
) -> None:
    app = pressed(record(world, claims["unknown"]), "Reject…")
    (reasons,) = [box for box in app.selectbox if box.label == "Reason"]
    assert reasons.options == [
        "The invoice can't be read.",
        "The goods went back.",
        "Another reason, in words",
    ]
    assert [area.label for area in app.text_area] == ["In words (may stay empty with a reason of the list)"]
    number = claims["unknown"].number
    with pytest.raises(verification.ReasonMissingError):
        reject_as_shown(world.database, COMMAND_LINE, [number], reason=" ")
    (unknown,) = reject_as_shown(
        world.database, COMMAND_LINE, [number], reason="", reason_code="of-another-list"
    )
    assert "keeps no such reason" in (unknown.refusal or "")
    operator = access.find_user(world.database, COMMAND_LINE, Role.OPERATOR.value)
    scope = access.scope_of_user(world.database, operator.id)
    (done,) = reject_as_shown(
        world.database, scope, [number], reason="All of them, on Friday.", reason_code="gone-back"
    )
    assert done.refusal is None
    with world.database.snapshot(COMMAND_LINE) as connection:
        rejected = verification.claim_by_number(connection, claims["unknown"].number)
        last = verification.last_decisions(connection, [rejected.number])[rejected.number]
        story = verification.claim_story(connection, rejected.number)
    assert rejected.state is ClaimState.REJECTED
    assert (last.reason_code, last.reason) == ("gone-back", "The goods went back. All of them, on Friday.")
    assert [one.words for one in story if one.kind is StoryKind.REJECTED] == [last.reason]
    assert "The goods went back. All of them, on Friday." in texts(record(world, claims["unknown"]))


def test_what_became_overdue_is_flagged_in_the_queue_and_listed_in_the_workload(
    world: World, claims: Claims, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = page_of(world, Role.PROGRAMME_MANAGER, page_named("workload"))
    assert "Nothing waits longer than its programme allows." in texts(manager)
    monkeypatch.setattr(deadlines, "now", lambda: now() + timedelta(days=2, hours=1))
    assert verification.escalate_overdue(world.database) == 3
    queue = (
        page_of(world, Role.OPERATOR, page_named("claims"), state="overdue", sort="Since, ascending")
        .dataframe[0]
        .value
    )
    assert list(queue["Claim"]) == [claims[name].claim_no for name in ("agrees", "differs", "again")]
    assert all(since.startswith("⚑") for since in queue["Since"])
    assert "**Waits too long** by Laurel" in texts(record(world, claims["agrees"]))
    manager = page_of(world, Role.PROGRAMME_MANAGER, page_named("workload"))
    figures = {metric.label: (metric.value, metric.delta) for metric in manager.metric}
    assert figures["Overdue"] == ("3", "3 escalated")
    assert list(manager.dataframe[-1].value["Claim"]) == list(queue["Claim"])
    assert set(manager.dataframe[-1].value["Assigned to"]) == {"nobody"}


def test_the_workload_says_who_has_what_and_leads_to_their_claims(world: World, claims: Claims) -> None:
    operator = access.find_user(world.database, COMMAND_LINE, Role.OPERATOR.value)
    outcomes = verification.assign_claims(
        world.database, COMMAND_LINE, [claims["agrees"].number, claims["again"].number], user_id=operator.id
    )
    assert [one.refusal for one in outcomes] == [None, None]
    app = page_of(world, Role.OPERATOR, page_named("workload"))
    people = app.dataframe[0].value.set_index("Person")
    assert people.loc[operator.display_name, "Open"] == "2"
    assert people.loc[operator.display_name, "Decided, 7 days"] == "1"
    assert people.loc["nobody", "Open"] == "1"
    figures = {metric.label: metric.value for metric in app.metric}
    assert (figures["Claims waiting"], figures["Assigned to nobody"]) == ("3", "1")
    mine = page_of(world, Role.OPERATOR, page_named("claims"), who=operator.display_name)
    assert {*mine.dataframe[0].value["Claim"]} == {claims["agrees"].claim_no, claims["again"].claim_no}
