"""Signs that a workbook writes as _xHHHH_: every reader sees the same text, and none of them a NUL."""

import io
import zipfile
from pathlib import Path

import pytest

from loyalty_core.intake.reading import NulBytesError, original_rows, preview_file
from tests.intake_reading.files import read_small, rows_of
from tests.intake_reading.files import read_small_result as result_of
from tests.intake_reading.test_workbooks import NAMES, sheet_from

ESCAPED = [
    "a_x0041_",
    "b_x005F_x0041_",
    "c_x005F_x005F_x0041_",
    "d_x00e9__x0042_",
    "e_x0100_x0041_",
    "f_x0041_x0042_",
    "g_xD83D_",
    "h_X0041_",
    "i_x0001_z",
    "j_x0009_z",
]
KINDS = ["shared", "inline", "result of a formula"]


def book_of(texts: list[str], kind: str) -> bytes:
    """A workbook with a text per row in its first column, as it stands in the XML."""
    rows = [[f"Q{place:02}Q", "n", 1] for place in range(len(texts))]
    plain = io.BytesIO(sheet_from("A1", [NAMES, *rows]))
    changed = io.BytesIO()
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(changed, "w") as new:
        shared = old.read("xl/sharedStrings.xml").decode().split("<si>")
        for name in old.namelist():
            content = old.read(name).decode()
            for place, text in enumerate(texts):
                mark = f"Q{place:02}Q"
                if name == "xl/sharedStrings.xml":
                    content = content.replace(mark, text)
                number = next(at for at, one in enumerate(shared) if mark in one) - 1
                cell = f'<c r="A{place + 2}" t="s"><v>{number}</v></c>'
                if kind != "shared" and name == "xl/worksheets/sheet1.xml":
                    assert cell in content
                    inline = f'<c r="A{place + 2}" t="inlineStr"><is><t>{text}</t></is></c>'
                    result = f'<c r="A{place + 2}" t="str"><v>{text}</v></c>'
                    content = content.replace(cell, inline if kind == "inline" else result)
            new.writestr(name, content)
    return changed.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_both_readers_and_the_preview_see_the_same_signs(tmp_path: Path, kind: str) -> None:
    content = book_of(ESCAPED, kind)
    fast = read_small(tmp_path, content, file_name="small.xlsx")
    careful = result_of(tmp_path, content, file_name="small.xlsx", careful=True)
    assert careful.reader == "openpyxl"
    assert rows_of(careful) == fast
    codes = [row.cells["code"] for row in fast]
    assert codes[:2] == (["a_x0041_", "b_x005F_x0041_"] if kind == KINDS[2] else ["aA", "b_x0041_"])
    path = tmp_path / "upload"
    assert [row[0] for row in preview_file(path, "small.xlsx").rows] == codes
    assert [row[0] for _, row in original_rows(path, "small.xlsx", range(2, 2 + len(ESCAPED)))] == codes


@pytest.mark.parametrize("kind", KINDS[:2])
@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("row", [2, 45])
def test_a_nul_in_a_cell_is_refused_with_its_row(tmp_path: Path, kind: str, careful: bool, row: int) -> None:
    texts = [*["plain"] * (row - 2), "a_x0000_b", "plain"]
    with pytest.raises(NulBytesError, match=f"row {row}"):
        read_small(tmp_path, book_of(texts, kind), file_name="small.xlsx", careful=careful)
