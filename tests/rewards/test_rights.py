"""Who may order, entitle, decide and see what."""

from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from loyalty_core import ledger, rewards
from loyalty_core.access import Role
from loyalty_core.kernel import NotAllowedError, NotFoundError, Scope, new_id
from loyalty_core.participants import UnknownParticipantError, participant_by_id
from loyalty_core.rewards import OrderState, OrderToDecide, RewardState
from tests.rewards.shop import SYSTEM, Person, Shop, add_participant, add_user


def entitle(shop: Shop, scope: Scope, person: Person) -> object:
    return rewards.entitle(shop.database, scope, company_id=person.company_id, participant_id=person.id)


# Who orders


def test_one_orders_for_oneself_and_not_for_a_colleague(shop: Shop) -> None:
    anna, olga, mug = shop.participant("anna"), shop.participant("olga"), shop.reward()
    shop.earn(olga, 100)
    with pytest.raises(NotAllowedError):
        rewards.place_order(
            shop.database, anna.scope, participant_id=olga.id, reward_id=mug, request_key=new_id()
        )
    assert shop.balance(olga) == 100


def test_people_of_other_companies_are_not_even_there(shop: Shop) -> None:
    anna, mug = shop.participant("anna"), shop.reward()
    other = shop.participant("olga", company=shop.other_company)
    with pytest.raises(UnknownParticipantError):
        rewards.place_order(
            shop.database, anna.scope, participant_id=other.id, reward_id=mug, request_key=new_id()
        )


def test_the_responsible_salesperson_orders_for_people_of_the_own_companies_only(shop: Shop) -> None:
    anna, mug = shop.participant("anna"), shop.reward()
    other = shop.participant("olga", company=shop.other_company)
    for person in (anna, other):
        shop.earn(person, 200)
    order = rewards.place_order(
        shop.database, shop.salesperson, participant_id=anna.id, reward_id=mug, request_key=new_id()
    )
    assert (order.participant_id, order.requested_by) == (anna.id, shop.salesperson.user_id)
    assert shop.balance(anna) == 100
    with shop.database.transaction(SYSTEM) as connection:
        colleague = add_user(connection, "stan", Role.SALES)
        admin = add_user(connection, "ada", Role.ADMIN)
    for scope in (colleague, admin, replace(shop.salesperson, sees_everything=True)):
        with pytest.raises(rewards.NotForThemError):
            rewards.place_order(
                shop.database, scope, participant_id=other.id, reward_id=mug, request_key=new_id()
            )
    with pytest.raises(NotFoundError):
        rewards.place_order(
            shop.database, shop.salesperson, participant_id=other.id, reward_id=mug, request_key=new_id()
        )


def test_neither_the_command_line_nor_a_job_orders_or_decides(shop: Shop) -> None:
    anna, mug = shop.participant("anna"), shop.reward()
    shop.earn(anna, 100)
    with pytest.raises(rewards.NotAPersonError):
        rewards.place_order(
            shop.database, SYSTEM, participant_id=anna.id, reward_id=mug, request_key=new_id()
        )
    order = shop.place(anna, mug)
    with pytest.raises(rewards.NotAPersonError):
        shop.decide(order, scope=SYSTEM)
    with pytest.raises(rewards.NotAPersonError):
        rewards.cancel_order(shop.database, SYSTEM, order.id)


def test_a_role_taken_away_orders_no_more(shop: Shop) -> None:
    anna, mug = shop.participant("anna"), shop.reward()
    shop.earn(anna, 100)
    with shop.database.transaction(SYSTEM) as connection:
        connection.execute(text("delete from user_role where user_id = :id"), {"id": anna.user_id})
    with pytest.raises(NotAllowedError):
        shop.place(anna, mug)


def test_only_who_ordered_or_whom_it_is_for_cancels(shop: Shop) -> None:
    anna, olga, mug = shop.participant("anna"), shop.participant("olga"), shop.reward()
    shop.earn(anna, 200)
    for_her = rewards.place_order(
        shop.database, shop.salesperson, participant_id=anna.id, reward_id=mug, request_key=new_id()
    )
    with pytest.raises(rewards.NotYourOrderError):
        rewards.cancel_order(shop.database, olga.scope, for_her.id)
    with pytest.raises(rewards.NotYourOrderError):
        rewards.cancel_order(shop.database, shop.finance, for_her.id)
    rewards.cancel_order(shop.database, shop.salesperson, for_her.id)
    with pytest.raises(rewards.OrderStateError, match="was cancelled already by Sara"):
        rewards.cancel_order(shop.database, anna.scope, for_her.id)
    assert shop.again(for_her).state is OrderState.CANCELLED
    assert shop.balance(anna) == 200


# Whose points


def test_a_companys_points_are_spent_only_by_whom_its_owner_or_salesperson_named(shop: Shop) -> None:
    owner, anna, olga = (
        shop.participant("oskar", is_owner=True),
        shop.participant("anna"),
        shop.participant("olga"),
    )
    mug = shop.reward(programme_id=shop.firm)
    shop.earn(owner, 300, programme=shop.firm)
    for person in (owner, anna, olga):
        with pytest.raises(rewards.NotEntitledError, match="Ask its owner or your salesperson"):
            shop.place(person, mug)
    entitle(shop, owner.scope, anna)
    entitle(shop, shop.salesperson, olga)
    orders = [shop.place(person, mug) for person in (anna, olga)]
    assert all(order.spends_companys_points for order in orders)
    assert shop.balance(anna, shop.firm) == 100
    with shop.database.transaction(owner.scope) as connection:
        people = rewards.entitled_people(connection, shop.company)
    assert [(one.display_name, one.granted_by_name) for one in people] == [
        ("Anna", "Oskar"),
        ("Olga", "Sara"),
    ]
    rewards.end_entitlement(shop.database, owner.scope, people[0].id)
    rewards.end_entitlement(shop.database, owner.scope, people[0].id)
    with pytest.raises(rewards.NotEntitledError):
        shop.place(anna, mug)
    assert shop.decide(orders[0]).refusal is None
    assert shop.broken() == {}


def test_nobody_else_says_who_spends_a_companys_points(shop: Shop) -> None:
    owner, anna = shop.participant("oskar", is_owner=True), shop.participant("anna")
    stranger = shop.participant("olga", company=shop.other_company, is_owner=True)
    idle = shop.participant("ivan", is_owner=True, state="suspended")
    with shop.database.transaction(SYSTEM) as connection:
        colleague = add_user(connection, "stan", Role.SALES)
    for scope in (anna.scope, stranger.scope, idle.scope, colleague, SYSTEM):
        with pytest.raises(rewards.NotYoursToEntitleError):
            entitle(shop, scope, anna)
    with pytest.raises(NotAllowedError):
        entitle(shop, shop.finance, anna)
    given = entitle(shop, owner.scope, anna)
    assert entitle(shop, shop.salesperson, anna) == given
    for scope in (anna.scope, idle.scope, colleague):
        with pytest.raises(rewards.NotYoursToEntitleError):
            rewards.end_entitlement(shop.database, scope, given)  # type: ignore[arg-type]
    with pytest.raises(rewards.UnknownEntitlementError):
        rewards.end_entitlement(shop.database, stranger.scope, given)  # type: ignore[arg-type]


def test_only_active_people_of_the_company_are_named(shop: Shop) -> None:
    owner = shop.participant("oskar", is_owner=True)
    idle = shop.participant("ivan", state="suspended")
    with pytest.raises(rewards.NotOfCompanyError, match="Ivan is no active participant of Company C1"):
        entitle(shop, owner.scope, idle)
    stranger = shop.participant("olga", company=shop.other_company)
    with pytest.raises(UnknownParticipantError):
        rewards.entitle(shop.database, owner.scope, company_id=shop.company, participant_id=stranger.id)
    wide = replace(shop.salesperson, sees_everything=True)
    with pytest.raises(rewards.NotOfCompanyError):
        rewards.entitle(shop.database, wide, company_id=shop.company, participant_id=stranger.id)


def test_wallets_show_the_own_points_and_the_companys_and_say_which_may_be_spent(shop: Shop) -> None:
    owner, anna = shop.participant("oskar", is_owner=True), shop.participant("anna")
    mug = shop.reward()
    shop.earn(anna, 150)
    shop.earn(anna, 900, programme=shop.firm)
    shop.place(anna, mug)

    def seen() -> list[tuple[str, int, int, bool]]:
        with shop.database.transaction(anna.scope) as connection:
            participant = participant_by_id(connection, anna.id)
            found = rewards.wallets(connection, anna.scope, participant)
        assert all((one.why_not is None) == one.may_spend for one in found)
        assert [one.is_companys for one in found] == [one.programme.code == "firm" for one in found]
        return [(one.programme.code, one.balance, one.on_hold, one.may_spend) for one in found]

    assert seen() == [("own", 50, 100, True), ("firm", 900, 0, False)]
    entitle(shop, owner.scope, anna)
    assert seen() == [("firm", 900, 0, True), ("own", 50, 100, True)]


def test_offers_say_what_can_be_ordered_and_why_the_rest_can_not(shop: Shop) -> None:
    anna = shop.participant("anna")
    shop.earn(anna, 150)
    shop.reward("mug")
    shop.reward("pen", points=20, stock=0)
    shop.reward("car", points=4_000)
    shop.reward("hidden", state=RewardState.DRAFT)
    shop.reward("elsewhere", programme_id=shop.firm)
    with shop.database.transaction(anna.scope) as connection:
        participant = participant_by_id(connection, anna.id)
        wallet = rewards.wallets(connection, anna.scope, participant)[0]
        found = rewards.offers(connection, anna.scope, participant, wallet, wallet.programme.starts_on)
        asleep = replace(wallet, why_not="not now")
        none = rewards.offers(connection, anna.scope, participant, asleep, wallet.programme.starts_on)
    assert [(one.reward.code, one.is_affordable, one.missing_points) for one in found] == [
        ("pen", True, 0),
        ("mug", True, 0),
        ("car", False, 3_850),
    ]
    pen, mug, car = found
    assert "out of stock" in (pen.why_not or "")
    assert mug.why_not is None
    assert car.why_not == "3,850 points to go"
    assert {one.why_not for one in none} == {"not now"}


# Who decides


def test_nobody_decides_an_order_that_they_requested_or_that_is_for_themselves(shop: Shop) -> None:
    mug = shop.reward()
    with shop.database.transaction(SYSTEM) as connection:
        anna = add_participant(connection, "anna", shop.company)
        for role in (Role.ADMIN_FINANCE, Role.ADMIN):
            connection.execute(
                text("insert into user_role (user_id, role, granted_at) values (:id, :role, now())"),
                {"id": anna.user_id, "role": role.value},
            )
    shop.earn(anna, 200)
    own = shop.place(anna, mug)
    for_her = rewards.place_order(
        shop.database, shop.salesperson, participant_id=anna.id, reward_id=mug, request_key=new_id()
    )
    for order in (own, for_her):
        for approve in (True, False):
            refusal = shop.decide(order, scope=anna.scope, approve=approve).refusal
            assert refusal is not None
            assert "is your own" in refusal
    with shop.database.transaction(shop.finance) as connection:
        waiting = rewards.waiting_orders(connection, shop.finance, limit=9)
    assert {one.participant_user_id for one in waiting} == {anna.user_id}
    assert shop.decide(own).refusal is None
    assert shop.decide(for_her, scope=shop.finance_too).refusal is None
    assert shop.broken() == {}


def test_the_database_itself_refuses_a_decision_on_ones_own_order(shop: Shop) -> None:
    anna = shop.participant("anna")
    shop.earn(anna, 100)
    order = shop.place(anna, shop.reward())
    with pytest.raises(IntegrityError, match="two_people"), shop.database.transaction(SYSTEM) as connection:
        connection.execute(
            text(
                "update reward_order set state = 'approved', decided_by = requested_by, decided_at = now()"
                " where id = :id"
            ),
            {"id": order.id},
        )


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ADMIN_FINANCE, Role.ADMIN}))
def test_only_finance_decides(shop: Shop, role: Role) -> None:
    anna = shop.participant("anna")
    shop.earn(anna, 100)
    order = shop.place(anna, shop.reward())
    with shop.database.transaction(SYSTEM) as connection:
        scope = add_user(connection, "rob", role)
    with pytest.raises(NotAllowedError):
        shop.decide(order, scope=scope)
    assert shop.again(order).is_waiting


def test_orders_of_other_regions_companies_and_programmes_are_not_there(shop: Shop) -> None:
    anna, other = shop.participant("anna"), shop.participant("olga", company=shop.other_company)
    mug = shop.reward()
    for person in (anna, other):
        shop.earn(person, 100)
    mine, foreign = shop.place(anna, mug), shop.place(other, mug)
    with shop.database.transaction(SYSTEM) as connection:
        of_area = add_user(connection, "fred", Role.ADMIN_FINANCE, regions=(shop.area,))
        of_firm = replace(
            add_user(connection, "frida", Role.ADMIN_FINANCE), programme_ids=frozenset({shop.firm})
        )
    for scope, seen, hidden in (
        (of_area, [mine], [foreign]),
        (anna.scope, [mine], [foreign]),
        (of_firm, [], [mine, foreign]),
    ):
        with shop.database.transaction(scope) as connection:
            assert [one.id for one in rewards.waiting_orders(connection, scope, limit=9)] == [
                one.id for one in seen
            ]
            assert rewards.count_waiting_orders(connection, scope) == len(seen)
            assert rewards.orders_summary(connection, scope).count == len(seen)
            for order in hidden:
                with pytest.raises(rewards.UnknownOrderError):
                    rewards.order_by_id(connection, scope, order.id)
            if scope is not of_firm:
                assert rewards.orders_of_participant(connection, other.id) == []
                assert rewards.count_orders_of_participant(connection, other.id) == 0
                assert rewards.events(connection, foreign.id) == []
                assert rewards.lines_behind(connection, foreign.id) == []
                assert rewards.order_of_posting(connection, foreign.spend_posting_id) is None
                assert rewards.points_on_hold(connection, foreign.account_id) == 0
                assert rewards.entitled_people(connection, shop.other_company) == []
                assert ledger.uses_of_posting(connection, foreign.spend_posting_id) == []
    for scope, order in ((of_area, foreign), (of_firm, mine)):
        (outcome,) = rewards.decide_orders(
            shop.database, scope, [OrderToDecide(order.id, order.payload_hash)], approve=True
        )
        assert (outcome.number, outcome.refusal) == (None, "There is no such order among those you see.")
    # The country's budget pays, which finance of the area does not see.
    assert shop.decide(mine, scope=of_area).refusal is None
    assert shop.broken() == {}


def test_rewards_of_programmes_outside_the_scope_are_not_there(shop: Shop) -> None:
    mug = shop.reward()
    elsewhere = replace(shop.marketing, programme_ids=frozenset({shop.firm}))
    with shop.database.transaction(elsewhere) as connection:
        assert rewards.catalogue(connection, elsewhere) == []
        assert rewards.catalogue(connection, elsewhere, shop.own) == []
        with pytest.raises(rewards.UnknownRewardError):
            rewards.reward_by_id(connection, elsewhere, mug)
        with pytest.raises(rewards.UnknownRewardError):
            rewards.stock_movements(connection, elsewhere, mug, limit=9)
    with pytest.raises(rewards.UnknownRewardError):
        rewards.set_stock(shop.database, elsewhere, mug, 3)
    with pytest.raises(rewards.UnknownRewardError):
        rewards.move_reward(shop.database, elsewhere, mug, RewardState.WITHDRAWN)
