"""Documents laid to claims that are there already, and scans whose pages are drawn."""

import io
from pathlib import Path

import pytest
from PIL import Image

from loyalty_core import verification
from loyalty_core.access import Role
from loyalty_core.kernel import Database, NotAllowedError, Scope, Settings
from loyalty_core.verification import ClaimState, StoryKind, draw_pdf, scans
from loyalty_core.verification.documents import MOST_DOCUMENTS
from tests.access.people import somebody
from tests.photos import photo
from tests.sales.files import bring, row
from tests.verification.claims import claim, club, person
from tests.verification.deciding import approve_as_shown
from tests.verification.scans import scan

PHOTO = photo()


def test_claimant_operator_and_second_person_lay_documents_to_a_decided_claim(
    database: Database, everything: Scope, tmp_path: Path
) -> None:
    club(database)
    bring(database, everything, [row()])
    settings = Settings(tmp_path, None)
    mia, other = (somebody(database, Role.PARTICIPANT, name=name) for name in ("mia", "omar"))
    olga, analyst = (
        somebody(database, Role.OPERATOR, name="olga"),
        somebody(database, Role.ANALYST, name="ana"),
    )
    made = claim(database, everything, person(database, user_id=mia.id))
    person(database, code="A2", user_id=other.id)
    assert made.company_id is not None
    approve_as_shown(database, olga.scope, [made.number])

    def add(scope: Scope, data: bytes) -> None:
        assert made.company_id is not None
        kept = verification.add_document(database, settings, scope, company_id=made.company_id, data=data)
        for _time in range(2):
            verification.attach_document(database, scope, made.number, kept)

    add(mia.scope, PHOTO)
    add(olga.scope, scan())
    for nobody in (other.scope, analyst.scope):
        with pytest.raises((NotAllowedError, verification.UnknownClaimError)):
            add(nobody, photo(2))
    with database.snapshot(everything) as connection:
        documents = verification.documents_of_claim(connection, made.number)
        story = verification.claim_story(connection, made.number)
        assert verification.claim_by_number(connection, made.number).state is ClaimState.APPROVED
    assert [(one.media_type, one.added_by_name, one.kept_for) for one in documents] == [
        ("image/jpeg", "mia", mia.id),
        ("application/pdf", "olga", olga.id),
    ]
    told = [one for one in story if one.kind is StoryKind.DOCUMENT_ADDED]
    assert [(one.by_name, one.detail["document_id"]) for one in told] == [
        (one.added_by_name, str(one.document_id)) for one in documents
    ]


def test_a_claim_takes_no_more_documents_than_anybody_looks_through(
    database: Database, everything: Scope, tmp_path: Path
) -> None:
    club(database)
    bring(database, everything, [row()])
    made = claim(database, everything, person(database))
    assert made.company_id is not None
    for place in range(MOST_DOCUMENTS + 1):
        kept = verification.add_document(
            database,
            Settings(tmp_path, None),
            everything,
            company_id=made.company_id,
            data=photo(place),
        )
        if place < MOST_DOCUMENTS:
            verification.attach_document(database, everything, made.number, kept)
    with pytest.raises(verification.TooManyDocumentsError, match="20 documents"):
        verification.attach_document(database, everything, made.number, kept)


def test_the_first_three_pages_of_a_scan_are_drawn_below_each_other(tmp_path: Path) -> None:
    pdf = tmp_path / "scan"
    pdf.write_bytes(scan(pages=5))
    picture = Image.open(io.BytesIO(scans.draw_scan(pdf)))
    assert (picture.format, picture.width) == ("JPEG", draw_pdf.WIDTH)
    a_page = picture.height // 3
    middles = [picture.getpixel((500, a_page * place + a_page // 2)) for place in range(3)]
    strongest = [max(range(3), key=lambda part, colour=colour: colour[part]) for colour in middles]  # type: ignore[misc] # of an RGB picture
    assert strongest == [0, 1, 2]


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7 rest",
        scan()[:300],
        b"%PDF-1.4\n" + b"\x00" * 5000,
        b"%PDF-1.4\ntrailer<</Root 1 0 R>>\n%%EOF",
    ],
)
def test_a_pdf_that_cannot_be_drawn_is_refused_and_nothing_of_it_is_kept(
    database: Database, everything: Scope, tmp_path: Path, data: bytes
) -> None:
    bring(database, everything, [row()])
    club(database)
    made = claim(database, everything, person(database))
    assert made.company_id is not None
    settings = Settings(tmp_path, None)
    with pytest.raises(verification.ScanUnreadableError, match="Take a photo"):
        verification.add_document(database, settings, everything, company_id=made.company_id, data=data)
    assert not [one for one in settings.private_folder("documents").rglob("*") if one.is_file()]


def test_a_page_of_any_shape_is_drawn_within_bounds(tmp_path: Path) -> None:
    for width, height in ((1, 14_400), (14_400, 1), (14_400, 14_400)):
        pdf = tmp_path / "scan"
        pdf.write_bytes(_blank(width, height))
        picture = Image.open(io.BytesIO(scans.draw_scan(pdf)))
        assert picture.width <= draw_pdf.WIDTH
        assert picture.height <= draw_pdf.HIGHEST


def test_what_takes_too_long_or_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pdf = tmp_path / "scan"
    pdf.write_bytes(scan())
    hungry = tmp_path / "hungry.py"
    source = Path(draw_pdf.__file__).read_text(encoding="utf-8")
    begin = "    import pypdfium2\n"
    assert begin in source
    for greed in (
        "    while True: pass\n",
        "    held = bytearray(10**9)\n",
        "    os.write(1, b'x' * 10**8); sys.exit(0)\n",
    ):
        hungry.write_text(
            source.replace("MOST_SECONDS = 8", "MOST_SECONDS = 1").replace(begin, greed + begin),
            encoding="utf-8",
        )
        monkeypatch.setattr(draw_pdf, "__file__", str(hungry))
        with pytest.raises(verification.ScanUnreadableError):
            scans.draw_scan(pdf)


def _blank(width: int, height: int) -> bytes:
    """Return a PDF of one empty page."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]>>" % (width, height),
    ]
    written = io.BytesIO()
    written.write(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(written.tell())
        written.write(b"%d 0 obj%sendobj\n" % (number, body))
    begin = written.tell()
    written.write(b"xref\n0 4\n0000000000 65535 f \n")
    written.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    written.write(b"trailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % begin)
    return written.getvalue()
