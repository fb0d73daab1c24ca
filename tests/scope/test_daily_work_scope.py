"""Claims, people, budgets and orders of two regions: whoever sees one gets zero rows of the other."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Connection, text

from loyalty_core import budgets, ledger, participants, rewards, settlement, verification
from loyalty_core.access import UNSCOPED, Role, ScopeGrant, ScopeKind, permissions_of
from loyalty_core.kernel import Database, NotFoundError, Scope, new_id, now
from loyalty_core.ledger import AccountKind
from loyalty_core.settlement import settle_programme
from loyalty_core.verification import ClaimState, QueueFilter, QueueOrder
from tests.access.people import somebody
from tests.databases import database_of
from tests.migrations.daily_work import fill_daily_work
from tests.sales.files import bring, row
from tests.scope.reading import functions_over_a_connection
from tests.settlement.programmes import spring

BUDGETED = date(2026, 2, 1)


@dataclass(frozen=True)
class Side:
    """What there is of one region."""

    region: UUID
    company: UUID
    company_code: str
    participant: UUID
    participant_code: str
    user: UUID
    account: UUID
    posting: int
    line: int
    claim: int
    asked: int
    import_id: UUID
    document: UUID
    registration: UUID
    budget: UUID
    change: UUID
    order: UUID

    @property
    def words(self) -> set[str]:
        """What would give a row of this side away."""
        # Whose user asked for a budget is no row of a region.
        return {str(one) for name, one in vars(self).items() if name != "user" and not isinstance(one, int)}


# Together they see all that anybody may see of a part.
ROLES_OF_PARTS = tuple(role for role in Role if not permissions_of([role]) & UNSCOPED)


@dataclass(frozen=True)
class Field:
    """The two regions, and who sees the North alone."""

    database: Database
    north: Scope
    own: Side
    foreign: Side
    programme: UUID
    reward: UUID


_SIDE = """
    select r.id, c.id, c.code, p.id, p.code, p.user_id, a.id,
           (select min(u.posting_id) from lot_use u where u.company_id = c.id),
           (select min(l.id) from sales_line l where l.company_id = c.id),
           k.number, q.number, q.import_id, d.id, g.id, b.id, h.id, o.id
      from region r join company c on c.region_id = r.id join participant p on p.company_id = c.id
      join account a on a.owner_id = c.id join claim k on k.company_id = c.id and k.claim_no = 'K-1'
      join claim q on q.company_id = c.id and q.state = 'asked'
      join claim_document d on d.company_id = c.id join company_registration g on g.region_id = r.id
      join budget b on b.region_id = r.id join budget_change h on h.region_id = r.id
      join reward_order o on o.company_id = c.id
     where r.code = :region
"""


# Of every company, beside what the daily work has: a claim from a file that waits for an answer, with its document
# and a decision that waits for a second person, and one that holds the units of a sold line.
_CLAIMS = (
    "insert into claim (claim_no, programme_id, company_id, participant_id, source, import_id, row_no, invoice_no,"
    " product_code, quantity, sold_on, state, assigned_to, assigned_to_name, assigned_at, entered_by_name,"
    " recorded_at) select 'K-2-' || p.code, k.programme_id, k.company_id, k.participant_id, 'file',"
    " gen_random_uuid(), 2, k.invoice_no, k.product_code, 1, k.sold_on, 'asked', p.user_id, p.code, now(), 'test',"
    " now() from claim k join participant p on p.id = k.participant_id where k.claim_no = 'K-1'",
    "insert into claim_event (claim_number, programme_id, company_id, kind, words, happened_by_name, recorded_at)"
    " select number, programme_id, company_id, 'asked', 'Which?', 'test', now() from claim where state = 'asked'",
    "insert into claim (claim_no, programme_id, company_id, participant_id, source, invoice_no, product_code,"
    " quantity, sold_on, state, revision, sales_line_id, approved_quantity, entered_by_name, recorded_at, decided_at)"
    " select 'K-3', k.programme_id, k.company_id, k.participant_id, 'phone', k.invoice_no, k.product_code, 1,"
    " k.sold_on, 'approved', 1, (select min(l.id) from sales_line l where l.company_id = k.company_id), 1, 'test',"
    " now(), now() from claim k where k.claim_no = 'K-1'",
)


@pytest.fixture(scope="module")
def field(server: Any) -> Iterator[Field]:
    """Sales, points, claims, people, budgets and orders in both regions."""
    owner_url = server.new_database()
    database = database_of(owner_url)
    everything = Scope.of_system("test")
    spring(database, everything)
    bring(database, everything, [row(), row(company_code="C2", region="South", invoice_no="S-1")])
    settle_programme(database, everything, "spring")
    bring(database, everything, [row(quantity="-1"), row(quantity="-1", company_code="C2", region="South")])
    settle_programme(database, everything, "spring")
    with psycopg.connect(owner_url, autocommit=True) as owner:
        fill_daily_work(owner)
        with owner.transaction():
            owner.execute("select set_config('laurel.everything', 'on', true)")
            for statement in _CLAIMS:
                assert owner.execute(statement).rowcount == 2, statement
    with database.transaction(everything) as connection:
        own, foreign = (
            Side(*connection.execute(text(_SIDE), {"region": region}).one()) for region in ("North", "South")
        )
        programme = connection.execute(text("select id from programme")).scalar_one()
        reward = connection.execute(text("select id from reward")).scalar_one()
    north = somebody(
        database,
        *ROLES_OF_PARTS,
        grants=frozenset({ScopeGrant(ScopeKind.REGION, own.region)}),
    ).scope
    yield Field(database, north, own, foreign, programme, reward)
    database.close()
    server.drop_database(owner_url)


@dataclass(frozen=True)
class Asked:
    """What a question is about."""

    connection: Connection
    scope: Scope
    side: Side
    programme: UUID
    reward: UUID


Question = Callable[[Asked], Any]
AGE = QueueOrder.AGE

# Each read function that is asked for a thing, for the thing of one side.
ABOUT_ONE: dict[str, Question] = {
    "participants.find_participants": lambda q: participants.find_participants(
        q.connection, q.side.participant_code, limit=9
    ),
    "participants.count_participants": lambda q: participants.count_participants(
        q.connection, q.side.participant_code
    ),
    "participants.known_participant_codes": lambda q: participants.known_participant_codes(
        q.connection, [q.side.participant_code]
    ),
    "participants.participant_by_code": lambda q: participants.participant_by_code(
        q.connection, q.side.participant_code
    ),
    "participants.participant_by_id": lambda q: participants.participant_by_id(
        q.connection, q.side.participant
    ),
    "participants.participant_of_user": lambda q: participants.participant_of_user(q.connection, q.side.user),
    "participants.participants_of_company": lambda q: participants.participants_of_company(
        q.connection, q.side.company
    ),
    "participants.registration_by_id": lambda q: participants.registration_by_id(
        q.connection, q.side.registration
    ),
    "participants.display_names": lambda q: participants.display_names(q.connection, [q.side.participant]),
    "verification.candidates": lambda q: verification.candidates(q.connection, q.side.claim),
    "verification.claim_by_number": lambda q: verification.claim_by_number(q.connection, q.side.claim),
    "verification.claims_by_number": lambda q: verification.claims_by_number(q.connection, [q.side.claim]),
    "verification.claims_of_participant": lambda q: verification.claims_of_participant(
        q.connection, q.side.participant, limit=9
    ),
    "verification.count_claims_of_participant": lambda q: verification.count_claims_of_participant(
        q.connection, q.side.participant
    ),
    "verification.document_by_id": lambda q: verification.document_by_id(q.connection, q.side.document),
    "verification.history": lambda q: verification.history(q.connection, q.side.claim),
    "verification.last_decisions": lambda q: verification.last_decisions(q.connection, [q.side.claim]),
    "verification.queued_claim": lambda q: verification.queued_claim(q.connection, q.side.claim),
    "verification.queued_claims": lambda q: verification.queued_claims(q.connection, [q.side.claim]),
    "verification.claims_queue": lambda q: verification.claims_queue(
        q.connection, QueueFilter(state=ClaimState.REJECTED, participant_id=q.side.participant), AGE, limit=9
    ),
    "verification.count_queue": lambda q: verification.count_queue(
        q.connection, QueueFilter(state=ClaimState.REJECTED, participant_id=q.side.participant)
    ),
    "verification.claim_story": lambda q: verification.claim_story(q.connection, q.side.claim),
    "verification.claims_asked": lambda q: verification.claims_asked(q.connection, q.side.participant),
    "verification.claims_asked_of": lambda q: verification.claims_asked_of(
        q.connection, q.side.participant, limit=9
    ),
    "verification.open_questions": lambda q: verification.open_questions(q.connection, [q.side.asked]),
    "verification.documents_of_claim": lambda q: verification.documents_of_claim(q.connection, q.side.claim),
    "verification.documents_of_claims": lambda q: verification.documents_of_claims(
        q.connection, [q.side.claim]
    ),
    "verification.with_documents": lambda q: verification.with_documents(q.connection, [q.side.claim]),
    "verification.last_proposal": lambda q: verification.last_proposal(q.connection, q.side.claim),
    "verification.waiting_proposals": lambda q: verification.waiting_proposals(q.connection, [q.side.claim]),
    "verification.export_claims": lambda q: list(verification.export_claims(q.connection, q.side.import_id)),
    "verification.claims_of_import": lambda q: verification.claims_of_import(q.connection, q.side.import_id),
    "verification.claims_on_lines": lambda q: verification.claims_on_lines(q.connection, [q.side.line]),
    "budgets.budget_by_id": lambda q: budgets.budget_by_id(q.connection, q.scope, q.side.budget),
    "budgets.budget_for": lambda q: budgets.budget_for(
        q.connection, programme_id=q.programme, region_id=q.side.region, on=BUDGETED
    ),
    "budgets.change_by_id": lambda q: budgets.change_by_id(q.connection, q.scope, q.side.change),
    "budgets.movements": lambda q: budgets.movements(q.connection, q.side.budget, limit=9),
    "budgets.count_movements": lambda q: budgets.count_movements(q.connection, q.side.budget),
    "rewards.count_orders_of_participant": lambda q: rewards.count_orders_of_participant(
        q.connection, q.side.participant
    ),
    "rewards.entitled_people": lambda q: rewards.entitled_people(q.connection, q.side.company),
    "rewards.events": lambda q: rewards.events(q.connection, q.side.order),
    "rewards.lines_behind": lambda q: rewards.lines_behind(q.connection, q.side.order),
    "rewards.order_by_id": lambda q: rewards.order_by_id(q.connection, q.scope, q.side.order),
    "rewards.orders_of_participant": lambda q: rewards.orders_of_participant(
        q.connection, q.side.participant
    ),
    "rewards.waiting_orders of one": lambda q: rewards.waiting_orders(
        q.connection, q.scope, limit=9, order_id=q.side.order
    ),
    "ledger.account_of": lambda q: ledger.account_of(
        q.connection, q.programme, AccountKind.COMPANY, q.side.company
    ),
    "ledger.uses_of_posting": lambda q: ledger.uses_of_posting(q.connection, q.side.posting),
}

# Each read function that lists what there is.
OF_ALL: dict[str, Question] = {
    "participants.find_participants of all": lambda q: participants.find_participants(
        q.connection, "", limit=9
    ),
    "participants.waiting_companies": lambda q: participants.waiting_companies(q.connection),
    "participants.decided_participants": lambda q: participants.decided_participants(q.connection, limit=9),
    "verification.claims_queue of all": lambda q: verification.claims_queue(
        q.connection, QueueFilter(state=ClaimState.REJECTED), AGE, limit=9
    ),
    "budgets.budgets_of_period": lambda q: budgets.budgets_of_period(q.connection, q.scope, on=BUDGETED),
    "budgets.changes": lambda q: budgets.changes(q.connection, q.scope),
    "rewards.waiting_orders": lambda q: rewards.waiting_orders(q.connection, q.scope, limit=9),
    "rewards.decided_orders": lambda q: [
        *rewards.decided_orders(q.connection, q.scope, since=now() - timedelta(days=1), until=now()),
        *rewards.waiting_orders(q.connection, q.scope, limit=9),
    ],
}

# What each count must be for who sees one of the two sides.
COUNTS: dict[str, tuple[Question, int]] = {
    "participants.registrations_waiting": (
        lambda q: participants.registrations_waiting(q.connection)[0],
        1,
    ),
    "participants.count_participants of all": (lambda q: participants.count_participants(q.connection), 1),
    # The rejected claim, whose decision waits for a second person.
    "verification.queue_summary": (lambda q: verification.queue_summary(q.connection).count, 1),
    "verification.workload": (
        lambda q: sum(one.open for one in verification.workload(q.connection).people),
        1,
    ),
    "verification.workload of those asked": (lambda q: verification.workload(q.connection).asked, 1),
    "rewards.orders_summary": (lambda q: rewards.orders_summary(q.connection, q.scope).count, 1),
    "rewards.count_waiting_orders": (lambda q: rewards.count_waiting_orders(q.connection, q.scope), 1),
}

# Read functions that need no question here, and why.
OF_NO_COMPANY = {
    *("rewards.catalogue", "rewards.picture_of", "rewards.reward_by_id", "rewards.stock_movements"),
    *("verification.claims_programmes", "budgets.quarters"),
    # Who may decide claims: people of Laurel's own, whom every operator may assign to.
    "verification.deciders",
}
MADE_OF_OTHERS = {
    # Of what the questions above let through: an account, a participant, a claim, a line.
    *("rewards.points_on_hold", "rewards.offers", "rewards.wallets", "rewards.may_entitle"),
    # Who sees what of it: tests/rewards/test_rights.py.
    "rewards.order_of_posting",
    # Who sees what of it: tests/verification/test_coming_back.py.
    "verification.came_back",
    *("participants.namesakes", "participants.waiting_participants"),
    "participants.decided_companies",
}
# Of what the asker brought, whatever else they see: see the tests of participants' own files.
OF_THE_ASKER = {
    *("verification.own_claims_file", "verification.own_claims_files", "verification.own_received_file"),
    *("verification.claims_of_own_file", "verification.rows_not_taken"),
    *("verification.own_programmes", "verification.programmes_to_choose_from"),
}
FOR_COMMANDS_AND_JOBS = {
    *("budgets.reserve", "budgets.spend", "budgets.release", "budgets.ask_within", "budgets.withdraw_within"),
    # Within the transaction of an import, of a decision or of an undoing, which see what they need.
    *("verification.judge_claims", "verification.reopen_claims", "verification.withdraw_claims"),
    *("budgets.broken_budgets", "rewards.broken_orders", "verification.broken_claims"),
    "verification.broken_documents",
}


def answer(field: Field, ask: Question, side: Side) -> Any:
    with field.database.transaction(field.north) as connection:
        try:
            return ask(Asked(connection, field.north, side, field.programme, field.reward))
        except NotFoundError:
            return None


@pytest.mark.parametrize("question", ABOUT_ONE)
def test_what_is_of_ones_own_region_is_told_and_what_is_of_another_is_not(
    field: Field, question: str
) -> None:
    own = answer(field, ABOUT_ONE[question], field.own)
    assert own, question
    assert not any(word in str(own) for word in field.foreign.words), question
    assert not answer(field, ABOUT_ONE[question], field.foreign), question


@pytest.mark.parametrize("question", OF_ALL)
def test_lists_hold_what_is_of_ones_own_region_only(field: Field, question: str) -> None:
    found = answer(field, OF_ALL[question], field.own)
    assert found, question
    assert not any(word in str(found) for word in field.foreign.words), question


@pytest.mark.parametrize("question", COUNTS)
def test_counts_count_what_is_of_ones_own_region_only(field: Field, question: str) -> None:
    ask, expected = COUNTS[question]
    assert answer(field, ask, field.own) == expected


def test_points_and_awards_of_a_foreign_claim_are_told_to_nobody(field: Field) -> None:
    assert not answer(field, lambda q: settlement.awards_of_claim(q.connection, q.side.claim), field.foreign)
    assert not answer(
        field, lambda q: settlement.explain_claim(q.connection, q.scope, q.side.claim), field.foreign
    )
    assert answer(field, lambda q: settlement.claim_points(q.connection, [q.side.claim]), field.own)
    assert not answer(field, lambda q: settlement.claim_points(q.connection, [q.side.claim]), field.foreign)


def test_no_query_of_the_daily_work_was_forgotten_here() -> None:
    reading = functions_over_a_connection(participants, verification, budgets, rewards)
    asked = {question.partition(" ")[0] for question in (*ABOUT_ONE, *OF_ALL, *COUNTS)}
    named = asked | OF_NO_COMPANY | MADE_OF_OTHERS | OF_THE_ASKER | FOR_COMMANDS_AND_JOBS
    asked_of_others = {name for name in asked if name.partition(".")[0] in ("ledger", "settlement")}
    assert reading - named == set()
    assert named - asked_of_others - reading == set()


@pytest.mark.parametrize("is_own", [True, False])
def test_claims_and_orders_are_told_to_those_who_work_with_their_programme(
    field: Field, *, is_own: bool
) -> None:
    programme = field.programme if is_own else new_id()
    scope = somebody(
        field.database,
        *ROLES_OF_PARTS,
        name=f"analyst-{is_own}".lower(),
        grants=frozenset(
            {ScopeGrant(ScopeKind.EVERYTHING, None), ScopeGrant(ScopeKind.PROGRAMME, programme)}
        ),
    ).scope
    told = {
        "verification.claim_by_number",
        *("verification.claims_of_participant", "verification.claims_queue", "verification.history"),
        *("rewards.order_by_id", "rewards.orders_of_participant", "rewards.waiting_orders of one"),
    }
    for question in told:
        with field.database.transaction(scope) as connection:
            try:
                found = ABOUT_ONE[question](
                    Asked(connection, scope, field.own, field.programme, field.reward)
                )
            except NotFoundError:
                found = None
        assert bool(found) is is_own, question
