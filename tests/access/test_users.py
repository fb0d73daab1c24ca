from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from loyalty_core import access, audit
from loyalty_core.access import Permission, Role, ScopeGrant, ScopeKind, store
from loyalty_core.kernel import (
    Database,
    NotAllowedError,
    NotFoundError,
    Refusal,
    Scope,
    StateError,
    new_id,
    now,
)
from loyalty_core.organisation import add_region
from tests.access.people import COMMAND_LINE, EVERYTHING, PASSWORD, somebody


def test_a_change_of_role_or_scope_works_at_once_in_a_session_that_lives(database: Database) -> None:
    user = somebody(database, Role.ANALYST)
    assert not user.may(Permission.SETTLE_PROGRAMMES)
    access.set_roles(database, COMMAND_LINE, user.id, [Role.PROGRAMME_MANAGER])
    access.set_grants(database, COMMAND_LINE, user.id, [])
    again = access.find_session_by_id(database, user.session_id)
    assert again is not None
    assert again.may(Permission.SETTLE_PROGRAMMES)
    assert (user.scope.sees_everything, again.scope.sees_everything) == (True, False)


def test_who_has_no_grant_sees_no_region_company_or_programme(database: Database) -> None:
    scope = somebody(database, Role.ANALYST, grants=frozenset()).scope
    assert not scope.sees_everything
    assert (scope.region_ids, scope.company_ids) == (frozenset(), frozenset())
    assert not scope.sees_programme(new_id())


def test_a_region_is_granted_with_all_below_it_and_with_every_programme(database: Database) -> None:
    country = add_region(database, COMMAND_LINE, code="PL", name="Poland", parent_id=None)
    area = add_region(database, COMMAND_LINE, code="PL-N", name="North", parent_id=country)
    other = add_region(database, COMMAND_LINE, code="RS", name="Serbia", parent_id=None)
    scope = somebody(
        database, Role.HEAD_OF_SALES, grants=frozenset({ScopeGrant(ScopeKind.REGION, country)})
    ).scope
    assert scope.region_ids == {country, area}
    assert other not in scope.region_ids
    assert scope.sees_programme(new_id())


def test_programmes_are_narrowed_beside_everything_else(database: Database) -> None:
    programme = new_id()
    grants = EVERYTHING | {ScopeGrant(ScopeKind.PROGRAMME, programme)}
    scope = somebody(database, Role.PROGRAMME_MANAGER, grants=grants).scope
    assert scope.sees_everything
    assert scope.sees_programme(programme)
    assert not scope.sees_programme(new_id())


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_nobody_but_an_administrator_manages_users(database: Database, role: Role) -> None:
    somebody(database, Role.ADMIN, name="ada")
    scope = somebody(database, role).scope
    target = somebody(database, Role.ANALYST, name="target").id
    commands = (
        lambda: access.create_user(
            database, scope, name="more", display_name="More", password=PASSWORD, roles=[], grants=[]
        ),
        lambda: access.set_roles(database, scope, target, [Role.ADMIN]),
        lambda: access.set_grants(database, scope, target, []),
        lambda: access.set_rights(database, scope, target, roles=[Role.ADMIN], grants=[]),
        lambda: access.disable_user(database, scope, target),
        lambda: access.enable_user(database, scope, target),
        lambda: access.reset_password(database, scope, target, "violet gravel 7 harbour"),
        lambda: access.list_users(database, scope),
        lambda: access.find_user(database, scope, "target"),
    )
    for command in commands:
        with pytest.raises(NotAllowedError):
            command()


def test_an_administrators_page_that_is_still_open_can_do_nothing_once_the_role_is_gone(
    database: Database,
) -> None:
    somebody(database, Role.ADMIN, name="ada")
    former = somebody(database, Role.ADMIN)
    access.set_roles(database, COMMAND_LINE, former.id, [Role.ANALYST])
    with pytest.raises(NotAllowedError):
        access.set_roles(database, former.scope, former.id, [Role.ADMIN])


def test_the_last_active_administrator_stays(database: Database) -> None:
    ada = somebody(database, Role.ADMIN, name="ada")
    bea = somebody(database, Role.ADMIN, name="bea")
    access.disable_user(database, ada.scope, bea.id)
    with pytest.raises(access.LastAdministratorError):
        access.disable_user(database, ada.scope, ada.id)
    with pytest.raises(access.LastAdministratorError):
        access.set_roles(database, COMMAND_LINE, ada.id, [Role.ANALYST])
    access.enable_user(database, ada.scope, bea.id)
    access.set_roles(database, ada.scope, ada.id, [Role.ANALYST])


def test_of_two_administrators_who_disable_each_other_at_once_one_stays(committed_database: Database) -> None:
    database = committed_database
    people = [somebody(database, Role.ADMIN, name=name) for name in ("ada", "bea")]

    def disable(pair: tuple[Scope, UUID]) -> bool:
        try:
            access.disable_user(database, *pair)
        except Refusal:
            return False
        return True

    pairs = [(people[0].scope, people[1].id), (people[1].scope, people[0].id)]
    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(disable, pairs)) == 1
    active = [user for user in access.list_users(database, COMMAND_LINE) if user.state == "active"]
    assert len(active) == 1


def test_a_name_is_given_once(database: Database) -> None:
    somebody(database, Role.ANALYST)
    with pytest.raises(access.NameTakenError):
        somebody(database, Role.ANALYST, name="VERA")


def test_moves_that_do_not_exist_are_refused(database: Database) -> None:
    user = somebody(database, Role.ANALYST)
    with pytest.raises(StateError):
        access.enable_user(database, COMMAND_LINE, user.id)
    with pytest.raises(NotFoundError):
        access.disable_user(database, COMMAND_LINE, new_id())


def test_everything_about_users_is_on_record_with_who_did_it(database: Database) -> None:
    ada = somebody(database, Role.ADMIN, name="ada")
    user_id = access.create_user(
        database,
        ada.scope,
        name="vera",
        display_name="Vera",
        password=PASSWORD,
        roles=[Role.ANALYST],
        grants=EVERYTHING,
    )
    access.set_roles(database, ada.scope, user_id, [Role.OPERATOR])
    access.set_grants(database, ada.scope, user_id, [])
    access.reset_password(database, ada.scope, user_id, "violet gravel 7 harbour")
    access.disable_user(database, ada.scope, user_id)
    access.enable_user(database, ada.scope, user_id)
    with database.transaction(ada.scope) as connection:
        found = audit.search_records(
            connection, words=str(user_id), action="", since=None, limit=100, offset=0
        )
    records = [record for record in found if record.actor_name == "ada"]
    assert {record.action for record in records} == {
        "access.user_created",
        "access.roles_set",
        "access.scope_set",
        "access.password_reset",
        "access.user_disabled",
        "access.user_enabled",
    }


@pytest.mark.parametrize("part", ["nothing", "region", "company", "programme"])
@pytest.mark.parametrize("role", [role for role in Role if access.permissions_of([role]) & access.UNSCOPED])
def test_who_manages_users_or_reads_the_audit_is_kept_to_no_part(
    database: Database, role: Role, part: str
) -> None:
    grants = {
        "nothing": frozenset[ScopeGrant](),
        "region": frozenset({ScopeGrant(ScopeKind.REGION, new_id())}),
        "company": frozenset({ScopeGrant(ScopeKind.COMPANY, new_id())}),
        "programme": EVERYTHING | {ScopeGrant(ScopeKind.PROGRAMME, new_id())},
    }[part]
    somebody(database, Role.ADMIN, name="ada")
    of_part = somebody(database, Role.ANALYST, name="part", grants=grants)
    whole = somebody(database, role, name="whole")
    commands = (
        lambda: somebody(database, role, name="new", grants=grants),
        lambda: access.set_roles(database, COMMAND_LINE, of_part.id, [role]),
        lambda: access.set_grants(database, COMMAND_LINE, whole.id, grants),
        lambda: access.set_rights(database, COMMAND_LINE, of_part.id, roles=[role], grants=grants),
    )
    for command in commands:
        with pytest.raises(access.RestrictedAdministratorError, match="every region and programme"):
            command()
    # Both at once are one change.
    access.set_rights(database, COMMAND_LINE, of_part.id, roles=[role], grants=EVERYTHING)
    access.set_rights(database, COMMAND_LINE, of_part.id, roles=[Role.ANALYST], grants=grants)


def test_an_administrator_of_a_part_from_before_can_neither_manage_users_nor_read_the_audit(
    database: Database,
) -> None:
    somebody(database, Role.ADMIN, name="ada")
    old = somebody(database, Role.ADMIN, name="old")
    with database.transaction(COMMAND_LINE) as connection:
        # As an earlier version wrote it.
        store.replace_grants(
            connection, old.id, frozenset({ScopeGrant(ScopeKind.REGION, new_id())}), granted_at=now()
        )
    found = access.find_session_by_id(database, old.session_id)
    assert found is not None
    assert not found.permissions & access.UNSCOPED
    assert found.may(access.Permission.SEE_COMPANIES)
    for permission in access.UNSCOPED:
        with pytest.raises(NotAllowedError), database.transaction(found.scope) as connection:
            access.check_permission(connection, found.scope, permission)
    # Nor do they count as one who could manage users: the other stays.
    with pytest.raises(access.LastAdministratorError):
        access.disable_user(database, COMMAND_LINE, access.find_user(database, COMMAND_LINE, "ada").id)
