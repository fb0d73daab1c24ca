"""Rewards, budgets and orders: by marketing, by sales with a second person, by participants, decided by finance."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo

import polars as pl

from loyalty_core import budgets, organisation, participants, programmes, rewards
from loyalty_core.demo import files, people, pictures, trade
from loyalty_core.demo.catalogue import REWARDS, DemoReward
from loyalty_core.demo.claims import Claims, Fate
from loyalty_core.demo.market import TIME_ZONE, DemoCompany, companies
from loyalty_core.demo.orders import SPENT_AREA, SPENT_PERCENT, DemoOrder, OrderFate, Orders
from loyalty_core.demo.sign_ins import PEOPLE
from loyalty_core.demo.stage import Stage, key_of, moment_of
from loyalty_core.demo.trade import CLAIMS_PROGRAMME_CODE, PROGRAMME_CODE
from loyalty_core.kernel import Refusal
from loyalty_core.rewards import OrderState, RewardDraft, RewardState

_NAME_OF_USER = {one.name: one for one in PEOPLE}
_HEAD_OF = {"PL": "poland", "RS": "serbia", "GB": "britain", "ID": "indonesia"}
_POINT_CENTS = 1000


def plan(stage: Stage, claims: Claims) -> list[DemoOrder]:
    """Return the demo's orders, those that wait last."""
    return plan_from(stage.lines, stage.last_day, companies(stage.scale), claims)


def plan_from(
    lines: pl.DataFrame, last_day: date, partners: tuple[DemoCompany, ...], claims: Claims
) -> list[DemoOrder]:
    """Return the orders of a demo whose sales are `lines`, as `sales.eighteen_months` draws them."""
    earned: Counter[str] = Counter()
    # By what was settled when orders began: later sales only add to it.
    early = lines.filter(pl.col("day") <= files.periods(last_day)[0].last_day)
    whole = early.group_by("company_code").agg(
        (pl.col("cents").abs() // _POINT_CENTS * pl.col("cents").sign()).sum()
    )
    earned.update(dict(whole.iter_rows()))
    for claim in claims.decided:
        if claim.fate is not Fate.REJECTED:
            earned[claim.participant] += claim.points
    return Orders(partners, earned, _today(last_day), _quarter_began(last_day)).all()


def _today(last_day: date) -> datetime:
    """The first start's day at six in the morning."""
    return datetime.combine(last_day + timedelta(days=1), time(6), ZoneInfo(TIME_ZONE))


def _quarter_began(last_day: date) -> datetime:
    first, _last = budgets.quarter_of(last_day + timedelta(days=1))
    return datetime.combine(first, time(0, 5), ZoneInfo(TIME_ZONE))


def make_rewards(stage: Stage, orders: Sequence[DemoOrder]) -> dict[str, UUID]:
    """Let marketing fill the catalogue; return the rewards' ids by code."""
    marketing = stage.scope_of("marketing")
    taken = Counter(one.reward.code for one in orders if one.fate in (OrderFate.WAITS, OrderFate.APPROVED))
    ids = {}
    with stage.database.transaction(marketing) as connection:
        found = {one.code: one for one in programmes.list_programmes(connection, marketing)}
        there = {one.id: one.state for one in rewards.catalogue(connection, marketing)}
    for reward in REWARDS:
        programme = found[reward.programme]
        ids[reward.code] = reward_id = key_of("reward", reward.code)
        with stage.at(max(programme.starts_on, _history_begins(stage) - timedelta(days=10)), 13):
            if reward_id not in there:
                rewards.save_reward(
                    stage.database,
                    marketing,
                    _draft(stage, reward, programme, taken[reward.code]),
                    id=reward_id,
                )
            if there.get(reward_id, RewardState.DRAFT) is not reward.state:
                rewards.move_reward(stage.database, marketing, reward_id, reward.state)
    return ids


def _history_begins(stage: Stage) -> date:
    return files.periods(stage.last_day)[0].last_day


def _draft(stage: Stage, reward: DemoReward, programme: programmes.Programme, taken: int) -> RewardDraft:
    return RewardDraft(
        programme_id=programme.id,
        code=reward.code,
        name=reward.name,
        description=reward.description,
        kind=reward.kind,
        category=reward.category,
        points=reward.points,
        cost_minor=reward.euro * 100,
        stock=None if reward.left is None else reward.left + taken,
        for_groups=reward.for_groups,
        starts_on=programme.starts_on,
        ends_on=programme.ends_on,
        picture_id=rewards.add_picture(
            stage.database, stage.scope_of("marketing"), pictures.picture(reward.picture)
        ),
    )


def budget_asked_at(programme_code: str, quarter: date, last_day: date) -> datetime:
    """Return when a quarter's budget is asked for: nine days before it, once the programme is there."""
    applied = trade.applied_at(programme_code, last_day)
    return max(moment_of(quarter - timedelta(days=9), 10), applied + timedelta(days=1))


def make_budgets(stage: Stage, orders: Sequence[DemoOrder], region_ids: Mapping[str, UUID]) -> None:
    """Let heads of sales ask for the budgets of this quarter and the one before, and a controller decide."""
    manager = stage.scope_of("manager")
    with stage.database.transaction(manager) as connection:
        programme_ids = {one.code: one.id for one in programmes.list_programmes(connection, manager)}
    this, _last = budgets.quarter_of(stage.last_day + timedelta(days=1))
    before, _last = budgets.quarter_of(this - timedelta(days=1))
    cost: dict[tuple[str, str, date], int] = defaultdict(int)
    for order in orders:
        if order.fate is OrderFate.WAITS and order.waits_for_budget:
            continue
        quarter = this if order.moment >= _quarter_began(stage.last_day) else before
        cost[order.reward.programme, _budget_region(order), quarter] += order.reward.euro * 100

    def ask(region: str) -> None:
        for code in (PROGRAMME_CODE, CLAIMS_PROGRAMME_CODE):
            if region not in _BUDGET_REGIONS[code]:
                continue
            for quarter in (before, this):
                amount = _amount(code, region, quarter == this, cost[code, region, quarter])
                with stage.when(budget_asked_at(code, quarter, stage.last_day)):
                    _set(stage, programme_ids[code], region, region_ids[region], quarter, amount)

    stage.together(partial(ask, region) for region in {*_BUDGET_REGIONS[PROGRAMME_CODE], "PL"})
    # One that nobody has decided yet.
    with stage.at(stage.last_day, 16):
        budgets.ask_for_budget(
            stage.database,
            stage.scope_of("poland"),
            programme_id=programme_ids[PROGRAMME_CODE],
            region_id=region_ids[SPENT_AREA],
            starts_on=this,
            amount_minor=_amount(PROGRAMME_CODE, SPENT_AREA, True, cost[PROGRAMME_CODE, SPENT_AREA, this])
            + 120_000,
            reason="Nearly all is spent and orders wait: the new outlets sell more than we planned.",
            request_key=key_of("budget", "raise", SPENT_AREA),
        )


_BUDGET_REGIONS = {
    PROGRAMME_CODE: ("PL-GDA", "PL-POZ", "PL-KRA", "PL-WRO", "RS", "GB", "ID"),
    CLAIMS_PROGRAMME_CODE: ("PL", "RS", "GB", "ID"),
}


def _budget_region(order: DemoOrder) -> str:
    named = _BUDGET_REGIONS[order.reward.programme]
    return order.area if order.area in named else order.area[:2]


def _amount(code: str, region: str, is_current: bool, cost: int) -> int:
    """Return what is set, in cents: more than orders need, but where the story wants nearly all spent."""
    if (code, region, is_current) == (PROGRAMME_CODE, SPENT_AREA, True):
        return max(100, round(cost / SPENT_PERCENT) * 100)
    least = 150_000 if code == PROGRAMME_CODE else 20_000
    share = 160 if is_current else 118
    return max(least, -(-cost * share // 100 // 10_000) * 10_000 + 10_000)


def _set(stage: Stage, programme_id: UUID, region: str, region_id: UUID, quarter: date, amount: int) -> None:
    head, controller = stage.scope_of(_HEAD_OF[region[:2]]), stage.scope_of("controller")
    change_id = budgets.ask_for_budget(
        stage.database,
        head,
        programme_id=programme_id,
        region_id=region_id,
        starts_on=quarter,
        amount_minor=amount,
        reason="The quarter's plan, agreed with the brand team.",
        request_key=key_of("budget", programme_id, region, quarter),
    )
    with stage.database.transaction(controller) as connection:
        change = budgets.change_by_id(connection, controller, change_id)
    if change.state is budgets.ChangeState.WAITING:
        budgets.decide_change(
            stage.database, controller, change_id, payload_hash=change.payload_hash, approve=True
        )


def make_orders(stage: Stage, orders: Sequence[DemoOrder], reward_ids: Mapping[str, UUID]) -> None:
    """Let salespeople name who may spend, and people order; finance decides but for those that wait."""
    admin = stage.scope_of("admin")
    with stage.database.transaction(admin) as connection:
        found = {one.code: one for one in participants.find_participants(connection, "", limit=10**6)}
        staff = {
            one.code: one.salesperson_id for one in organisation.find_companies(connection, "", limit=10**6)
        }
    names = {stage.scope_of(name).user_id: name for name in _NAME_OF_USER}
    seller = {code: names[user_id] for code, user_id in staff.items() if user_id in names}
    _entitle(stage, orders, found, seller)

    def place(mine: Sequence[DemoOrder]) -> None:
        for order in mine:
            _place(stage, order, found[order.participant], seller, reward_ids[order.reward.code])

    # One thread for what one budget pays, so that its orders come one after the other.
    by_region: dict[str, list[DemoOrder]] = defaultdict(list)
    for order in orders:
        if order.fate is not OrderFate.WAITS:
            by_region[order.area[:2]].append(order)
    stage.together(partial(place, mine) for mine in by_region.values())
    place([order for order in orders if order.fate is OrderFate.WAITS])


def _entitle(
    stage: Stage,
    orders: Sequence[DemoOrder],
    found: Mapping[str, participants.Participant],
    seller: Mapping[str, str],
) -> None:
    spenders = {one.participant for one in orders if one.reward.programme == PROGRAMME_CODE}
    with stage.at(_history_begins(stage), 12):
        for code in sorted({*spenders, people.WHOLESALER}):
            person = found[code]
            rewards.entitle(
                stage.database,
                stage.scope_of(seller[person.company_code]),
                company_id=person.company_id,
                participant_id=person.id,
            )


def _place(
    stage: Stage,
    order: DemoOrder,
    person: participants.Participant,
    seller: Mapping[str, str],
    reward_id: UUID,
) -> None:
    scope = stage.scope_of(order.by or seller[person.company_code])
    with stage.when(order.moment):
        placed = rewards.place_order(
            stage.database,
            scope,
            participant_id=person.id,
            reward_id=reward_id,
            request_key=key_of("order", order.key),
            waits_for_budget=order.waits_for_budget,
        )
    if order.fate is OrderFate.WAITS or placed.state is not OrderState.AWAITING_FINANCE:
        return
    with stage.when(order.decided_at):
        if order.fate is OrderFate.CANCELLED:
            rewards.cancel_order(stage.database, scope, placed.id)
            return
        decider = "controller" if order.participant == people.FINANCE or person.is_owner else "finance"
        (outcome,) = rewards.decide_orders(
            stage.database,
            stage.scope_of(decider),
            [rewards.OrderToDecide(placed.id, placed.payload_hash)],
            approve=order.fate is OrderFate.APPROVED,
            reason=order.reason,
        )
    if outcome.refusal is not None:
        raise Refusal(outcome.refusal)
