"""Who edits a person's sight changes what the fields show, and nothing else."""

from streamlit.testing.v1 import AppTest

from loyalty_core import access
from loyalty_core.access import Role, ScopeGrant, ScopeKind
from loyalty_core.kernel import Database, Scope
from loyalty_core.organisation import company_by_code, region_by_code
from loyalty_core.programmes import programme_by_code
from tests.access.people import somebody
from tests.sales.files import bring, row
from tests.settlement.programmes import SPRING, spring
from ui.users import read_grantable


def draw_fields(grants: object, grantable: object) -> None:
    import streamlit

    from ui.users import sight_fields

    streamlit.session_state["chosen"] = sight_fields(grants, grantable, key="test")  # type: ignore[arg-type]


def test_saving_keeps_the_grants_that_the_editor_does_not_see(database: Database, everything: Scope) -> None:
    spring(database, everything)
    spring(database, everything, SPRING.replace("code: spring", "code: summer"))
    bring(
        database,
        everything,
        [row(), row(company_code="C2", region="South"), row(company_code="C3", region="East")],
    )
    with database.transaction(everything) as connection:
        north, south = (region_by_code(connection, code).id for code in ("North", "South"))
        east_company = company_by_code(connection, "C3").id
        seen, unseen = (programme_by_code(connection, everything, code).id for code in ("spring", "summer"))
    editor = somebody(
        database,
        # Of a part: an administrator was one, before an administrator had to see everything.
        Role.ANALYST,
        grants=frozenset({ScopeGrant(ScopeKind.REGION, north), ScopeGrant(ScopeKind.PROGRAMME, seen)}),
    )
    held = frozenset(
        {
            ScopeGrant(ScopeKind.REGION, north),
            ScopeGrant(ScopeKind.REGION, south),
            ScopeGrant(ScopeKind.COMPANY, east_company),
            ScopeGrant(ScopeKind.PROGRAMME, unseen),
        }
    )
    person = somebody(database, Role.ANALYST, name="other", grants=held)
    people = access.list_users(database, everything)
    with database.transaction(editor.scope) as connection:
        grantable = read_grantable(connection, editor.scope, people)
    app = AppTest.from_function(draw_fields, kwargs={"grants": held, "grantable": grantable}).run()
    assert not app.exception
    with database.transaction(editor.scope) as connection:
        assert app.session_state["chosen"].grants(connection) == held
    assert [one.value for one in app.caption] == [
        "3 more grants point at what you don't see yourself; they stay as they are."
    ]
    regions, _programmes = app.multiselect
    regions.set_value([]).run()
    with database.transaction(editor.scope) as connection:
        chosen = app.session_state["chosen"].grants(connection)
    access.set_rights(database, everything, person.id, roles=person.roles, grants=chosen)
    assert access.find_user(database, everything, "other").grants == held - {
        ScopeGrant(ScopeKind.REGION, north)
    }
