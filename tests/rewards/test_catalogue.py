"""The catalogue: what marketing writes, and how stock is kept."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from loyalty_core import rewards
from loyalty_core.access import Role
from loyalty_core.kernel import NotAllowedError, new_id
from loyalty_core.participants import ParticipantGroup
from loyalty_core.programmes import ProgrammeNotFoundError
from loyalty_core.rewards import RewardDraft, RewardDraftRefused, RewardKind, RewardState, StockMovementKind
from loyalty_core.rewards.states import REWARD_MOVES
from tests.rewards.shop import SYSTEM, Shop, add_user
from tests.rewards.test_pictures import png

SET, HOLD, BACK = StockMovementKind.SET, StockMovementKind.HOLD, StockMovementKind.GIVE_BACK


def draft_of(shop: Shop, **values: Any) -> RewardDraft:
    """Return a reward as marketing would write it."""
    usual = RewardDraft(
        programme_id=shop.own,
        code="mug",
        name="Mug",
        kind=RewardKind.MERCHANDISE,
        category="kitchen",
        points=100,
        cost_minor=2_000,
        starts_on=date(2026, 1, 1),
        ends_on=date(2026, 12, 31),
    )
    return replace(usual, **values)


def audited(shop: Shop) -> list[tuple[str, str, Any]]:
    with shop.database.transaction(SYSTEM) as connection:
        rows = connection.execute(
            text(
                "select actor_name, action, detail from audit_record where action like 'rewards.%' order by id"
            )
        )
        return [tuple(row) for row in rows]


def test_a_reward_is_saved_whole_and_is_not_offered_yet(shop: Shop) -> None:
    picture = rewards.add_picture(shop.database, shop.marketing, png())
    draft = draft_of(
        shop,
        description="Holds 0.3 l.\nDishwasher safe.",
        stock=5,
        for_groups=frozenset({ParticipantGroup.WHOLESALER, ParticipantGroup.DISTRIBUTOR}),
        picture_id=picture,
    )
    reward_id = rewards.save_reward(shop.database, shop.marketing, draft)
    with shop.database.transaction(shop.marketing) as connection:
        (found,) = rewards.catalogue(connection, shop.marketing)
        assert rewards.reward_by_id(connection, shop.marketing, reward_id) == found
    for name in RewardDraft.__dataclass_fields__:
        assert getattr(found, name) == getattr(draft, name), name
    assert (found.state, found.currency, found.programme_name) == (RewardState.DRAFT, "EUR", "own")
    assert [(who, action) for who, action, _detail in audited(shop)] == [
        ("mark", "rewards.picture_added"),
        ("mark", "rewards.reward_added"),
    ]


def test_a_form_sent_twice_adds_one_reward(shop: Shop) -> None:
    id, draft = new_id(), draft_of(shop)
    for _time in range(2):
        assert rewards.save_reward(shop.database, shop.marketing, draft, id=id) == id
    with pytest.raises(rewards.RewardKeyUsedError, match="made “Mug”"):
        rewards.save_reward(shop.database, shop.marketing, draft_of(shop, code="hat"), id=id)
    with pytest.raises(rewards.RewardCodeTakenError, match="with the code “mug” already"):
        rewards.save_reward(shop.database, shop.marketing, draft, id=new_id())
    rewards.save_reward(shop.database, shop.marketing, draft_of(shop, programme_id=shop.firm))
    assert len([one for one in audited(shop) if one[1] == "rewards.reward_added"]) == 2


def test_a_change_tells_what_changed_and_leaves_the_stock_alone(shop: Shop) -> None:
    reward_id = rewards.save_reward(shop.database, shop.marketing, draft_of(shop, stock=5))
    changed = draft_of(shop, name="Big mug", points=120, stock=None)
    for _time in range(2):
        rewards.save_reward(shop.database, shop.marketing, changed, reward_id=reward_id)
    with shop.database.transaction(shop.marketing) as connection:
        found = rewards.reward_by_id(connection, shop.marketing, reward_id)
    assert (found.name, found.points, found.stock) == ("Big mug", 120, 5)
    assert audited(shop)[1:] == [
        (
            "mark",
            "rewards.reward_changed",
            {"name": {"from": "Mug", "to": "Big mug"}, "points": {"from": 100, "to": 120}},
        )
    ]
    for other in (draft_of(shop, code="hat"), draft_of(shop, programme_id=shop.firm)):
        with pytest.raises(rewards.RewardFixedError):
            rewards.save_reward(shop.database, shop.marketing, other, reward_id=reward_id)


def test_a_change_of_price_leaves_orders_as_they_were_placed(shop: Shop) -> None:
    anna, mug = shop.participant("anna"), shop.reward()
    shop.earn(anna, 500)
    order = shop.place(anna, mug)
    dearer = draft_of(shop, points=300, cost_minor=9_000, ends_on=date(2036, 12, 31))
    rewards.save_reward(shop.database, shop.marketing, dearer, reward_id=mug)
    with pytest.raises(rewards.PriceChangedError):
        shop.place(anna, mug, expected_points=100)
    assert shop.decide(order).refusal is None
    assert (shop.again(order).points, shop.balance(anna), shop.money()[2]) == (100, 400, 2_000)
    assert shop.place(anna, mug, expected_points=300).points == 300
    assert shop.broken() == {}


@pytest.mark.parametrize(
    ("values", "sentences"),
    [
        ({"code": ""}, ["The code is"]),
        ({"code": " mug"}, ["The code is"]),
        ({"name": "x" * 121}, ["The name is"]),
        ({"name": "two\nlines", "category": ""}, ["The name is", "The category is"]),
        ({"description": "x" * 2001}, ["The description"]),
        ({"points": 0}, ["at least 1 point"]),
        ({"points": 10**9 + 1}, ["at least 1 point"]),
        ({"cost_minor": -1}, ["money cost"]),
        ({"cost_minor": 10**12 + 1}, ["money cost"]),
        ({"stock": -1}, ["The stock"]),
        ({"ends_on": date(2025, 12, 31)}, ["before the first"]),
        ({"for_groups": frozenset()}, ["at least one group"]),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence_each(
    shop: Shop, values: dict[str, Any], sentences: list[str]
) -> None:
    with pytest.raises(RewardDraftRefused) as refused:
        rewards.save_reward(shop.database, shop.marketing, draft_of(shop, **values))
    assert len(refused.value.faults) == len(sentences)
    for fault, sentence in zip(refused.value.faults, sentences, strict=True):
        assert sentence in fault


def test_a_reward_names_a_programme_and_a_picture_that_are_there(shop: Shop) -> None:
    with pytest.raises(ProgrammeNotFoundError):
        rewards.save_reward(shop.database, shop.marketing, draft_of(shop, programme_id=new_id()))
    with pytest.raises(rewards.UnknownPictureError):
        rewards.save_reward(shop.database, shop.marketing, draft_of(shop, picture_id=new_id()))
    with pytest.raises(rewards.UnknownRewardError):
        rewards.save_reward(shop.database, shop.marketing, draft_of(shop), reward_id=new_id())


def test_stock_is_set_beside_orders_and_every_movement_is_kept(shop: Shop) -> None:
    anna, mug = shop.participant("anna"), shop.reward(stock=2)
    shop.earn(anna, 1_000)
    kept, undone = shop.place(anna, mug), shop.place(anna, mug)
    for stock in (7, 7, None):
        rewards.set_stock(shop.database, shop.marketing, mug, stock)
    shop.decide(undone, approve=False)
    rewards.set_stock(shop.database, shop.marketing, mug, 4)
    assert shop.place(anna, mug).number > kept.number
    with shop.database.transaction(shop.marketing) as connection:
        moved = rewards.stock_movements(connection, shop.marketing, mug, limit=99)
    assert [(one.kind, one.pieces, one.left_after) for one in reversed(moved)] == [
        *((SET, 2, 2), (HOLD, -1, 1), (HOLD, -1, 0), (SET, 7, 7), (SET, -7, None), (BACK, 1, None)),
        *((SET, 4, 4), (HOLD, -1, 3)),
    ]
    assert shop.stock(mug) == 3
    assert shop.broken() == {}
    with pytest.raises(RewardDraftRefused):
        rewards.set_stock(shop.database, shop.marketing, mug, -1)
    with pytest.raises(rewards.UnknownRewardError):
        rewards.set_stock(shop.database, shop.marketing, new_id(), 1)


@pytest.mark.parametrize("start", list(RewardState))
@pytest.mark.parametrize("end", list(RewardState))
def test_a_reward_moves_only_as_the_table_says(shop: Shop, start: RewardState, end: RewardState) -> None:
    reward = shop.reward(state=start)
    if end in REWARD_MOVES[start]:
        rewards.move_reward(shop.database, shop.marketing, reward, end)
        with shop.database.transaction(SYSTEM) as connection:
            assert rewards.reward_by_id(connection, SYSTEM, reward).state is end
    else:
        with pytest.raises(rewards.RewardStateError):
            rewards.move_reward(shop.database, shop.marketing, reward, end)


def test_a_withdrawn_reward_is_ordered_no_more_and_what_was_ordered_stays(shop: Shop) -> None:
    anna, mug = shop.participant("anna"), shop.reward()
    shop.earn(anna, 500)
    order = shop.place(anna, mug)
    rewards.move_reward(shop.database, shop.marketing, mug, RewardState.WITHDRAWN)
    with pytest.raises(rewards.NotOfferedError):
        shop.place(anna, mug)
    assert shop.decide(order).refusal is None


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ADMIN_MARKETING, Role.ADMIN}))
def test_only_marketing_changes_the_catalogue(shop: Shop, role: Role) -> None:
    mug = shop.reward()
    with shop.database.transaction(SYSTEM) as connection:
        scope = add_user(connection, "rob", role)
    for change in (
        lambda: rewards.save_reward(shop.database, scope, draft_of(shop, code="hat")),
        lambda: rewards.save_reward(shop.database, scope, draft_of(shop), reward_id=mug),
        lambda: rewards.set_stock(shop.database, scope, mug, 3),
        lambda: rewards.move_reward(shop.database, scope, mug, RewardState.WITHDRAWN),
    ):
        with pytest.raises(NotAllowedError):
            change()


def test_the_dearest_come_last_and_what_is_offered_first(shop: Shop) -> None:
    for code, points, state in (
        ("gone", 1, RewardState.WITHDRAWN),
        ("new", 5, RewardState.DRAFT),
        ("car", 900, RewardState.OFFERED),
        ("pen", 9, RewardState.OFFERED),
    ):
        shop.reward(code, points=points, state=state)
    with shop.database.transaction(shop.marketing) as connection:
        found = rewards.catalogue(connection, shop.marketing, shop.own)
    assert [one.code for one in found] == ["pen", "car", "new", "gone"]
