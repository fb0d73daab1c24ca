"""Files that are broken or attack, through the command: a sentence, exit 1, nothing stored, memory flat."""

import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import xlsxwriter

from bench.generate import HEADER, write_csv, write_xlsx
from tests.faults.killing import Books, Home, import_of
from tests.intake_reading.other_workbooks import ods, xls, xlsb
from tests.server.homes import fast_server, fresh_home

pytestmark = pytest.mark.slow

_ROOM_MB = 60
_BOMB_BYTES = 1024**3


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    """One home for all: a refused file leaves nothing that the next could meet."""
    with fresh_home() as folder:
        server = fast_server(folder)
        server.hold()
        yield Home(folder)
        server.release()


@pytest.fixture(scope="module")
def usual_peak_mb(home: Home, tmp_path_factory: pytest.TempPathFactory) -> int:
    """What the command needs at most for a good small file that is not accepted for its unknown companies."""
    path = write_csv(tmp_path_factory.mktemp("usual") / "usual.csv", 100)
    _code, _answer, _complaint, peak = run_and_watch(home, *import_of(path)[:-1])
    return peak


def run_and_watch(home: Home, *arguments: str | Path) -> tuple[int, str, str, int]:
    """Run `laurel` and return its exit code, stdout, stderr and the most memory it held itself, in MB."""
    process = home.start(*arguments)
    watched, peak = psutil.Process(process.pid), 0
    while process.poll() is None:
        try:
            peak = max(peak, watched.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        time.sleep(0.01)
    answer, complaint = process.communicate()
    return process.returncode, answer, complaint, peak // 1024**2


def text_named_as_workbook(path: Path) -> Path:
    return write_csv(path.with_suffix(".xlsx"), 10)


def cell_at_the_far_corner(path: Path) -> Path:
    book = xlsxwriter.Workbook(str(path.with_suffix(".xlsx")))
    sheet = book.add_worksheet("Sales")
    sheet.write_row(0, 0, HEADER)
    sheet.write(1_048_575, 16_383, 1)
    book.close()
    return path.with_suffix(".xlsx")


def zip_bomb(path: Path) -> Path:
    """A workbook of a few megabytes whose sheet unpacks to gigabytes of blanks."""
    good = write_xlsx(path.with_name("good.xlsx"), 10)
    bomb = path.with_suffix(".xlsx")
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as target:
        for member in source.infolist():
            with target.open(member.filename, "w", force_zip64=True) as file:
                content = source.read(member)
                if member.filename == "xl/worksheets/sheet1.xml":
                    head, tail = content.split(b"<sheetData>")
                    file.write(head)
                    for _ in range(_BOMB_BYTES // (16 * 1024**2)):
                        file.write(b" " * (16 * 1024**2))
                    content = b"<sheetData>" + tail
                file.write(content)
    assert bomb.stat().st_size < 10 * 1024**2
    return bomb


def empty_file(path: Path) -> Path:
    path.with_suffix(".csv").touch()
    return path.with_suffix(".csv")


def without_a_column(path: Path) -> Path:
    good = write_csv(path.with_suffix(".csv"), 10)
    good.write_text(good.read_text().replace("Quantity", "Menge"))
    return good


def cut_off(path: Path) -> Path:
    good = write_xlsx(path.with_suffix(".xlsx"), 500)
    good.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    return good


def cut_old_workbook(path: Path) -> Path:
    old = path.with_suffix(".xls")
    old.write_bytes(xls([HEADER, *[["x"] * len(HEADER)] * 200])[:2000])
    return old


def cell_at_the_far_corner_of_a_binary_workbook(path: Path) -> Path:
    binary = path.with_suffix(".xlsb")
    binary.write_bytes(xlsb([HEADER], far=1_048_575))
    return binary


def bomb_in_an_open_document(path: Path) -> Path:
    bomb = path.with_suffix(".ods")
    bomb.write_bytes(ods([HEADER], padding=_BOMB_BYTES // 4))
    return bomb


@pytest.mark.parametrize(
    ("make", "place", "remedy"),
    [
        (text_named_as_workbook, "starts like a text file", "save it as csv"),
        (cell_at_the_far_corner, "XFD1048576", "delete that cell"),
        (zip_bomb, "xl/worksheets/sheet1.xml", "export it again"),
        (empty_file, "no row", "check that the export ran"),
        (without_a_column, "“Quantity” in its header (row 1)", "choose it in the mapping"),
        (cut_off, "its end is missing", "export it again"),
        (cut_old_workbook, "is damaged", "export it again"),
        (cell_at_the_far_corner_of_a_binary_workbook, "XFD1048576", "delete that cell"),
        (bomb_in_an_open_document, "content.xml", "export it again"),
    ],
    ids=[
        "text",
        "far-corner",
        "zip-bomb",
        "empty",
        "missing-column",
        "cut-off",
        "old-cut-off",
        "binary-far-corner",
        "open-bomb",
    ],
)
def test_a_bad_file_ends_in_a_sentence_and_harms_nothing(
    home: Home, usual_peak_mb: int, tmp_path: Path, make: Callable[[Path], Path], place: str, remedy: str
) -> None:
    path = make(tmp_path / "march")
    code, answer, complaint, peak_mb = run_and_watch(home, *import_of(path), "--json")
    assert code == 1
    assert answer == ""
    assert "Traceback" not in complaint
    assert len(complaint.strip().splitlines()) == 1
    assert path.name in complaint
    assert place in complaint
    assert remedy in complaint.lower()
    assert peak_mb <= usual_peak_mb + _ROOM_MB
    books = Books.of(home)
    assert (books.lines, books.staging_tables) == (0, 0)


def test_a_path_that_leads_nowhere_ends_in_a_sentence(home: Home, tmp_path: Path) -> None:
    done = home.laurel(*import_of(tmp_path / "missing.csv"), "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "missing.csv" in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_usage_is_told_apart_from_a_refusal(home: Home, tmp_path: Path) -> None:
    done = home.laurel("import", empty_file(tmp_path / "march"), "--dataset", "sales")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--mapping" in done.stderr
