"""Claims entered: for oneself on a phone, by an operator from paper, once each, into the right programme."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from loyalty_core import participants, verification
from loyalty_core.access import Role, ScopeGrant, ScopeKind, SignedInUser
from loyalty_core.kernel import (
    Database,
    NoPictureError,
    NotAllowedError,
    Scope,
    Settings,
    TooManyPixelsError,
    clean_picture,
    new_id,
)
from loyalty_core.organisation import UnknownCompanyError, company_by_code
from loyalty_core.programmes import programme_by_code
from loyalty_core.verification import ClaimSource, ClaimState
from tests.access.people import COMMAND_LINE, somebody
from tests.participants.deciding import suspend_as_shown
from tests.photos import photo
from tests.sales.files import bring, row
from tests.verification.claims import CLUB, PARTNERS, claim, club, person
from tests.verification.scans import scan

PHOTO = photo()


def of_company(database: Database, code: str, *roles: Role, name: str) -> SignedInUser:
    with database.transaction(COMMAND_LINE) as connection:
        company_id = company_by_code(connection, code).id
    return somebody(
        database, *roles, name=name, grants=frozenset({ScopeGrant(ScopeKind.COMPANY, company_id)})
    )


def test_a_participant_enters_for_oneself_and_for_nobody_else(database: Database, everything: Scope) -> None:
    club(database)
    bring(database, everything, [row(), row(company_code="C2", invoice_no="J1")])
    user = of_company(database, "C1", Role.PARTICIPANT, name="ana")
    ana, colleague = person(database, code="ana", user_id=user.id), person(database, code="bo")
    foreign = person(database, "C2", "eve")
    made = claim(database, user.scope, ana, source=ClaimSource.PHONE, note=" At the counter ")
    assert (made.state, made.source, made.note) == (ClaimState.WAITING, ClaimSource.PHONE, "At the counter")
    assert (made.claim_no, made.company_code, made.participant_name) == (
        f"L-{made.number}",
        "C1",
        "Person ana",
    )
    with pytest.raises(NotAllowedError):
        claim(database, user.scope, colleague)
    with pytest.raises(NotAllowedError):
        claim(database, user.scope, company_code="C1")
    with pytest.raises(participants.UnknownParticipantError):
        claim(database, user.scope, foreign)
    with database.snapshot(user.scope) as connection:
        assert [one.number for one in verification.claims_of_participant(connection, ana, limit=9)] == [
            made.number
        ]


def test_an_operator_enters_for_whom_they_see(database: Database, everything: Scope) -> None:
    club(database, PARTNERS)
    bring(database, everything, [row(), row(company_code="C2", invoice_no="J1")])
    olga = of_company(database, "C1", Role.OPERATOR, name="olga")
    made = claim(database, olga.scope, company_code=" C1 ", claim_no="form 7")
    assert (made.claim_no, made.participant_id, made.entered_by) == ("form 7", None, olga.id)
    with pytest.raises(UnknownCompanyError):
        claim(database, olga.scope, company_code="C2")
    with pytest.raises(verification.ClaimNumberTakenError, match="a claim form 7 already"):
        claim(database, olga.scope, company_code="C1", claim_no="form 7")
    analyst = somebody(database, Role.ANALYST, name="ann")
    with pytest.raises(NotAllowedError):
        claim(database, analyst.scope, company_code="C1")


def test_the_same_form_enters_once_and_with_other_contents_is_refused(
    database: Database, everything: Scope
) -> None:
    club(database)
    bring(database, everything, [row()])
    ana, key = person(database), new_id()
    made = claim(database, everything, ana, request_key=key)
    assert claim(database, everything, ana, request_key=key) == made
    with pytest.raises(verification.ClaimKeyUsedOtherwiseError):
        claim(database, everything, ana, request_key=key, quantity=Decimal(2))
    with database.snapshot(everything) as connection:
        assert verification.count_claims_of_participant(connection, ana) == 1


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"invoice_no": " "}, verification.ClaimTextError),
        ({"invoice_no": "I\n1"}, verification.ClaimTextError),
        ({"product_code": "x" * 301}, verification.ClaimTextError),
        ({"claim_no": ""}, verification.ClaimTextError),
        ({"note": "x" * 1001}, verification.ClaimTextError),
        ({"note": "x\0"}, verification.ClaimTextError),
        ({"quantity": Decimal(0)}, verification.ClaimQuantityError),
        ({"quantity": Decimal("NaN")}, verification.ClaimQuantityError),
        ({"quantity": Decimal("0.0000001")}, verification.ClaimQuantityError),
        ({"quantity": Decimal(10**9 + 1)}, verification.ClaimQuantityError),
        ({"sold_on": date(2199, 1, 1)}, verification.ClaimDateError),
        ({"sold_on": date(1989, 12, 31)}, verification.ClaimDateError),
        ({"sold_on": date(2026, 2, 28)}, verification.NoClaimsProgrammeError),
        ({"programme_code": "spring"}, verification.ProgrammeNotForClaimError),
        ({"company_code": "C2"}, verification.ClaimantDiffersError),
        ({"participant_id": None}, verification.ClaimantMissingError),
        ({"participant_id": None, "company_code": "C1"}, verification.ParticipantNeededError),
        ({"document_id": new_id()}, verification.UnknownDocumentError),
    ],
)
def test_what_can_not_be_a_claim_is_refused_with_a_sentence(
    database: Database, everything: Scope, values: dict[str, Any], refusal: type[Exception]
) -> None:
    club(database)
    bring(database, everything, [row()])
    ana = person(database)
    with pytest.raises(refusal) as caught:
        claim(database, everything, **{"participant_id": ana, **values})
    assert str(caught.value).endswith((".", "?"))
    with database.snapshot(everything) as connection:
        assert verification.queue_summary(connection).count == 0


def test_a_suspended_participant_claims_nothing(database: Database, everything: Scope) -> None:
    club(database)
    bring(database, everything, [row()])
    ana = person(database)
    suspend_as_shown(database, everything, ana, reason="On leave.")
    with pytest.raises(verification.ClaimantNotActiveError):
        claim(database, everything, ana)


def test_a_claim_joins_the_only_programme_of_its_day_or_the_one_that_is_named(
    database: Database, everything: Scope
) -> None:
    club(database)
    bring(database, everything, [row()])
    ana = person(database)
    assert claim(database, everything, ana).programme_name == "Club"
    club(database, CLUB.replace("code: club", "code: second").replace("name: Club", "name: Second"))
    with pytest.raises(verification.SeveralClaimsProgrammesError, match="Club, Second"):
        claim(database, everything, ana)
    assert claim(database, everything, ana, programme_code="second").programme_name == "Second"
    # What comes in files is not asked back: it is verified, and earns nothing.
    assert claim(database, everything, ana, source=ClaimSource.FILE).programme_id is None
    with database.transaction(everything) as connection:
        second = programme_by_code(connection, everything, "second").id
    narrow = Scope.of_system("narrow")
    narrow = type(narrow)(
        narrow.actor_kind, "narrow", sees_everything=True, programme_ids=frozenset({second})
    )
    assert claim(database, narrow, ana).programme_name == "Second"


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (PHOTO, "image/jpeg"),
        (photo(kind="PNG"), "image/png"),
        (photo(kind="WEBP"), "image/webp"),
        (scan(), "application/pdf"),
    ],
)
def test_a_photo_is_kept_once_by_its_contents_and_closed_to_others(
    database: Database, everything: Scope, tmp_path: Path, data: bytes, media_type: str
) -> None:
    settings = Settings(tmp_path, None)
    bring(database, everything, [row(), row(company_code="C2", invoice_no="J1")])
    user = of_company(database, "C1", Role.PARTICIPANT, name="ana")
    person(database, code="ana", user_id=user.id)
    with database.transaction(everything) as connection:
        own, other = (company_by_code(connection, code).id for code in ("C1", "C2"))
    ids = {
        verification.add_document(database, settings, user.scope, company_id=own, data=data)
        for _time in range(2)
    }
    (document_id,) = ids
    document, path = verification.fetch_document(database, settings, user.scope, document_id)
    kept = data if media_type == "application/pdf" else clean_picture(data)[1]
    assert (document.media_type, path.read_bytes()) == (media_type, kept)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path == verification.document_path(settings, document.sha256)
    with pytest.raises(NotAllowedError):
        verification.add_document(database, settings, user.scope, company_id=other, data=data)
    colleague = of_company(database, "C1", Role.PARTICIPANT, name="bo")
    with pytest.raises(NotAllowedError):
        verification.fetch_document(database, settings, colleague.scope, document_id)
    stranger = of_company(database, "C2", Role.OPERATOR, name="eve")
    with pytest.raises(verification.UnknownDocumentError):
        verification.fetch_document(database, settings, stranger.scope, document_id)
    operator = somebody(database, Role.OPERATOR, name="olga")
    verification.fetch_document(database, settings, operator.scope, document_id)


def test_what_is_no_picture_or_too_large_is_not_kept(
    database: Database, everything: Scope, tmp_path: Path
) -> None:
    settings = Settings(tmp_path, None)
    bring(database, everything, [row()])
    with database.transaction(everything) as connection:
        company_id = company_by_code(connection, "C1").id
    for data, refusal in (
        (b"<svg onload=alert(1)>", verification.DocumentKindRefused),
        (b"<html>", verification.DocumentKindRefused),
        (b"", verification.DocumentKindRefused),
        (b"\xff\xd8\xff\xe0" + b"photo" * 100, NoPictureError),
        (photo(size=(400, 400), kind="PNG")[:200], NoPictureError),
        (photo(size=(8000, 5001), kind="PNG"), TooManyPixelsError),
        (PHOTO + b"\0" * 10 * 1024**2, verification.DocumentTooLargeError),
    ):
        with pytest.raises(refusal):
            verification.add_document(database, settings, everything, company_id=company_id, data=data)
    assert not (tmp_path / "documents").exists()


def test_a_claim_shows_a_document_of_its_own_company_only(
    database: Database, everything: Scope, tmp_path: Path
) -> None:
    club(database)
    settings = Settings(tmp_path, None)
    bring(database, everything, [row(), row(company_code="C2", invoice_no="J1")])
    with database.transaction(everything) as connection:
        ids = [company_by_code(connection, code).id for code in ("C1", "C2")]
    own, other = (
        verification.add_document(database, settings, everything, company_id=company_id, data=PHOTO)
        for company_id in ids
    )
    ana = person(database)
    assert claim(database, everything, ana, document_id=own).document_id == own
    with pytest.raises(verification.UnknownDocumentError):
        claim(database, everything, ana, document_id=other)
