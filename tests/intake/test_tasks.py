"""What the worker does with imports: in the name of who asked, and for those left behind."""

from pathlib import Path

import psycopg
import pytest

from laurel import tasks
from loyalty_core.access import Role, ScopeGrant, ScopeKind
from loyalty_core.intake import ImportState, import_by_id
from loyalty_core.kernel import Database, Scope
from loyalty_core.organisation import region_by_code
from tests.access.people import somebody
from tests.intake.field import begin, counts, imported, lines, settings_in, write

pytestmark = pytest.mark.xdist_group("intake")


def test_the_worker_imports_with_the_eyes_of_who_asked(
    committed_database: Database, everything: Scope, tmp_path: Path
) -> None:
    database, settings = committed_database, settings_in(tmp_path / "home")
    both = [*lines(4), *lines(1, company_code="S1", region="South")]
    imported(database, settings, everything, write(tmp_path / "both.csv", both))
    with database.transaction(everything) as connection:
        north = region_by_code(connection, "North").id
    operator = somebody(
        database, Role.OPERATOR, grants=frozenset({ScopeGrant(ScopeKind.REGION, north)})
    ).scope
    more = [*lines(4, invoice="M"), *lines(1, company_code="S1", region="South", invoice="M")]
    import_id = begin(
        database, settings, operator, write(tmp_path / "more.csv", more), creates=False, source="mine"
    )
    tasks.run_import(database, settings, import_id)
    with database.transaction(everything) as connection:
        found = import_by_id(connection, import_id)
    assert counts(found) == ("accepted", 4, 0, 1)
    assert found.reasons == {"unknown_company": 1, "unknown_region": 1}


def test_an_import_that_a_dead_command_left_behind_is_queued_for_the_worker(
    committed_database: Database, owner_url: str, everything: Scope, tmp_path: Path
) -> None:
    database, settings = committed_database, settings_in(tmp_path / "home")
    import_id = begin(database, settings, everything, write(tmp_path / "march.csv", lines(4)))
    assert tasks.queue_left_behind(database) == 1
    assert tasks.queue_left_behind(database) == 1
    with psycopg.connect(owner_url) as owner:
        waiting = owner.execute("select args from procrastinate_jobs where status = 'todo'").fetchall()
    assert waiting == [({"import_id": str(import_id)},)]
    with database.exclusively(f"laurel.import:{import_id}") as is_claimed:
        assert is_claimed
        assert tasks.queue_left_behind(database) == 0
    tasks.run_import(database, settings, import_id)
    assert tasks.queue_left_behind(database) == 0
    tasks.clean_up(database, settings)
    tasks.chain_audit(database, settings)
    assert (settings.home / "audit-heads.jsonl").exists()
    with database.transaction(everything) as connection:
        assert import_by_id(connection, import_id).state is ImportState.ACCEPTED
