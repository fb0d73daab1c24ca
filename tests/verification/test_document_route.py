"""A claim's photo over HTTP: shown to those who may see it, as what it is, with a trace of who looked."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from api import create_api
from loyalty_core import verification
from loyalty_core.access import UNSCOPED, Permission, Role, ScopeGrant, ScopeKind, permissions_of
from loyalty_core.kernel import Database, Runtime, Scope, Settings, clean_picture, new_id, use_runtime
from loyalty_core.organisation import company_by_code
from tests.access.people import EVERYTHING, sign_in, somebody
from tests.in_process import answered
from tests.photos import photo
from tests.sales.files import bring, row
from tests.verification.scans import scan

PHOTO = photo()
KEPT = clean_picture(PHOTO)[1]


@pytest.fixture
def running(database: Database, everything: Scope, tmp_path: Path) -> Iterator[Database]:
    """The routes in this process, beside two companies."""
    use_runtime(Runtime(database, Settings(home=tmp_path, database_url=None)))
    bring(database, everything, [row(), row(company_code="C2", region="South", invoice_no="J1")])
    yield database
    use_runtime(None)


def ask(path: str, token: str | None) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=create_api(lambda: None))
        headers = {"cookie": f"laurel_session={token}"} if token else {}
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.get(path, headers=headers)

    return answered(send)


@pytest.mark.parametrize("role", list(Role))
def test_who_may_see_claims_sees_the_photos_of_the_own_scope_and_nobody_else(
    running: Database, everything: Scope, tmp_path: Path, role: Role
) -> None:
    with running.transaction(everything) as connection:
        own, foreign = (company_by_code(connection, code).id for code in ("C1", "C2"))
    settings = Settings(home=tmp_path, database_url=None)
    seen, unseen = (
        verification.add_document(running, settings, everything, company_id=company_id, data=PHOTO)
        for company_id in (own, foreign)
    )
    # Who manages users or reads the audit is never kept to a part.
    sees_all = bool(permissions_of([role]) & UNSCOPED)
    grants = EVERYTHING if sees_all else frozenset({ScopeGrant(ScopeKind.COMPANY, own)})
    user = somebody(running, role, grants=grants)
    token = sign_in(running)
    may = Permission.SEE_CLAIMS in permissions_of([role])
    answer = ask(f"/documents/{seen}", token)
    assert answer.status_code == (200 if may else 403)
    if not sees_all:
        assert ask(f"/documents/{unseen}", token).status_code == 404
    if may:
        assert answer.content == KEPT
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["content-disposition"] == "inline"
        assert answer.headers["cache-control"] == "private, no-store"
    with running.transaction(everything) as connection:
        looked = connection.execute(
            text(
                "select subject_id from audit_record where action = 'verification.document_fetched'"
                " and actor_name = :name"
            ),
            {"name": user.name},
        ).scalars()
        assert list(looked) == ([str(seen)] if may else [])


def test_nobody_is_shown_a_photo_without_signing_in_or_one_that_is_not_there(running: Database) -> None:
    somebody(running, Role.OPERATOR)
    assert ask(f"/documents/{new_id()}", None).status_code == 401
    assert ask(f"/documents/{new_id()}", "wrong").status_code == 401
    assert ask(f"/documents/{new_id()}", sign_in(running)).status_code == 404
    assert ask("/documents/1", sign_in(running)).status_code == 422


def test_the_pages_of_a_scan_show_as_a_picture_to_those_who_see_the_scan(
    running: Database, everything: Scope, tmp_path: Path
) -> None:
    with running.transaction(everything) as connection:
        own, foreign = (company_by_code(connection, code).id for code in ("C1", "C2"))
    settings = Settings(home=tmp_path, database_url=None)
    ours, theirs, photo = (
        verification.add_document(running, settings, everything, company_id=company_id, data=data)
        for company_id, data in ((own, scan()), (foreign, scan(pages=2)), (own, PHOTO))
    )
    user = somebody(running, Role.OPERATOR, grants=frozenset({ScopeGrant(ScopeKind.COMPANY, own)}))
    token = sign_in(running)
    answer = ask(f"/documents/{ours}/pages", token)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.content.startswith(b"\xff\xd8\xff")
    assert answer.headers["cache-control"] == "private, no-store"
    assert ask(f"/documents/{photo}/pages", token).content == KEPT
    assert ask(f"/documents/{theirs}/pages", token).status_code == 404
    assert ask(f"/documents/{ours}/pages", None).status_code == 401
    with running.transaction(everything) as connection:
        sha256 = verification.document_by_id(connection, ours).sha256
    # One that was kept before scans were drawn is drawn when somebody looks.
    verification.document_path(settings, sha256).with_suffix(".jpg").unlink()
    assert ask(f"/documents/{ours}/pages", token).content == answer.content
    with running.transaction(everything) as connection:
        looked = connection.execute(
            text(
                "select count(*) from audit_record where action = 'verification.document_fetched'"
                " and actor_name = :name and subject_id = :id"
            ),
            {"name": user.name, "id": str(ours)},
        ).scalar_one()
    assert looked == 2
