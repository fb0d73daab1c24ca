"""Every decision names what was shown, and is made by somebody who may decide by now."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from loyalty_core import access, budgets, corrections, intake, participants, rewards, verification
from loyalty_core.access import DECIDING, HOLD_BACK, DecisionsHeldError, Permission, Role
from loyalty_core.intake import ImportMode
from loyalty_core.kernel import Database, NotAllowedError, Refusal, Scope, new_id, now
from loyalty_core.kernel.clock import fixed
from loyalty_core.organisation import CompanyKind
from loyalty_core.rewards import OrderToDecide
from tests.access.people import COMMAND_LINE, EVERYTHING, PASSWORD, somebody
from tests.corrections.undoing import look
from tests.intake.deciding import import_hash
from tests.intake.field import settings_in
from tests.participants.deciding import company_hash, person_hash
from tests.records.test_whole_way import begin, csv_of, run
from tests.rewards.shop import open_shop
from tests.sales.files import bring, row
from tests.verification.claims import CLUB, claim, club, line_id
from tests.verification.claims import person as active_person
from tests.verification.deciding import approve_as_shown
from tests.verification.deciding import shown as claims_shown

STALE = "0" * 64
Call = Callable[[Scope, str], object]

# What decides begins with one of these; a new command of that kind has to be among `decisions`.
VERBS = (
    "accept_",
    "approve_",
    "correct_claim",
    "decide_",
    "decline_",
    "reinstate",
    "reject_",
    "second_",
    "suspend",
)
PACKAGES = (budgets, corrections, intake, participants, rewards, verification)


@dataclass(frozen=True)
class Decision:
    """One thing that waits: what decides about it, what that takes, and the hash of it as it is."""

    command: Callable[..., Any]
    permission: Permission
    shown: str
    call: Call

    def refusal(self, scope: Scope, shown: str) -> str | None:
        """Decide and return the sentence of the refusal, or None where it was done."""
        try:
            outcome = self.call(scope, shown)
        except Refusal as refusal:
            return refusal.sentence
        if isinstance(outcome, list):
            (only,) = outcome
            found: str | None = only.refusal
            return found
        return None


def decisions(database: Database, folder: Path) -> list[Decision]:
    """Make one of everything that waits for a decision, asked for by nobody who decides here."""
    settings = settings_in(folder)
    asker = somebody(database, Role.ADMIN, name="asker").scope
    shop = open_shop(database)
    club(database, CLUB + "verification: {second_person_above: 50.00}\n")
    bring(
        database,
        COMMAND_LINE,
        [
            row(unit_price="20.00"),
            *(row(invoice_no=f"I{number}", unit_price="20.00") for number in (2, 3)),
            row(invoice_no="I9", unit_price="60.00"),
        ],
    )
    ana = active_person(database)

    registered = participants.register_company(
        database,
        asker,
        code="NEW-1",
        name="New firm",
        kind=CompanyKind.WHOLESALER,
        region_id=shop.area,
        request_key=new_id(),
    )
    waiting = participants.register_participant(
        database,
        asker,
        company_code="C1",
        code="P-NEW",
        display_name="New person",
        group=participants.ParticipantGroup.WHOLESALER,
    )
    suspended = active_person(database, code="A2")
    participants.suspend(
        database, COMMAND_LINE, suspended, payload_hash=person_hash(database, suspended), reason="On leave."
    )
    change = budgets.ask_for_budget(
        database,
        asker,
        programme_id=shop.own,
        region_id=shop.country,
        starts_on=now().date(),
        amount_minor=500_000,
        reason="more of it",
        request_key=new_id(),
    )
    with database.snapshot(COMMAND_LINE) as connection:
        change_hash = budgets.change_by_id(connection, COMMAND_LINE, change).payload_hash
    buyer = shop.participant("buyer")
    shop.earn(buyer, 500)
    order = shop.place(buyer, shop.reward())

    approved, rejected, corrected = (
        claim(
            database, COMMAND_LINE, ana, programme_code="club", invoice_no=invoice, claim_no=f"K-{invoice}"
        ).number
        for invoice in ("I1", "I2", "I3")
    )
    costly = claim(
        database, COMMAND_LINE, ana, programme_code="club", invoice_no="I9", claim_no="K-I9"
    ).number
    first = somebody(database, Role.OPERATOR, name="first").scope
    assert approve_as_shown(database, first, [costly])[0].is_proposed
    with database.snapshot(COMMAND_LINE) as connection:
        proposal = verification.waiting_proposals(connection, [costly])[costly].payload_hash
    line = line_id(database, COMMAND_LINE, invoice_no="I3")
    claims = claims_shown(database, [approved, rejected, corrected])

    def product(name: str, mode: ImportMode, title: str) -> UUID:
        path = csv_of(
            folder / f"{name}-{mode.value}.csv", "code,name,brand,product_group", f"{name},{title},Acme,Cups"
        )
        return begin(database, settings, COMMAND_LINE, path, "products", mode)

    held = []
    for name in ("A", "B"):
        added = product(name, ImportMode.ADD, "Cup")
        assert run(database, settings, COMMAND_LINE, added).state.value == "accepted"
        held.append(product(name, ImportMode.UPDATE, "Jug"))
        assert run(database, settings, COMMAND_LINE, held[-1]).state.value == "waiting"
    undone = product("C", ImportMode.ADD, "Mug")
    assert run(database, settings, COMMAND_LINE, undone).state.value == "accepted"

    people = Permission.DECIDE_REGISTRATIONS
    return [
        Decision(
            participants.decide_registrations,
            people,
            company_hash(database, registered),
            lambda scope, shown: participants.decide_registrations(
                database, scope, companies={registered: shown}, approve=True, reason=None
            ),
        ),
        Decision(
            participants.decide_registrations,
            people,
            person_hash(database, waiting),
            lambda scope, shown: participants.decide_registrations(
                database, scope, participants={waiting: shown}, approve=True, reason=None
            ),
        ),
        Decision(
            participants.suspend,
            people,
            person_hash(database, ana),
            lambda scope, shown: participants.suspend(
                database, scope, ana, payload_hash=shown, reason="On leave."
            ),
        ),
        Decision(
            participants.reinstate,
            people,
            person_hash(database, suspended),
            lambda scope, shown: participants.reinstate(database, scope, suspended, payload_hash=shown),
        ),
        Decision(
            budgets.decide_change,
            Permission.DECIDE_BUDGETS,
            change_hash,
            lambda scope, shown: budgets.decide_change(
                database, scope, change, payload_hash=shown, approve=True
            ),
        ),
        Decision(
            rewards.decide_orders,
            Permission.DECIDE_ORDERS,
            order.payload_hash,
            lambda scope, shown: rewards.decide_orders(
                database, scope, [OrderToDecide(order.id, shown)], approve=True
            ),
        ),
        Decision(
            verification.approve_claims,
            Permission.DECIDE_CLAIMS,
            claims[approved],
            lambda scope, shown: verification.approve_claims(database, scope, {approved: shown}),
        ),
        Decision(
            verification.reject_claims,
            Permission.DECIDE_CLAIMS,
            claims[rejected],
            lambda scope, shown: verification.reject_claims(
                database, scope, {rejected: shown}, reason="No photo."
            ),
        ),
        Decision(
            verification.correct_claim,
            Permission.DECIDE_CLAIMS,
            claims[corrected],
            lambda scope, shown: verification.correct_claim(
                database,
                scope,
                corrected,
                payload_hash=shown,
                sales_line_id=line,
                quantity=Decimal(1),
                reason="As on the invoice.",
            ),
        ),
        Decision(
            verification.second_decision,
            Permission.DECIDE_CLAIMS,
            proposal,
            lambda scope, shown: verification.second_decision(
                database, scope, costly, payload_hash=shown, agrees=True
            ),
        ),
        Decision(
            intake.accept_waiting_import,
            Permission.DECIDE_IMPORTS,
            import_hash(database, held[0]),
            lambda scope, shown: intake.accept_waiting_import(
                database, scope, import_id=held[0], payload_hash=shown, reason="as agreed", defers=False
            ),
        ),
        Decision(
            intake.decline_waiting_import,
            Permission.DECIDE_IMPORTS,
            import_hash(database, held[1]),
            lambda scope, shown: intake.decline_waiting_import(
                database, scope, import_id=held[1], payload_hash=shown, reason="not agreed"
            ),
        ),
        Decision(
            corrections.undo_import,
            Permission.UNDO_IMPORTS,
            look(database, COMMAND_LINE, undone).payload_hash,
            lambda scope, shown: corrections.undo_import(
                database,
                scope,
                undone,
                reason="The file was of another year.",
                payload_hash=shown,
                request_key=new_id(),
                settles=False,
            ),
        ),
    ]


def test_every_decision_refuses_what_was_not_shown_and_says_to_look_again(
    committed_database: Database, tmp_path: Path
) -> None:
    decider = somebody(committed_database, Role.ADMIN, name="decider").scope
    found = decisions(committed_database, tmp_path)
    public: Mapping[str, Callable[..., Any]] = {
        f"{package.__name__}.{name}": getattr(package, name)
        for package in PACKAGES
        for name in package.__all__
        if (name.startswith(VERBS) or name == "undo_import") and inspect.isfunction(getattr(package, name))
    }
    assert set(public.values()) == {one.command for one in found}, "a new decision is listed above"
    for one in found:
        name = one.command.__name__
        refusal = one.refusal(decider, STALE)
        assert refusal is not None, name
        assert "look again" in refusal.lower(), (name, refusal)
        # It was only the hash: as it is shown, it is decided.
        assert one.refusal(decider, one.shown) is None, name


def test_who_asked_decides_nothing_by_a_second_account_of_their_own_making(
    committed_database: Database, tmp_path: Path
) -> None:
    database = committed_database
    found = decisions(database, tmp_path)
    assert {one.permission for one in found} == DECIDING
    asker = access.scope_of_user(database, access.find_user(database, COMMAND_LINE, "asker").id)
    second = access.create_user(
        database,
        asker,
        name="puppet",
        display_name="Puppet",
        password=PASSWORD,
        roles=[Role.ADMIN],
        grants=EVERYTHING,
    )
    puppet, until = access.scope_of_user(database, second), now() + HOLD_BACK
    for one in found:
        refusal = one.refusal(puppet, one.shown)
        assert refusal is not None, one.command.__name__
        assert f"{until:%Y-%m-%d}" in refusal, refusal
    # Nothing but the day's wait is in the way of this account: it was the attack.
    with fixed(until + timedelta(minutes=1)):
        for one in found:
            assert one.refusal(puppet, one.shown) is None, one.command.__name__


def _created(database: Database, admin: Scope, role: Role) -> UUID:
    return access.create_user(
        database, admin, name="kate", display_name="Kate", password=PASSWORD, roles=[role], grants=EVERYTHING
    )


def _given_the_role(database: Database, admin: Scope, role: Role) -> UUID:
    kate = access.create_user(
        database,
        COMMAND_LINE,
        name="kate",
        display_name="Kate",
        password=PASSWORD,
        roles=[],
        grants=EVERYTHING,
    )
    access.set_rights(database, admin, kate, roles=[role], grants=EVERYTHING)
    return kate


def _taken_over(database: Database, admin: Scope, role: Role) -> UUID:
    kate = _created(database, COMMAND_LINE, role)
    access.reset_password(database, admin, kate, "violet gravel 7 harbour")
    return kate


def _woken(database: Database, admin: Scope, role: Role) -> UUID:
    kate = _created(database, COMMAND_LINE, role)
    access.disable_user(database, COMMAND_LINE, kate)
    access.enable_user(database, admin, kate)
    return kate


@pytest.mark.parametrize("way", [_created, _given_the_role, _taken_over, _woken])
@pytest.mark.parametrize("permission", sorted(DECIDING))
def test_an_account_that_an_administrator_set_up_or_took_over_decides_a_day_later(
    database: Database, way: Callable[[Database, Scope, Role], UUID], permission: Permission
) -> None:
    admin = somebody(database, Role.ADMIN, name="ada").scope
    role = next(one for one in Role if one is not Role.ADMIN and permission in access.permissions_of([one]))
    before = now()
    kate = access.scope_of_user(database, way(database, admin, role))

    def check() -> None:
        with database.transaction(kate) as connection:
            access.check_permission(connection, kate, permission)

    with pytest.raises(DecisionsHeldError) as held:
        check()
    assert before + HOLD_BACK <= held.value.until <= now() + HOLD_BACK
    assert f"{held.value.until:%Y-%m-%d %H:%M}" in held.value.sentence
    with fixed(held.value.until):
        check()


def test_what_decides_nothing_is_not_held_nor_is_what_the_command_line_makes(database: Database) -> None:
    admin = somebody(database, Role.ADMIN, name="ada").scope
    sales = access.create_user(
        database,
        admin,
        name="sal",
        display_name="Sal",
        password=PASSWORD,
        roles=[Role.SALES],
        grants=EVERYTHING,
    )
    access.reset_password(database, admin, sales, "violet gravel 7 harbour")
    # The first administrator, for one, whom nobody else could have made.
    with database.transaction(COMMAND_LINE) as connection:
        held = {one.name: one.decisions_from for one in access.list_users(database, COMMAND_LINE)}
    assert held == {"ada": None, "sal": None}
    with pytest.raises(NotAllowedError), database.transaction(admin) as connection:
        access.check_permission(connection, access.scope_of_user(database, sales), Permission.DECIDE_BUDGETS)


def test_nobody_links_themselves_to_a_participant_by_a_second_account(database: Database) -> None:
    bring(database, COMMAND_LINE, [row()])
    ana = active_person(database)
    admin = somebody(database, Role.ADMIN, name="ada")
    puppet = access.scope_of_user(database, _created(database, admin.scope, Role.ADMIN))
    with pytest.raises(DecisionsHeldError):
        participants.link_user(database, puppet, ana, admin.id)


def test_every_permission_that_decides_is_among_those_held() -> None:
    by_name = {one for one in Permission if one.name.startswith(("DECIDE_", "UNDO_"))}
    assert by_name == DECIDING
