"""The pages of rewards as marketing, finance, participants and salespeople meet them."""

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from streamlit.testing.v1 import AppTest

from loyalty_core import organisation, rewards, verification
from loyalty_core.access import Role
from loyalty_core.kernel import PROJECT_FOLDER, new_id, now
from loyalty_core.rewards import Offer, Order, OrderState
from loyalty_core.verification import ClaimSource
from tests.pages.reward_world import RewardWorld, make_reward_world
from tests.pages.test_every_page import SECONDS, page_named, texts
from tests.pages.world import COMMAND_LINE, World
from tests.participants.deciding import reinstate_as_shown, suspend_as_shown
from ui import orders as order_blocks
from ui.keys import key_on
from ui.shop import nearest


@pytest.fixture(scope="module")
def shop(world: World) -> RewardWorld:
    """The pages' world with rewards; what a test orders there, later ones see."""
    return make_reward_world(world)


def page_of(shop: RewardWorld, name: str, key: str, **query: str) -> AppTest:
    """Open a page as the person with this sign-in name."""
    app = AppTest.from_file(str(PROJECT_FOLDER / "app.py"), default_timeout=SECONDS)
    app.user = {"session": str(shop.user(name).session_id)}
    app.context = {"theme": "light", "timezone": "Europe/Warsaw", "locale": "en-GB"}
    app.run()
    app.switch_page(page_named(key).script)
    for parameter, value in query.items():
        app.query_params[parameter] = value
    app.run()
    assert not app.exception, app.exception
    return app


def press(app: AppTest, label: str) -> AppTest:
    """Press the first button that is called so, and run."""
    next(button for button in app.button if button.label.replace("\\", "") == label).click().run()
    assert not app.exception, app.exception
    return app


def press_in_dialog(app: AppTest, opener: str, label: str) -> AppTest:
    """Press a button of the dialog that a button, by key or label, has opened.

    A browser reruns the dialog alone; here the whole page runs, so what opens it is pressed again with it.
    """
    next(one for one in app.button if opener in (one.key, one.label)).click()
    return press(app, label)


def labels(app: AppTest) -> list[str]:
    return [button.label.replace("\\", "") for button in app.button]


def orders_of(shop: RewardWorld, name: str) -> list[Order]:
    with shop.database.snapshot(shop.user(name).scope) as connection:
        return rewards.orders_of_participant(connection, shop.people[name])


def cleared(shop: RewardWorld) -> None:
    """Cancel every order that waits, as its requester."""
    for name in shop.people:
        for order in orders_of(shop, name):
            if order.is_waiting:
                rewards.cancel_order(shop.database, shop.user(name).scope, order.id)


def test_a_participant_sees_what_points_buy_and_what_is_missing(shop: RewardWorld) -> None:
    app = page_of(shop, "anna", "rewards")
    seen = texts(app)
    assert "500 points" in seen
    assert "Thermos flask" in seen
    assert [bar.text for bar in app.get("progress")] == ["200 to go"]
    # The thermos and the trip; not the drill set.
    assert labels(app).count("Order…") == 2


def test_what_is_out_of_stock_is_no_next_goal() -> None:
    def offer(name: str, missing: int, stock: int | None) -> Offer:
        reward = SimpleNamespace(name=name, stock=stock)
        return Offer(reward, is_affordable=not missing, missing_points=missing, why_not=None)  # type: ignore[arg-type]

    near, far, endless = offer("near", 5, 0), offer("far", 50, 1), offer("endless", 60, None)
    assert nearest([endless, near, far]) is far
    assert nearest([near, endless]) is endless
    assert nearest([near, offer("had", 0, 1)]) is None


def test_an_order_is_placed_in_a_dialog_that_says_what_it_costs_and_what_comes_next(
    shop: RewardWorld,
) -> None:
    app = page_of(shop, "anna", "rewards")
    opener = key_on("rewards", f"order_button_{shop.rewards['thermos']}")
    app.button(key=opener).click().run()
    seen = texts(app)
    assert "It costs **120 points**; 380 are left after it." in seen
    assert "What happens next" in seen
    press_in_dialog(app, opener, "Order for 120 points")
    assert not app.error
    assert "is placed: Thermos flask" in texts(app)
    (order, *_others) = orders_of(shop, "anna")
    assert (order.points, order.is_waiting, order.is_funded) == (120, True, True)
    app = page_of(shop, "anna", "my-orders")
    assert "waits for finance" in " ".join(str(one.proto.body) for one in app.get("markdown"))
    press(app, "Cancel…")
    press_in_dialog(app, "Cancel…", "Cancel the order")
    assert "its points are back" in texts(app)
    assert orders_of(shop, "anna")[0].state is OrderState.CANCELLED


def test_when_the_budget_is_used_up_the_order_can_be_left_waiting(shop: RewardWorld) -> None:
    app = page_of(shop, "anna", "rewards")
    opener = key_on("rewards", f"order_button_{shop.rewards['trip']}")
    app.button(key=opener).click().run()
    before = len(orders_of(shop, "anna"))
    press_in_dialog(app, opener, "Order for 100 points")
    assert "Nothing is ordered yet" in texts(app)
    assert len(orders_of(shop, "anna")) == before
    press_in_dialog(app, opener, "Leave it waiting for money")
    order = orders_of(shop, "anna")[0]
    assert (order.reward_name, order.is_waiting, order.is_funded) == ("Weekend trip", True, False)
    assert "it waits until there is money" in texts(page_of(shop, "anna", "my-orders"))
    cleared(shop)


def test_others_of_a_company_see_its_points_and_spend_them_once_they_are_entitled(shop: RewardWorld) -> None:
    app = page_of(shop, "jan", "rewards")
    assert "500 points" in texts(app)
    assert "Order…" not in labels(app)
    assert "Entitle" not in labels(app)
    owner = page_of(shop, "anna", "rewards")
    owner.selectbox(key=key_on("rewards", "entitle")).set_value(shop.people["jan"]).run()
    press(owner, "Entitle")
    assert "may spend these points now" in texts(owner)
    assert "Order…" in labels(page_of(shop, "jan", "rewards"))
    with shop.database.snapshot(shop.user("anna").scope) as connection:
        company_id = organisation.company_by_code(connection, "C-300").id
        right = next(
            one
            for one in rewards.entitled_people(connection, company_id)
            if one.participant_id == shop.people["jan"]
        )
    owner = page_of(shop, "anna", "rewards")
    owner.button(key=key_on("rewards", f"end_{right.id}")).click().run()
    assert "Order…" not in labels(page_of(shop, "jan", "rewards"))


def test_finance_sees_each_order_with_its_money_and_decides_many_at_once(shop: RewardWorld) -> None:
    cleared(shop)
    funded = shop.order("anna", "thermos")
    over = shop.order("milica", "trip", waits=True)
    app = page_of(shop, Role.ADMIN_FINANCE, "orders")
    frame = app.dataframe[0].value
    assert list(frame["Order"]) == [f"R-{funded.number}", f"R-{over.number}"]
    assert "over budget" in frame["Check"][1]
    assert list(frame["Budget after"]) == ["€36.00", "no budget"]
    record = page_of(shop, Role.ADMIN_FINANCE, "orders", order=str(funded.id))
    seen = texts(record)
    assert "recent.csv › row 2" in seen
    assert "€36.00" in seen
    assert "Anna of C-300" in seen
    press(record, "Reject…")
    press_in_dialog(record, "Reject…", "Reject 1")
    assert "Say why" in record.error[0].value
    record.text_area(key=key_on("orders", "reject_reason")).set_value("Delivered last week")
    press_in_dialog(record, "Reject…", "Reject 1")
    assert "rejected" in texts(record)
    outcome = texts(page_of(shop, "anna", "my-orders"))
    assert "“Delivered last week” All 120 points came back." in outcome
    decided = page_of(shop, Role.ADMIN_FINANCE, "orders", view="Decided")
    assert list(decided.dataframe[0].value["Reason"]) == ["Delivered last week"]
    press(decided, "Make the workbook")
    assert not decided.error
    assert next(link.proto.url for link in decided.get("link_button")).startswith("/exports/")


def test_an_order_without_money_can_not_be_approved_and_leads_to_its_budget(shop: RewardWorld) -> None:
    cleared(shop)
    over = shop.order("milica", "trip", waits=True)
    app = page_of(shop, Role.ADMIN_FINANCE, "orders", order=str(over.id))
    states = {button.label: button.disabled for button in app.button}
    assert (states["Approve…"], states["Reject…"]) == (True, False)
    assert f"R-{over.number} can't be approved: no budget of this quarter is for Serbia." in texts(app)
    assert "Open budgets" in [one.proto.label for one in app.get("page_link")]
    queue = page_of(shop, Role.ADMIN_FINANCE, "orders").dataframe[0].value
    home = page_of(shop, Role.ADMIN_FINANCE, "home").dataframe[0].value
    assert home["Check"][0] == queue["Check"][0]
    assert "over budget" in home["Check"][0]
    cleared(shop)


def test_orders_of_one_budget_are_approved_as_far_as_its_money_goes(shop: RewardWorld) -> None:
    cleared(shop)
    order = shop.order("milica", "trip", waits=True)
    with shop.database.snapshot(shop.user(Role.ADMIN_FINANCE).scope) as connection:
        (waiting,) = rewards.waiting_orders(connection, shop.user(Role.ADMIN_FINANCE).scope, limit=1)
    assert waiting.id == order.id
    budget, other = new_id(), new_id()

    def costing(minor: int, *, budget_id: UUID | None, before: int | None) -> rewards.WaitingOrder:
        return replace(
            waiting,
            cost_minor=minor,
            paying_budget_id=budget_id,
            budget_before_minor=before,
            budget_after_minor=None if before is None else before - minor,
        )

    orders = [
        costing(600, budget_id=budget, before=1000),
        costing(500, budget_id=budget, before=1000),
        costing(400, budget_id=budget, before=1000),
        costing(500, budget_id=other, before=500),
        costing(1, budget_id=None, before=None),
    ]
    assert [orders.index(one) for one in order_blocks.fundable(orders)] == [0, 2, 3]
    cleared(shop)


def test_finance_sees_that_a_requester_was_suspended_since_ordering(shop: RewardWorld) -> None:
    cleared(shop)
    shop.order("anna", "thermos")
    assert "suspended" not in page_of(shop, Role.ADMIN_FINANCE, "orders").dataframe[0].value["Check"][0]
    operator = shop.user(Role.OPERATOR).scope
    suspend_as_shown(shop.database, operator, shop.people["anna"], reason="under review")
    try:
        frame = page_of(shop, Role.ADMIN_FINANCE, "orders").dataframe[0].value
        assert "suspended since ordering" in frame["Check"][0]
        home = page_of(shop, Role.ADMIN_FINANCE, "home").dataframe[0].value
        assert home["Check"][0] == frame["Check"][0]
    finally:
        reinstate_as_shown(shop.database, operator, shop.people["anna"])


def test_who_may_look_only_is_not_asked_to_decide(shop: RewardWorld) -> None:
    cleared(shop)
    order = shop.order("anna", "thermos")
    app = page_of(shop, Role.ANALYST, "orders", order=str(order.id))
    assert "Thermos flask" in texts(app)
    assert not {"Approve…", "Reject…"} & set(labels(app))
    cleared(shop)


def test_an_order_of_a_foreign_region_is_not_found(shop: RewardWorld) -> None:
    order = shop.order("milica", "trip", waits=True)
    seen = page_of(shop, "jan", "my-orders")
    assert "Weekend trip" not in texts(seen)
    with (
        pytest.raises(rewards.UnknownOrderError),
        shop.database.snapshot(shop.user("jan").scope) as connection,
    ):
        rewards.order_by_id(connection, shop.user("jan").scope, order.id)
    cleared(shop)


def test_a_salesperson_orders_for_people_of_the_own_companies_only(shop: RewardWorld) -> None:
    app = page_of(shop, Role.SALES, "order-for", participant="M-anna")
    opener = key_on("order-for", f"order_button_{shop.rewards['thermos']}")
    app.button(key=opener).click().run()
    assert "You order for **Anna of C-300** of C-300." in texts(app)
    press_in_dialog(app, opener, "Order for 120 points")
    order = orders_of(shop, "anna")[0]
    assert (order.requested_by_name, order.is_waiting) == ("Sales", True)
    rewards.cancel_order(shop.database, shop.user(Role.SALES).scope, order.id)
    foreign = page_of(shop, Role.SALES, "order-for", participant="M-milica")
    foreign.button(key=opener).click().run()
    press_in_dialog(foreign, opener, "Order for 120 points")
    assert "of your companies" in foreign.error[0].value
    unknown = page_of(shop, Role.SALES, "order-for", participant="nobody")
    assert "There is no participant" in unknown.error[0].value


def test_marketing_adds_a_reward_offers_it_and_sets_its_stock(shop: RewardWorld) -> None:
    app = page_of(shop, Role.ADMIN_MARKETING, "catalogue", programme="Prizes")
    press(app, "Add a reward…")
    press_in_dialog(app, "Add a reward…", "Add as a draft")
    assert "are needed" in app.error[0].value
    fields: dict[str, Any] = {"new_name": "Cap", "new_code": "cap"}
    for key, value in fields.items():
        app.text_input(key=key_on("catalogue", key)).set_value(value)
    app.selectbox(key=key_on("catalogue", "new_programme")).set_value(
        next(
            one for one in app.selectbox(key=key_on("catalogue", "new_programme")).options if "Prizes" in one
        )
    )
    app.selectbox(key=key_on("catalogue", "new_category")).set_value("home")
    app.number_input(key=key_on("catalogue", "new_points")).set_value(50)
    app.number_input(key=key_on("catalogue", "new_cost")).set_value(4.5)
    press_in_dialog(app, "Add a reward…", "Add as a draft")
    assert not app.error, [one.value for one in app.error]
    assert "Cap is in the catalogue as a draft" in texts(app)
    with shop.database.snapshot(shop.user(Role.ADMIN_MARKETING).scope) as connection:
        cap = next(
            one
            for one in rewards.catalogue(connection, shop.user(Role.ADMIN_MARKETING).scope)
            if one.code == "cap"
        )
    assert (cap.points, cap.cost_minor, cap.stock) == (50, 450, None)
    assert "Cap" not in texts(page_of(shop, "anna", "rewards"))
    app = page_of(shop, Role.ADMIN_MARKETING, "catalogue")
    app.button(key=key_on("catalogue", f"move_{cap.id}")).click().run()
    assert "Cap" in texts(page_of(shop, "anna", "rewards"))
    app.button(key=key_on("catalogue", f"stock_button_{cap.id}")).click().run()


def test_an_analyst_looks_at_the_catalogue_and_changes_nothing(shop: RewardWorld) -> None:
    app = page_of(shop, Role.ANALYST, "catalogue")
    assert "Thermos flask" in texts(app)
    assert not {"Change…", "Stock…", "Withdraw", "Offer", "Add a reward…"} & set(labels(app))


def test_the_home_of_a_participant_says_what_is_next(shop: RewardWorld) -> None:
    cleared(shop)
    shop.order("anna", "thermos")
    app = page_of(shop, "anna", "home")
    assert [one.value for one in app.title] == ["380 points"]
    seen = texts(app)
    assert "120 on hold" in seen
    assert "rank **1** of" in seen
    assert "**320 to go** for *Drill set*" in seen
    assert {"Claim a sale", "Order a reward"} <= set(labels(app))
    assert "**Last order** Thermos flask" in seen
    cleared(shop)


def test_the_home_of_a_participant_tells_the_last_claim(shop: RewardWorld) -> None:
    verification.enter_claim(
        shop.database,
        COMMAND_LINE,
        participant_id=shop.people["milica"],
        company_code="C-400",
        invoice_no="INV-C-400",
        product_code="P-10",
        quantity=Decimal(1),
        sold_on=now().date(),
        source=ClaimSource.FILE,
        claim_no="K-231",
        request_key=new_id(),
    )
    seen = texts(page_of(shop, "milica", "home"))
    assert "**Last claim** K-231" in seen
    assert "Somebody checks it." in seen


def test_a_person_who_takes_no_part_is_told_so(shop: RewardWorld) -> None:
    for key in ("home", "rewards", "my-orders"):
        assert "You don't take part with this sign-in" in texts(page_of(shop, Role.PARTICIPANT, key))


def test_a_company_leads_its_salesperson_to_ordering_for_its_people(shop: RewardWorld) -> None:
    def links(company: str) -> list[str]:
        app = page_of(shop, Role.SALES, "company", company=company, view="People")
        return [
            link.proto.query_string for link in app.get("page_link") if link.proto.label == "Order for them"
        ]

    assert sorted(links("C-300")) == ["participant=M-anna", "participant=M-jan"]
    assert links("C-400") == []
