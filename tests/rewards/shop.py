"""A shop to order from: two programmes, two companies with people, points, a budget, a catalogue."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core import budgets, ledger, rewards
from loyalty_core.access import Role
from loyalty_core.kernel import ActorKind, Database, Scope, new_id, now
from loyalty_core.ledger import AccountKind, PostingDraft, PostingKind
from loyalty_core.organisation import CompanyKind, add_region, insert_company
from loyalty_core.programmes import apply_programme, programme_by_code
from loyalty_core.rewards import Order, OrderOutcome, OrderToDecide, RewardDraft, RewardKind, RewardState
from tests.budgets.money import a_budget

SYSTEM = Scope.of_system("test")

PROGRAMME = """\
code: {code}
name: {code}
starts: 2026-01-01
ends: 2036-12-31
currency: EUR
collects: {collects}
earns_from: {earns_from}
rules:
  - {{id: base, per: line, award: {{points: 1, per_amount: 10.00}}}}
"""

# The shop's budgets are of this quarter; tests that are about days fix the clock to one in it.
MONEY = 100_000


@dataclass(frozen=True)
class Shop:
    """The ids of what there is. `own` collects for each participant, `firm` for the company."""

    database: Database
    own: UUID
    firm: UUID
    country: UUID
    area: UUID
    company: UUID
    other_company: UUID
    budget: UUID
    firm_budget: UUID
    salesperson: Scope
    marketing: Scope
    finance: Scope
    finance_too: Scope

    def participant(self, name: str, *, company: UUID | None = None, **other: Any) -> "Person":
        """Add an active participant who signs in."""
        with self.database.transaction(SYSTEM) as connection:
            return add_participant(connection, name, company or self.company, **other)

    def reward(self, code: str = "mug", *, state: RewardState = RewardState.OFFERED, **values: Any) -> UUID:
        """Add a reward as marketing does, offered from the start."""
        wanted: dict[str, Any] = {
            "programme_id": self.own,
            "code": code,
            "name": code.title(),
            "kind": RewardKind.MERCHANDISE,
            "category": "kitchen",
            "points": 100,
            "cost_minor": 2_000,
            "stock": 10,
            "starts_on": date(2026, 1, 1),
            "ends_on": date(2036, 12, 31),
            **values,
        }
        reward_id = rewards.save_reward(self.database, self.marketing, RewardDraft(**wanted))
        if state is not RewardState.DRAFT:
            rewards.move_reward(self.database, self.marketing, reward_id, RewardState.OFFERED)
        if state is RewardState.WITHDRAWN:
            rewards.move_reward(self.database, self.marketing, reward_id, state)
        return reward_id

    def earn(
        self,
        person: "Person",
        points: int,
        *,
        programme: UUID | None = None,
        expires_on: date | None = None,
    ) -> None:
        """Give the participant points, or, in the programme that collects for companies, the company."""
        with self.database.transaction(SYSTEM) as connection:
            earn(connection, self, person, points, programme=programme, expires_on=expires_on)

    def balance(self, person: "Person", programme: UUID | None = None) -> int:
        """Return what the participant's or the company's account holds."""
        kind, owner = self.owner(person, programme or self.own)
        with self.database.transaction(SYSTEM) as connection:
            account = ledger.account_of(connection, programme or self.own, kind, owner)
        return account.balance if account else 0

    def owner(self, person: "Person", programme: UUID) -> tuple[AccountKind, UUID]:
        """Return whose account a person's points of the programme lie on."""
        if programme == self.firm:
            return AccountKind.COMPANY, person.company_id
        return AccountKind.PARTICIPANT, person.id

    def stock(self, reward: UUID) -> int | None:
        """Return how many pieces are left."""
        with self.database.transaction(SYSTEM) as connection:
            return rewards.reward_by_id(connection, SYSTEM, reward).stock

    def money(self, budget: UUID | None = None) -> tuple[int, int, int]:
        """Return what is set, reserved and spent."""
        with self.database.transaction(SYSTEM) as connection:
            found = budgets.budget_by_id(connection, SYSTEM, budget or self.budget)
        return found.set_minor, found.reserved_minor, found.spent_minor

    def place(self, person: "Person", reward: UUID, **other: Any) -> Order:
        """Order as the participant."""
        wanted: dict[str, Any] = {"request_key": new_id(), **other}
        return rewards.place_order(
            self.database, person.scope, participant_id=person.id, reward_id=reward, **wanted
        )

    def decide(
        self,
        order: Order,
        *,
        approve: bool = True,
        reason: str | None = None,
        scope: Scope | None = None,
        payload_hash: str | None = None,
    ) -> OrderOutcome:
        """Decide one order as finance."""
        (outcome,) = rewards.decide_orders(
            self.database,
            scope or self.finance,
            [OrderToDecide(order.id, payload_hash or order.payload_hash)],
            approve=approve,
            reason=reason if approve else reason or "not this quarter",
        )
        return outcome

    def again(self, order: Order) -> Order:
        """Return the order as it is now."""
        with self.database.transaction(SYSTEM) as connection:
            return rewards.order_by_id(connection, SYSTEM, order.id)

    def broken(self) -> dict[str, int]:
        """Return the checks of orders, budgets and the ledger that do not hold."""
        with self.database.transaction(SYSTEM) as connection:
            return broken(connection)

    def rows(self) -> dict[str, int]:
        """Return how many rows there are of everything that an order writes."""
        with self.database.transaction(SYSTEM) as connection:
            return {
                table: int(connection.execute(text(query)).scalar_one()) for table, query in _COUNTED.items()
            }


_COUNTED = {
    table: f"select count(*) from {table}"
    for table in (
        *("reward_order", "order_event", "stock_movement", "budget_movement", "posting", "ledger_entry"),
        *("lot", "lot_use", "account", "audit_record"),
    )
}


@dataclass(frozen=True)
class Person:
    """A participant who signs in, and what they may see."""

    id: UUID
    company_id: UUID
    scope: Scope

    @property
    def user_id(self) -> UUID:
        """Who signs in."""
        assert self.scope.user_id is not None
        return self.scope.user_id


def broken(connection: Connection) -> dict[str, int]:
    """Return what does not hold of orders, budgets and the ledger."""
    found = {
        **rewards.broken_orders(connection),
        **budgets.broken_budgets(connection),
        **ledger.broken_books(connection),
    }
    return {name: count for name, count in found.items() if count}


def earn(
    connection: Connection,
    shop: Shop,
    person: Person,
    points: int,
    *,
    programme: UUID | None = None,
    expires_on: date | None = None,
) -> None:
    """Post earned points to a person's account, or the company's."""
    programme = programme or shop.own
    kind, owner = shop.owner(person, programme)
    opened = ledger.open_accounts(connection, programme, kind, [(owner, person.company_id)], now())
    draft = PostingDraft(
        key=new_id().hex,
        account_id=opened[owner],
        company_id=person.company_id,
        kind=PostingKind.EARN,
        points=points,
        happened_at=now(),
        expires_on=expires_on,
    )
    ledger.post(connection, programme_id=programme, source="test", drafts=[draft])


def add_user(
    connection: Connection,
    name: str,
    *roles: Role,
    companies: tuple[UUID, ...] = (),
    regions: tuple[UUID, ...] = (),
) -> Scope:
    """Add somebody who signs in, without the work that a password's hash takes, and return their scope."""
    user_id = new_id()
    connection.execute(
        text(
            "insert into app_user (id, name, display_name, password_hash, password_is_temporary, state, locale,"
            " created_at, password_changed_at) values (:id, :name, :display, '-', false, 'active', 'en', now(), now())"
        ),
        {"id": user_id, "name": name.lower(), "display": name.title()},
    )
    for role in roles:
        connection.execute(
            text("insert into user_role (user_id, role, granted_at) values (:id, :role, now())"),
            {"id": user_id, "role": role.value},
        )
    return Scope(
        ActorKind.USER,
        name,
        user_id=user_id,
        sees_everything=not (companies or regions),
        company_ids=frozenset(companies),
        region_ids=frozenset(regions),
    )


def add_participant(
    connection: Connection,
    name: str,
    company: UUID,
    *,
    group: str = "wholesaler",
    is_owner: bool = False,
    state: str = "active",
) -> Person:
    """Add a participant of the company, and who signs in as them."""
    scope = add_user(connection, name, Role.PARTICIPANT, companies=(company,))
    person = Person(new_id(), company, scope)
    connection.execute(
        text(
            "insert into participant (id, code, company_id, participant_group, is_owner, user_id, state,"
            " requested_by_name, requested_at, decided_at, decided_by) values (:id, :code, :company, :group, :owner,"
            " :user, :state, 'test', now(), case when :state = 'waiting' then null else now() end,"
            " case when :state = 'waiting' then null else gen_random_uuid() end)"
        ),
        {
            "id": person.id,
            "code": f"P-{name}",
            "company": company,
            "group": group,
            "owner": is_owner,
            "user": scope.user_id,
            "state": state,
        },
    )
    connection.execute(
        text(
            "insert into participant_person (participant_id, company_id, display_name, recorded_at)"
            " values (:id, :company, :name, now())"
        ),
        {"id": person.id, "company": company, "name": name.title()},
    )
    return person


def open_shop(database: Database, *, firm_earns_from: str = "claims") -> Shop:
    """Make two programmes, a country with an area, a company in each, the staff, and a budget per programme."""
    for code, collects, earns_from in (
        ("own", "participant", "claims"),
        ("firm", "company", firm_earns_from),
    ):
        document = PROGRAMME.format(code=code, collects=collects, earns_from=earns_from)
        apply_programme(database, SYSTEM, document)
    country = add_region(database, SYSTEM, code="PL", name="Poland", parent_id=None)
    area = add_region(database, SYSTEM, code="PL-N", name="North", parent_id=country)
    company, other_company = new_id(), new_id()
    with database.transaction(SYSTEM) as connection:
        for id, code, region in ((company, "C1", area), (other_company, "C2", country)):
            insert_company(
                connection,
                id=id,
                code=code,
                name=f"Company {code}",
                kind=CompanyKind.WHOLESALER,
                region_id=region,
                distributor_id=None,
                recorded_at=now(),
            )
        own, firm = (programme_by_code(connection, SYSTEM, code).id for code in ("own", "firm"))
        salesperson = add_user(connection, "sara", Role.SALES, regions=(area,))
        connection.execute(
            text("update company set salesperson_id = :user where id = :id"),
            {"user": salesperson.user_id, "id": company},
        )
        today = now().date()
        return Shop(
            database=database,
            own=own,
            firm=firm,
            country=country,
            area=area,
            company=company,
            other_company=other_company,
            # The area has none of its own: the country's pays.
            budget=a_budget(connection, own, country, MONEY, starts_on=today),
            firm_budget=a_budget(connection, firm, country, MONEY, starts_on=today),
            salesperson=salesperson,
            marketing=add_user(connection, "mark", Role.ADMIN_MARKETING),
            finance=add_user(connection, "fiona", Role.ADMIN_FINANCE),
            finance_too=add_user(connection, "felix", Role.ADMIN_FINANCE),
        )


def raise_budget(shop: Shop, amount_minor: int, *, budget: UUID | None = None) -> None:
    """Set the shop's budget, or another, as two people of finance do."""
    with shop.database.transaction(SYSTEM) as connection:
        found = budgets.budget_by_id(connection, SYSTEM, budget or shop.budget)
    change_id = budgets.ask_for_budget(
        shop.database,
        shop.finance,
        programme_id=found.programme_id,
        region_id=found.region_id,
        starts_on=found.starts_on,
        amount_minor=amount_minor,
        reason="more rewards",
        request_key=new_id(),
    )
    with shop.database.transaction(SYSTEM) as connection:
        change = budgets.change_by_id(connection, SYSTEM, change_id)
    budgets.decide_change(
        shop.database, shop.finance_too, change_id, payload_hash=change.payload_hash, approve=True
    )
