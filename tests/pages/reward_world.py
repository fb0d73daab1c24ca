"""A small world of rewards on top of the pages' world: companies with points, people, a budget, a catalogue."""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from loyalty_core import access, budgets, organisation, participants, programmes, rewards, settlement
from loyalty_core.access import Role, ScopeGrant, ScopeKind, SignedInUser
from loyalty_core.kernel import Database, new_id, now
from loyalty_core.participants import ParticipantGroup
from loyalty_core.rewards import Order, OrderToDecide, RewardDraft, RewardKind, RewardState
from tests.access.people import PASSWORD, sign_in
from tests.pages.world import COMMAND_LINE, HEADER, World, take_in
from tests.participants.deciding import decide_as_shown

DOCUMENT = """\
code: prizes
name: Prizes
starts: {starts}
ends: {ends}
currency: EUR
collects: company
rules:
  - id: base
    per: line
    award: {{points: 1, per_amount: 10.00}}
"""


@dataclass(frozen=True)
class RewardWorld:
    """What was made: the reward ids by code, and the people by sign-in name."""

    world: World
    database: Database
    programme_id: UUID
    rewards: dict[str, UUID]
    people: dict[str, UUID]

    def user(self, name: str) -> SignedInUser:
        """Return the person in a new session."""
        user = access.find_session(self.database, sign_in(self.database, name))
        assert user is not None
        return user

    def order(self, name: str, code: str, *, whom: str | None = None, waits: bool = False) -> Order:
        """Order a reward as this person does, for themselves unless `whom` is named."""
        return rewards.place_order(
            self.database,
            self.user(name).scope,
            participant_id=self.people[whom or name],
            reward_id=self.rewards[code],
            request_key=new_id(),
            waits_for_budget=waits,
        )

    def reject(self, order: Order, reason: str) -> None:
        """Reject an order as finance does."""
        (outcome,) = rewards.decide_orders(
            self.database,
            self.user(Role.ADMIN_FINANCE).scope,
            [OrderToDecide(order.id, order.payload_hash)],
            approve=False,
            reason=reason,
        )
        assert outcome.refusal is None, outcome.refusal


def make_reward_world(world: World) -> RewardWorld:
    """Fill the pages' world with points, people, money and rewards; C-300 has 500 points, C-400 has 300."""
    database, today = world.database, now().date()
    starts, ends = today - timedelta(days=60), today + timedelta(days=200)
    programmes.apply_programme(database, COMMAND_LINE, DOCUMENT.format(starts=starts, ends=ends))
    sold = today - timedelta(days=20)
    lines = "".join(
        f"{company},{region},INV-{company},{sold},P-10,Emulsion paint,1,{price}\n"
        for company, region, price in (("C-300", "Poland", "5000.00"), ("C-400", "Serbia", "3000.00"))
    )
    take_in(database, world.settings, "recent.csv", HEADER + lines)
    settlement.settle_programme(database, COMMAND_LINE, "prizes")
    with database.snapshot(COMMAND_LINE) as connection:
        programme_id = programmes.programme_by_code(connection, COMMAND_LINE, "prizes").id
    people = {
        name: _join(database, name, company, is_owner=is_owner)
        for name, company, is_owner in (
            ("anna", "C-300", True),
            ("jan", "C-300", False),
            ("milica", "C-400", True),
        )
    }
    participants.assign_salesperson(
        database,
        access.scope_of_user(database, _id_of(database, Role.HEAD_OF_SALES)),
        company_code="C-300",
        user_id=_id_of(database, Role.SALES),
    )
    _set_budget(database, world, programme_id, today)
    found = {
        code: _offer(database, programme_id, code, name, points, cost, starts, ends)
        for code, name, points, cost in (
            ("thermos", "Thermos flask", 120, 2400),
            ("drill", "Drill set", 700, 9000),
            ("trip", "Weekend trip", 100, 500_000),
        )
    }
    made = RewardWorld(world, database, programme_id, found, people)
    for name, company in (("anna", "C-300"), ("milica", "C-400")):
        with database.snapshot(COMMAND_LINE) as connection:
            company_id = organisation.company_by_code(connection, company).id
        rewards.entitle(database, made.user(name).scope, company_id=company_id, participant_id=people[name])
    return made


def _id_of(database: Database, name: str) -> UUID:
    return access.find_user(database, COMMAND_LINE, name).id


def _join(database: Database, name: str, company: str, *, is_owner: bool) -> UUID:
    with database.snapshot(COMMAND_LINE) as connection:
        company_id = organisation.company_by_code(connection, company).id
    user_id = access.create_user(
        database,
        COMMAND_LINE,
        name=name,
        display_name=f"{name.title()} of {company}",
        password=PASSWORD,
        roles=[Role.PARTICIPANT],
        grants=[ScopeGrant(ScopeKind.COMPANY, company_id)],
    )
    participant_id = participants.register_participant(
        database,
        COMMAND_LINE,
        company_code=company,
        code=f"M-{name}",
        display_name=f"{name.title()} of {company}",
        group=ParticipantGroup.WHOLESALER,
        is_owner=is_owner,
        user_id=user_id,
    )
    (outcome,) = decide_as_shown(
        database,
        access.scope_of_user(database, _id_of(database, Role.OPERATOR)),
        participant_ids=[participant_id],
        approve=True,
        reason=None,
    )
    assert outcome.refusal is None, outcome.refusal
    return participant_id


def _set_budget(database: Database, world: World, programme_id: UUID, today: date) -> None:
    """Let the programme manager ask for 60.00 for Poland, and finance approve it."""
    change_id = budgets.ask_for_budget(
        database,
        access.scope_of_user(database, _id_of(database, Role.PROGRAMME_MANAGER)),
        programme_id=programme_id,
        region_id=world.region_id("Poland"),
        starts_on=today,
        amount_minor=6000,
        reason="for the autumn",
        request_key=new_id(),
    )
    finance = access.scope_of_user(database, _id_of(database, Role.ADMIN_FINANCE))
    with database.snapshot(finance) as connection:
        change = budgets.change_by_id(connection, finance, change_id)
    budgets.decide_change(database, finance, change_id, payload_hash=change.payload_hash, approve=True)


def _offer(
    database: Database,
    programme_id: UUID,
    code: str,
    name: str,
    points: int,
    cost_minor: int,
    starts: date,
    ends: date,
) -> UUID:
    marketing = access.scope_of_user(database, _id_of(database, Role.ADMIN_MARKETING))
    reward_id = rewards.save_reward(
        database,
        marketing,
        RewardDraft(
            programme_id=programme_id,
            code=code,
            name=name,
            kind=RewardKind.MERCHANDISE,
            category="home",
            points=points,
            cost_minor=cost_minor,
            stock=10,
            starts_on=starts,
            ends_on=ends,
        ),
    )
    rewards.move_reward(database, marketing, reward_id, RewardState.OFFERED)
    return reward_id
