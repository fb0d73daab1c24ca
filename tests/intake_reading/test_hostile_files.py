"""Files that are broken, lie about themselves or attack: each is refused in a sentence, and nothing is harmed."""

import gzip
import io
import random
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import openpyxl
import psutil
import pytest
import xlsxwriter

from loyalty_core.intake.reading import (
    DEFAULT_LIMITS,
    DamagedFileError,
    DoubledColumnError,
    EmptyFileError,
    EncryptedWorkbookError,
    FarAwayCellError,
    FileRefusal,
    LongRecordError,
    MacroWorkbookError,
    MissingColumnError,
    MixedEncodingsError,
    NotATextFileError,
    NotAWorkbookError,
    NulBytesError,
    OverMemoryError,
    ReaderDiedError,
    TimedOutError,
    TooBigError,
    TooManyColumnsError,
    TooManyRowsError,
    TruncatedFileError,
    UncalculatedFormulasError,
    UnknownFileKindError,
    XmlEntitiesError,
    ZipBombError,
    preview_file,
    read_file,
)
from tests.intake_reading.files import SMALL, SMALL_MAPPING, read_small
from tests.intake_reading.other_workbooks import Rows, compound_file, ods, xls, xls_stream, xlsb, zipped
from tests.intake_reading.watching import children, peak_above_rest, refusal_of

GOOD = "Code,Note,Qty,When\nA,n,1,2011-07-03\n"
ROWS: Rows = [["Code", "Note", "Qty", "When"], ["A", "n", 1.0, "2011-07-03"]]
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def good_workbook() -> bytes:
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content)
    sheet = book.add_worksheet("Sales")
    sheet.write_row(0, 0, ["Code", "Note", "Qty", "When"])
    sheet.write_row(1, 0, ["A", "n", 1, "2011-07-03"])
    book.close()
    return content.getvalue()


def changed_workbook(change: Callable[[str, bytes], bytes], **extra: bytes) -> bytes:
    """A good workbook with its members changed and others added."""
    content = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(good_workbook())) as source,
        zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for member in source.infolist():
            target.writestr(member.filename, change(member.filename, source.read(member)))
        for name, body in extra.items():
            target.writestr(name, body)
    return content.getvalue()


def in_sheet(change: Callable[[bytes], bytes]) -> bytes:
    return changed_workbook(lambda name, body: change(body) if name == "xl/worksheets/sheet1.xml" else body)


def far_away_workbook() -> bytes:
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content)
    sheet = book.add_worksheet("Sales")
    sheet.write_row(0, 0, ["Code", "Note", "Qty", "When"])
    sheet.write_row(1, 0, ["A", "n", 1, "2011-07-03"])
    sheet.write(1048575, 16383, 1)
    book.close()
    return content.getvalue()


def formula_workbook() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Code", "Note", "Qty", "When"])
    sheet.append(["A", "n", "=1+1", "2011-07-03"])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def wide(count: int) -> str:
    return ",".join(["Code", "Note", "Qty", "When", *(f"h{number}" for number in range(count - 4))]) + "\nA\n"


def wide_workbook() -> bytes:
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content)
    book.add_worksheet("Sales").write_row(0, 0, wide(300).splitlines()[0].split(","))
    book.close()
    return content.getvalue()


def entities(name: str, body: bytes) -> bytes:
    if name != "xl/sharedStrings.xml":
        return body
    laughs = b'<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    return body.replace(b"<sst", b"<!DOCTYPE sst [" + laughs + b"]><sst", 1)


def external_entity(body: bytes) -> bytes:
    return body.replace(b"<worksheet", b'<!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/passwd">]><worksheet', 1)


def lying_zip() -> bytes:
    """A member that says it unfolds to 100 bytes and unfolds to 10 MB."""
    content = bytearray(in_sheet(lambda body: body + b" " * 10_000_000))
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        size = book.getinfo("xl/worksheets/sheet1.xml").file_size
    return bytes(content.replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little")))


HOSTILE: list[tuple[str, Callable[[], bytes], str, type[FileRefusal], str]] = [
    ("a text named xlsx", lambda: GOOD.encode(), "sales.xlsx", NotAWorkbookError, "starts like a text file"),
    (
        "a zip without a workbook",
        lambda: _zip({"a.txt": b"x"}),
        "sales.xlsx",
        NotAWorkbookError,
        "zip archive",
    ),
    (
        "a workbook named csv",
        good_workbook,
        "sales.csv",
        NotATextFileError,
        "give it a name that ends in .xlsx",
    ),
    ("a PDF named csv", lambda: b"%PDF-1.7 ...", "sales.csv", NotATextFileError, "starts like a PDF"),
    ("a program", lambda: GOOD.encode(), "sales.exe", UnknownFileKindError, "neither CSV nor a workbook"),
    (
        "an old workbook of nothing",
        lambda: _OLE + b"\0" * 600,
        "sales.xls",
        DamagedFileError,
        "is damaged",
    ),
    (
        "another program's document named xls",
        lambda: compound_file({"WordDocument": b"x"}),
        "sales.xls",
        NotAWorkbookError,
        "starts like a document of Microsoft Office",
    ),
    (
        "an old workbook with macros",
        lambda: compound_file({"Workbook": xls_stream(ROWS), "_VBA_PROJECT_CUR": b"x"}),
        "sales.xls",
        MacroWorkbookError,
        "without macros",
    ),
    (
        "an old workbook behind a password",
        lambda: compound_file({"Workbook": xls_stream(ROWS, extra=b"\x2f\0\x06\0" + b"\1" * 6)}),
        "sales.xls",
        EncryptedWorkbookError,
        "without a password",
    ),
    ("a cut old workbook", lambda: xls(ROWS)[:1500], "sales.xls", DamagedFileError, "is damaged"),
    (
        "a binary workbook with macros",
        lambda: xlsb(ROWS, extra={"xl/vbaProject.bin": b"x"}),
        "sales.xlsb",
        MacroWorkbookError,
        "without macros",
    ),
    (
        "a far-away cell in a binary workbook",
        lambda: xlsb(ROWS, far=1_048_575),
        "sales.xlsb",
        FarAwayCellError,
        "XFD1048576",
    ),
    ("a cut binary workbook", lambda: xlsb(ROWS)[:-300], "sales.xlsb", TruncatedFileError, "cut off"),
    (
        "a bomb in a binary workbook",
        lambda: xlsb(ROWS, extra={"xl/worksheets/sheet2.bin": b"\0" * 200_000_000}),
        "sales.xlsb",
        ZipBombError,
        "xl/worksheets/sheet2.bin",
    ),
    (
        "a bomb in an open document",
        lambda: ods(ROWS, padding=200_000_000),
        "sales.ods",
        ZipBombError,
        "content.xml",
    ),
    (
        "billion laughs in an open document",
        lambda: ods(ROWS, prologue='<!DOCTYPE o [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'),
        "sales.ods",
        XmlEntitiesError,
        "content.xml",
    ),
    (
        "an open document behind a password",
        lambda: ods(ROWS, extra={"META-INF/manifest.xml": "<manifest:encryption-data/>"}),
        "sales.ods",
        EncryptedWorkbookError,
        "without a password",
    ),
    (
        "an open document with macros",
        lambda: ods(ROWS, extra={"Basic/Standard/Module1.xml": "<x/>"}),
        "sales.ods",
        MacroWorkbookError,
        "without macros",
    ),
    (
        "an open text named ods",
        lambda: ods(ROWS, extra={"mimetype": "application/vnd.oasis.opendocument.text"}),
        "sales.ods",
        NotAWorkbookError,
        "zip archive",
    ),
    (
        "300 columns in an open document",
        lambda: ods([[f"h{number}" for number in range(300)]]),
        "sales.ods",
        TooManyColumnsError,
        "300 columns",
    ),
    ("NUL in an old workbook", lambda: xls([*ROWS, ["B\0"]]), "sales.xls", NulBytesError, "row 3"),
    (
        "an encrypted workbook",
        lambda: compound_file({"EncryptionInfo": b"x", "EncryptedPackage": b"x"}),
        "sales.xlsx",
        EncryptedWorkbookError,
        "without a password",
    ),
    (
        "an encrypted zip",
        lambda: _with_flag(good_workbook()),
        "sales.xlsx",
        EncryptedWorkbookError,
        "password",
    ),
    ("a macro workbook by name", good_workbook, "sales.xlsm", MacroWorkbookError, "without macros"),
    (
        "a macro workbook by content",
        lambda: changed_workbook(lambda _, body: body, **{"xl/vbaProject.bin": b"x"}),
        "sales.xlsx",
        MacroWorkbookError,
        "without macros",
    ),
    ("an empty file", lambda: b"", "sales.csv", EmptyFileError, "is empty"),
    ("blank lines only", lambda: b"\n \n\n", "sales.csv", EmptyFileError, "is empty"),
    ("an empty gzip", lambda: gzip.compress(b""), "sales.csv.gz", EmptyFileError, "is empty"),
    ("an empty workbook", lambda: _book_of([]), "sales.xlsx", EmptyFileError, "is empty"),
    (
        "a missing column",
        lambda: b"Code,Note,Quantity,When\nA,n,1,2011-07-03\n",
        "sales.csv",
        MissingColumnError,
        "no column “Qty” in its header (row 1). “Quantity” comes nearest",
    ),
    (
        "a missing column in a workbook",
        lambda: _book_of([["Code", "Note", "Qty"]]),
        "sales.xlsx",
        MissingColumnError,
        "no column “When” in its header (sheet “Sheet”, row 1)",
    ),
    (
        "a doubled column",
        lambda: b"Code,Note,Qty,qty,When\n",
        "sales.csv",
        DoubledColumnError,
        "two columns “Qty”",
    ),
    (
        "300 columns",
        lambda: wide(300).encode(),
        "sales.csv",
        TooManyColumnsError,
        "300 columns; 250 is the most",
    ),
    ("300 columns in a workbook", wide_workbook, "sales.xlsx", TooManyColumnsError, "300 columns"),
    (
        "one endless line",
        lambda: b"Code,Note,Qty,When\nA,n,1,2011-07-03\n" + b"x" * 3_000_000,
        "sales.csv",
        LongRecordError,
        "row 3, of more than 1 MB",
    ),
    (
        "two gigabytes of one line, packed",
        lambda: gzip.compress(b"x" * 80_000_000, 1),
        "sales.csv.gz",
        LongRecordError,
        "row 1",
    ),
    (
        "a quotation mark never closed",
        lambda: GOOD.encode() + b'B,"open,1,2011-07-03\n' + b"C,n,1,2011-07-03\n" * 100_000,
        "sales.csv",
        LongRecordError,
        "row 3",
    ),
    ("NUL bytes", lambda: (GOOD * 2).encode() + b"A,\0,1,\n", "sales.csv", NulBytesError, "row 5"),
    (
        "mixed encodings",
        lambda: (GOOD + "B,żółw,1,\n" * 50).encode() + "C,żółw,1,\n".encode("cp1250"),
        "sales.csv",
        MixedEncodingsError,
        "at row 53 it is no longer UTF-8",
    ),
    (
        "mixed encodings, western",
        lambda: (
            GOOD.encode()
            + ("B,Café Zürich,1,\nC,à la carte,1,\n" * 50_000).encode("cp1252")
            + "E,é,1,\n".encode()
        ),
        "sales.csv",
        MixedEncodingsError,
        "at row 100003 it is no longer windows-1252",
    ),
    (
        "a gzip bomb",
        lambda: gzip.compress((GOOD + "A,n,1,2011-07-03\n" * 6_000_000).encode(), 9),
        "sales.csv.gz",
        ZipBombError,
        "unfolds to more than 250 times",
    ),
    ("a cut gzip", lambda: gzip.compress(_noise())[:-2000], "sales.csv.gz", TruncatedFileError, "cut off"),
    (
        "a gzip of rubbish",
        lambda: b"\x1f\x8b\x08\0" + b"rubbish" * 9,
        "sales.csv.gz",
        DamagedFileError,
        "damaged",
    ),
    (
        "a zip bomb",
        lambda: in_sheet(lambda body: body.replace(b"</worksheet>", b" " * 200_000_000 + b"</worksheet>")),
        "sales.xlsx",
        ZipBombError,
        "xl/worksheets/sheet1.xml",
    ),
    ("a zip that lies about a size", lying_zip, "sales.xlsx", DamagedFileError, "xl/worksheets/sheet1.xml"),
    ("a cut workbook", lambda: good_workbook()[:-500], "sales.xlsx", TruncatedFileError, "cut off"),
    (
        "a workbook of broken XML",
        lambda: in_sheet(lambda body: body.replace(b"</row>", b"</wor>")),
        "sales.xlsx",
        DamagedFileError,
        "xl/worksheets/sheet1.xml",
    ),
    ("a far-away cell", far_away_workbook, "sales.xlsx", FarAwayCellError, "sheet “Sales”, cell XFD1048576"),
    (
        "billion laughs",
        lambda: changed_workbook(entities),
        "sales.xlsx",
        XmlEntitiesError,
        "xl/sharedStrings.xml",
    ),
    (
        "an external entity",
        lambda: in_sheet(external_entity),
        "sales.xlsx",
        XmlEntitiesError,
        "xl/worksheets/sheet1.xml",
    ),
    (
        "entities in UTF-16",
        lambda: in_sheet(
            lambda body: external_entity(body).replace(b"UTF-8", b"UTF-16").decode().encode("utf-16")
        ),
        "sales.xlsx",
        DamagedFileError,
        "xl/worksheets/sheet1.xml",
    ),
    ("formulas without results", formula_workbook, "sales.xlsx", UncalculatedFormulasError, "cell C2"),
]


def _zip(members: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as target:
        for name, body in members.items():
            target.writestr(name, body)
    return content.getvalue()


def _with_flag(content: bytes) -> bytes:
    """The workbook with the flag of encryption set on its first member, in both places that say so."""
    changed = bytearray(content)
    changed[6] |= 1
    changed[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(changed)


def _book_of(rows: list[list[str]]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _noise() -> bytes:
    source = random.Random(1)
    return GOOD.encode() + b"".join(b"A,%d,1,2011-07-03\n" % source.randrange(10**9) for _ in range(5000))


@pytest.mark.parametrize(
    ("make", "file_name", "refusal", "words"),
    [one[1:] for one in HOSTILE],
    ids=[one[0] for one in HOSTILE],
)
def test_a_hostile_file_is_refused_by_name_place_and_remedy(
    tmp_path: Path, make: Callable[[], bytes], file_name: str, refusal: type[FileRefusal], words: str
) -> None:
    content = make()
    with peak_above_rest() as peak, pytest.raises(refusal) as told:
        read_small(tmp_path, content, file_name=file_name)
    # The bound is 300 MB; the parent takes a sentence and no more.
    assert peak() < 20 * 1024**2
    sentence = told.value.sentence
    assert sentence.startswith(f"“{file_name}” ")
    assert words in sentence
    assert told.value.remedy
    assert sentence.endswith(told.value.remedy)
    assert not children()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "file_name"), [(one[1], one[2]) for one in HOSTILE], ids=[one[0] for one in HOSTILE]
)
def test_a_preview_of_a_hostile_file_shows_it_or_says_why_not(
    tmp_path: Path, make: Callable[[], bytes], file_name: str
) -> None:
    path = tmp_path / "upload"
    path.write_bytes(make())
    with peak_above_rest() as peak:
        refusal = refusal_of(lambda: preview_file(path, file_name))
    assert not isinstance(refusal, ReaderDiedError)
    assert refusal is None or refusal.sentence.startswith(f"“{file_name}” ")
    assert peak() < 20 * 1024**2
    assert not children()


def test_two_gigabytes_of_one_line_end_after_the_first_of_them(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    with path.open("wb") as file:
        file.write(GOOD.encode() + b"B,")
        file.truncate(2 * 1024**3)
    begun = time.monotonic()
    with peak_above_rest() as peak, pytest.raises(NulBytesError, match="row 3"):
        read_file(path, "sales.csv", SMALL_MAPPING, SMALL, tmp_path / "parts")
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(GOOD.encode()) + gzip.compress(b"x" * 10_000_000, 1) * 205)
    with peak_above_rest() as packed_peak, pytest.raises(LongRecordError, match="row 3"):
        read_file(packed, "sales.csv.gz", SMALL_MAPPING, SMALL, tmp_path / "parts")
    assert max(peak(), packed_peak()) < 20 * 1024**2
    assert time.monotonic() - begun < 60
    assert not children()


def test_a_binary_sheet_that_hides_how_far_it_reaches_ends_by_its_memory(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(xlsb(ROWS, far=1_048_575))) as book:
        members = {name: book.read(name) for name in book.namelist()}
    sheet = "xl/worksheets/sheet1.bin"
    members[sheet] = members[sheet].replace(struct.pack("<IIII", 0, 1_048_575, 0, 16_383), b"\0" * 16)
    with peak_above_rest() as peak, pytest.raises(OverMemoryError, match="more memory"):
        read_small(tmp_path, zipped(members), file_name="sales.xlsb")
    assert peak() < 20 * 1024**2
    assert not children()


def test_merged_cells_and_formulas_with_results_are_read_as_what_they_show(tmp_path: Path) -> None:
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content)
    sheet = book.add_worksheet("Sales")
    sheet.merge_range("A1:D1", "Sales")
    sheet.write_row(1, 0, ["Code", "Note", "Qty", "When"])
    sheet.merge_range("A3:A4", "A")
    sheet.write_formula("C3", "=1+1", None, 2)
    sheet.write_formula("B3", '=HYPERLINK("http://example.org","n")', None, "n")
    sheet.write("C4", 3)
    book.close()
    rows = read_small(tmp_path, content.getvalue(), file_name="small.xlsx")
    assert [(row.cells["code"], row.cells["note"], row.cells["quantity"]) for row in rows] == [
        ("A", "n", "2"),
        (None, None, "3"),
    ]


def test_a_far_away_cell_without_column_letters_beyond_z_ends_in_the_careful_reader(tmp_path: Path) -> None:
    def swollen(body: bytes) -> bytes:
        row = b'<row r="1048576"><c r="ZZ1048576"><v>1</v></c></row></sheetData>'
        return body.replace(b"</sheetData>", row)

    with pytest.raises(FarAwayCellError, match="cell ZZ1048576"):
        read_small(
            tmp_path,
            in_sheet(swollen),
            file_name="sales.xlsx",
            limits=replace(DEFAULT_LIMITS, memory=2 * 1024**3),
        )


def test_too_many_rows_are_refused_while_they_are_read(tmp_path: Path) -> None:
    text = GOOD + "B,n,1,2011-07-03\n" * 700_000
    limits = replace(DEFAULT_LIMITS, rows=100_000)
    with pytest.raises(TooManyRowsError, match="more than 100,000 rows"):
        read_small(tmp_path, text, limits=limits)


def test_a_file_may_not_unfold_beyond_its_limit(tmp_path: Path) -> None:
    limits = replace(DEFAULT_LIMITS, unpacked=1_000_000)
    with pytest.raises(TooBigError, match="more than 977 kB"):
        read_small(tmp_path, GOOD + "B,n,1,2011-07-03\n" * 100_000, limits=limits)


def test_the_child_ends_by_the_clock_and_leaves_nothing_running(tmp_path: Path) -> None:
    with pytest.raises(TimedOutError, match="took longer"):
        read_small(tmp_path, GOOD + "B,n,1,2011-07-03\n" * 100_000, limits=replace(DEFAULT_LIMITS, wall=0.05))
    assert not children()


def test_the_child_ends_by_its_processor_time(tmp_path: Path) -> None:
    text = GOOD + 'B,"n\nn",1,2011-07-03\n' * 3_000_000
    with pytest.raises(TimedOutError):
        read_small(tmp_path, text, limits=replace(DEFAULT_LIMITS, processor=1))
    assert not children()


def test_the_child_ends_by_its_memory(tmp_path: Path) -> None:
    # 600 MB of one line, which no limit but that of memory stops here.
    packed = gzip.compress(b"x" * 10_000_000, 1) * 60
    limits = replace(DEFAULT_LIMITS, memory=1024**3, record=2 * 1024**3, ratio=100_000)
    with pytest.raises(OverMemoryError, match="more memory"):
        read_small(tmp_path, packed, file_name="small.csv.gz", limits=limits)
    assert not children()


def test_the_child_dies_with_the_one_who_waits_for_it(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_text(GOOD + 'B,"n\nn",1,2011-07-03\n' * 2_000_000)
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tests.intake_reading.files import SMALL, SMALL_MAPPING\n"
        "from loyalty_core.intake.reading import read_file\n"
        "read_file(Path(sys.argv[1]), 'small.csv', SMALL_MAPPING, SMALL, Path(sys.argv[2]),\n"
        "          on_progress=lambda step: print(step, flush=True))\n"
    )
    waiting = subprocess.Popen(
        [sys.executable, "-c", program, str(path), str(tmp_path / "parts")],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert waiting.stdout is not None
        assert waiting.stdout.readline()
        [child] = psutil.Process(waiting.pid).children()
    finally:
        waiting.kill()
        waiting.communicate()
    child.wait(timeout=5)
    assert not child.is_running()


def test_the_parent_stays_flat_while_a_big_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "big.csv"
    with path.open("w") as file:
        file.write("Code,Note,Qty,When\n")
        for start in range(0, 1_000_000, 10_000):
            file.writelines(
                f"C{number},note {number},1.5,2011-07-03\n" for number in range(start, start + 10_000)
            )
    process = psutil.Process()
    before = process.memory_info().rss
    most = before

    def watch(_: object) -> None:
        nonlocal most
        most = max(most, process.memory_info().rss)

    result = read_file(path, "big.csv", SMALL_MAPPING, SMALL, tmp_path / "parts", on_progress=watch)
    watch(None)
    assert result.rows == 1_000_000
    assert most - before < 10 * 1024**2
    assert path.stat().st_size > 30 * 1024**2


@pytest.mark.parametrize("make", [far_away_workbook, lambda: gzip.compress(b"x" * 80_000_000, 1)])
def test_a_preview_takes_no_harm_either(tmp_path: Path, make: Callable[[], bytes]) -> None:
    path = tmp_path / "upload"
    path.write_bytes(make())
    name = "sales.xlsx" if path.read_bytes()[:2] == b"PK" else "sales.csv.gz"
    try:
        seen = preview_file(path, name)
    except LongRecordError:
        assert name == "sales.csv.gz"
    else:
        assert seen.rows[0][:3] == ("A", "n", "1")
    assert not children()


def test_the_child_sees_nothing_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "polars.py").write_text("raise SystemExit('taken over')")
    [row] = read_small(tmp_path, GOOD)
    assert row.cells["code"] == "A"
