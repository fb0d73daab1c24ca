"""The page of budgets: who sees what, asks, decides and withdraws."""

from dataclasses import replace
from uuid import UUID

import pytest
from streamlit.testing.v1 import AppTest

from loyalty_core import organisation, programmes
from loyalty_core.access import Role
from loyalty_core.analytics import current_replica
from loyalty_core.budgets import (
    Budget,
    BudgetChange,
    ask_for_budget,
    budgets_of_period,
    change_by_id,
    changes,
    decide_change,
    quarter_of,
    release,
    reserve,
    spend,
    withdraw_change,
)
from loyalty_core.kernel import new_id, now
from tests.pages.test_every_page import page_named, page_of, texts
from tests.pages.world import COMMAND_LINE, DOCUMENT, World
from tests.replicas import catch_up

FINANCE, MANAGER, HEAD = Role.ADMIN_FINANCE, Role.PROGRAMME_MANAGER, Role.HEAD_OF_SALES
# Runs as long as these tests may be run: the page asks for the quarter that it is.
EVERGREEN = (
    DOCUMENT.replace("spring", "evergreen")
    .replace("Spring points", "Evergreen")
    .replace("2026-12-31", "2199-12-31")
)


def ask(world: World, role: Role, region: str, amount_minor: int, reason: str) -> UUID:
    with world.database.snapshot(COMMAND_LINE) as connection:
        programme = programmes.programme_by_code(connection, COMMAND_LINE, "evergreen")
    return ask_for_budget(
        world.database,
        world.signed_in(role).scope,
        programme_id=programme.id,
        region_id=world.region_id(region),
        starts_on=now().date(),
        amount_minor=amount_minor,
        reason=reason,
        request_key=new_id(),
    )


def approve(world: World, role: Role, change_id: UUID) -> None:
    with world.database.snapshot(COMMAND_LINE) as connection:
        shown = change_by_id(connection, COMMAND_LINE, change_id).payload_hash
    decide_change(
        world.database, world.signed_in(role).scope, change_id, payload_hash=shown, approve=True, reason=None
    )


def budget_of(world: World, region: str) -> Budget:
    with world.database.snapshot(COMMAND_LINE) as connection:
        return next(one for one in budgets_of_period(connection, COMMAND_LINE) if one.region_name == region)


def waiting(world: World) -> list[BudgetChange]:
    with world.database.snapshot(COMMAND_LINE) as connection:
        return changes(connection, COMMAND_LINE, waiting_only=True)


@pytest.fixture(scope="module")
def funded(world: World) -> World:
    """Poland has an area, North, with a budget of 1,000 that is half used; Serbia has 2,000; nothing waits."""
    programmes.apply_programme(world.database, COMMAND_LINE, EVERGREEN)
    poland = world.region_id("Poland")
    organisation.add_region(world.database, COMMAND_LINE, code="North", name="North", parent_id=poland)
    approve(world, MANAGER, ask(world, FINANCE, "North", 100_000, "for *everybody* in the North"))
    approve(world, MANAGER, ask(world, FINANCE, "Serbia", 200_000, "for Serbia alone"))
    north = budget_of(world, "North").id
    with world.database.transaction(COMMAND_LINE) as connection:
        for end, amount in ((spend, 30_000), (release, 10_000), (None, 20_000)):
            order = new_id()
            reserve(connection, COMMAND_LINE, budget_id=north, order_id=order, amount_minor=amount)
            if end is not None:
                end(connection, COMMAND_LINE, budget_id=north, order_id=order)
    catch_up(current_replica(), world.database)
    return world


def opened(world: World, role: Role, **query: str) -> AppTest:
    app = page_of(world, role, page_named("budgets"), **query)
    assert not app.exception, app.exception
    return app


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


def test_the_figures_are_those_of_all_budgets_seen(funded: World) -> None:
    figures = {metric.label: metric.value for metric in opened(funded, FINANCE).metric}
    assert figures == {
        "Budget": "€3,000.00",
        "Reserved": "€200.00",
        "Spent": "€300.00",
        "Available": "€2,500.00",
    }
    narrowed = opened(funded, FINANCE, region="Serbia")
    assert next(metric.value for metric in narrowed.metric) == "€2,000.00"
    assert "North" not in texts(narrowed)


def test_a_head_of_sales_sees_the_own_region_and_below_and_no_other(funded: World) -> None:
    app = opened(funded, HEAD)
    assert "North" in texts(app)
    assert "Serbia" not in texts(app)
    assert next(metric.value for metric in app.metric) == "€1,000.00"
    foreign = opened(funded, HEAD, budget=str(budget_of(funded, "Serbia").id))
    assert [error.value.replace("\\", "") for error in foreign.error] == [
        "There is no such budget among those you see."
    ]
    assert not foreign.metric


def test_a_budget_leads_to_its_movements_and_to_who_decided_it(funded: World) -> None:
    app = opened(funded, HEAD, budget=str(budget_of(funded, "North").id))
    assert app.title[0].value.startswith("North")
    moved = app.dataframe[0].value
    assert list(moved["What"]) == ["reserved", "given back", "reserved", "spent", "reserved", "set"]
    assert list(moved["Available after"]) == [
        "€500.00",
        "€700.00",
        "€600.00",
        "€700.00",
        "€700.00",
        "€1,000.00",
    ]
    seen = texts(app)
    assert "“for *everybody* in the North”" in seen
    assert "Programme Manager approved it on" in seen
    # What people wrote formats nothing.
    assert any("\\*everybody\\*" in one.value for one in app.caption)
    # The chart comes from the replica.
    assert app.get("plotly_chart")


def test_nobody_but_those_who_may_is_offered_to_ask(funded: World) -> None:
    assert "Ask for a budget…" in labels(opened(funded, HEAD))
    assert "Ask for a budget…" not in labels(opened(funded, Role.ANALYST))


def draw_ask(user: object, programme: object, labels: object, quarter: object, region_id: object) -> None:
    from ui.budgets import ask_dialog

    given = {"region_id": region_id, "quarter": quarter, "set_minor": None}
    ask_dialog(user, programme, labels, [quarter], **given)  # type: ignore[arg-type, list-item]


def draw_decision(user: object, change: object, approve: object) -> None:
    from ui.budgets import decide_dialog

    decide_dialog(user, change, approve=approve)  # type: ignore[arg-type]


def asking(world: World, role: Role, region: str, amount: int, reason: str) -> AppTest:
    """Fill in the form as the page opens it; a button of the page would close it again in this kind of test."""
    user, region_id = world.signed_in(role), world.region_id(region)
    with world.database.snapshot(COMMAND_LINE) as connection:
        programme = programmes.programme_by_code(connection, COMMAND_LINE, "evergreen")
    app = AppTest.from_function(
        draw_ask,
        kwargs={
            "user": user,
            "programme": programme,
            "labels": {region_id: region},
            "quarter": quarter_of(now().date()),
            "region_id": region_id,
        },
    ).run()
    app.number_input[0].set_value(amount)
    app.text_area[0].set_value(reason)
    app = press(app, "Ask")
    assert not app.exception, app.exception
    return app


def deciding(world: World, role: Role, change: BudgetChange, *, approve: bool) -> AppTest:
    return AppTest.from_function(
        draw_decision, kwargs={"user": world.signed_in(role), "change": change, "approve": approve}
    ).run()


def test_what_one_asks_for_another_is_offered_to_approve(funded: World) -> None:
    assert not asking(funded, FINANCE, "Serbia", 2_500, "more to come").error
    (change,) = waiting(funded)
    assert (change.region_name, change.before_minor, change.after_minor) == ("Serbia", 200_000, 250_000)

    own = opened(funded, FINANCE)
    assert "Approve…" not in labels(own)
    assert "Withdraw" in labels(own)
    assert "Approve…" not in labels(opened(funded, Role.ANALYST))
    assert "more to come" not in texts(opened(funded, HEAD))

    app = press(opened(funded, MANAGER), "Approve…")
    assert "Approved, it works at once" in texts(app)
    app = press(deciding(funded, MANAGER, change, approve=True), "Approve")
    assert not app.exception, app.exception
    assert not app.error
    assert waiting(funded) == []
    assert budget_of(funded, "Serbia").set_minor == 250_000


def test_a_rejection_needs_a_reason_and_what_one_asked_for_can_be_withdrawn(funded: World) -> None:
    ask(funded, HEAD, "North", 150_000, "the autumn rush")
    assert "Reject…" in labels(opened(funded, MANAGER))
    (change,) = waiting(funded)
    app = press(deciding(funded, MANAGER, change, approve=False), "Reject")
    assert "Say why" in app.error[0].value
    app.text_input[0].set_value("not this year")
    press(app, "Reject")
    with funded.database.snapshot(COMMAND_LINE) as connection:
        assert change_by_id(connection, COMMAND_LINE, change.id).decision_reason == "not this year"
    ask(funded, HEAD, "North", 150_000, "once more")
    app = press(opened(funded, HEAD), "Withdraw")
    assert not app.error
    assert waiting(funded) == []
    assert budget_of(funded, "North").set_minor == 100_000


def test_what_changed_since_it_was_shown_is_not_approved(funded: World) -> None:
    ask(funded, HEAD, "North", 150_000, "once again")
    (change,) = waiting(funded)
    app = press(deciding(funded, MANAGER, replace(change, after_minor=1), approve=True), "Approve")
    assert "nothing was applied" in app.error[0].value
    withdraw_change(funded.database, funded.signed_in(HEAD).scope, change.id)


def test_less_than_is_used_is_refused_with_the_amount(funded: World) -> None:
    app = asking(funded, HEAD, "North", 100, "all too much")
    assert "500.00 EUR" in app.error[0].value.replace("\\", "")
    assert waiting(funded) == []
