"""Files that chance damages: whatever bytes come, there is a table or a sentence, and nothing else."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty_core.intake.reading import preview_file
from tests.intake_reading.files import read_small_result
from tests.intake_reading.other_workbooks import Rows, ods, xls, xlsb
from tests.intake_reading.test_workbooks import workbook
from tests.intake_reading.watching import children, peak_above_rest, refusal_of

pytestmark = pytest.mark.slow

LINES: list[list[str | float | None]] = [[f"A{n}", "żółw", n / 4, 46000.0 + n] for n in range(40)]
ROWS: Rows = [["Code", "Note", "Qty", "When"], *LINES]
GOOD = {
    "small.csv": "\n".join(",".join(map(str, row)) for row in ROWS).encode(),
    "small.xlsx": workbook(("Sales", ROWS)),
    "small.xls": xls(ROWS),
    "small.xlsb": xlsb(ROWS),
    "small.ods": ods(ROWS),
}
SOME = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def told(content: bytes, file_name: str) -> None:
    """Read and preview the file: each ends well or in a sentence that names it."""
    with tempfile.TemporaryDirectory() as name, peak_above_rest() as peak:
        folder = Path(name)
        for refusal in (
            refusal_of(lambda: read_small_result(folder, content, file_name=file_name)),
            refusal_of(lambda: preview_file(folder / "upload", file_name)),
        ):
            if refusal is not None:
                assert refusal.sentence.startswith(f"“{file_name}” ")
                assert refusal.remedy
    assert peak() < 300 * 1024**2
    assert not children()


@pytest.mark.parametrize("file_name", GOOD)
@SOME
@given(data=st.data())
def test_a_file_with_changed_bytes_is_read_or_refused(file_name: str, data: st.DataObject) -> None:
    content = bytearray(GOOD[file_name])
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=30)):
        content[place] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(1, len(content))) :]
    told(bytes(content), file_name)


@SOME
@given(st.binary(max_size=4000), st.sampled_from(sorted(GOOD)), st.booleans())
def test_bytes_of_any_kind_are_read_or_refused(content: bytes, file_name: str, keeps_start: bool) -> None:
    told((GOOD[file_name][:60] if keeps_start else b"") + content, file_name)


@SOME
@given(
    st.lists(st.lists(st.text(max_size=12) | st.floats() | st.none(), max_size=8), max_size=30),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-16", "cp1250", "latin-1"]),
)
def test_text_tables_of_any_cells_are_read_or_refused(
    rows: list[list[str | float | None]], delimiter: str, encoding: str
) -> None:
    lines = [delimiter.join("" if cell is None else str(cell) for cell in row) for row in rows]
    told(
        "\n".join([f"Code{delimiter}Note{delimiter}Qty{delimiter}When", *lines]).encode(encoding, "replace"),
        "small.csv",
    )
