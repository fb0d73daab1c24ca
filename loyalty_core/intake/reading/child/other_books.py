"""XLS, XLSB and ODS workbooks: looked at from outside first, then read by the fast reader, which knows them all."""

import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import polars as pl

from .compound import check_old_workbook, old_workbook_counts_from_1904
from .kinds import FileFormat
from .loading import load_strings, loaded, telling_damage
from .orders import FileRefused, ReadLimits
from .sheet_head import HeadRow, column_letters
from .sheet_scan import SheetScan
from .zip_inspection import SheetPlace, WorkbookZip

_LEADING_ROWS = 500
"""A table may begin so far down."""

_ODS_CONTENT = "content.xml"
_ODS_TAG = re.compile(rb"<table:table\s|<table:table-row\s[^>]*>")
_ODS_HIDDEN = re.compile(rb'table:visibility="(?:collapse|filter)"')
_ODS_REPEATED = re.compile(rb'table:number-rows-repeated="([0-9]{1,6})"')
_XLSB_WORKBOOK = "xl/workbook.bin"
_XLSB_WORKBOOK_PROPERTIES, _XLSB_DIMENSION = 153, 148
_DIMENSION_BYTES = 4096
_MOST_CELLS = 150_000_000
"""A sheet with a table of more cells than this does not fit into memory, blank or not."""


class OtherBook:
    """A workbook that cannot be streamed here: the fast reader loads a sheet at a time, within the limits."""

    def __init__(self, path: Path, file_format: FileFormat, limits: ReadLimits) -> None:
        self._path = path
        self._limits = limits
        self._hidden_rows: list[int] = []
        self._from_1904 = False
        if file_format is FileFormat.XLS:
            check_old_workbook(path)
            self._from_1904 = old_workbook_counts_from_1904(path)
        elif file_format is FileFormat.XLSB:
            with WorkbookZip(path, limits, main=_XLSB_WORKBOOK) as book:
                for member in book.names:
                    if member.startswith("xl/worksheets/sheet") and member.endswith(".bin"):
                        _look_through_binary_sheet(book, member)
                self._from_1904 = _binary_counts_from_1904(book.small(_XLSB_WORKBOOK))
        else:
            with WorkbookZip(path, limits, main=_ODS_CONTENT) as book:
                _check_open_document(book)
                self._hidden_rows = _hidden_rows(book)
        self._sheets: list[SheetPlace] | None = None
        self._heads: dict[str, tuple[pl.DataFrame, int]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._heads.clear()

    def sheets(self) -> list[SheetPlace]:
        """Return the worksheets, in the workbook's order."""
        if self._sheets is None:
            import fastexcel

            with telling_damage(""):
                book = fastexcel.read_excel(str(self._path))
                self._sheets = []
                for name in book.sheet_names:
                    sheet = book.load_sheet(
                        name,
                        header_row=None,
                        skip_rows=0,
                        n_rows=_LEADING_ROWS,
                        dtypes="string",
                    )
                    frame = pl.from_arrow(sheet.to_arrow())
                    assert isinstance(frame, pl.DataFrame)
                    self._heads[name] = (frame, sheet.total_height)
                    self._sheets.append(SheetPlace(name, "", sheet.visible == "visible"))
        return self._sheets

    def head(self, sheet: SheetPlace, most: int) -> list[HeadRow]:
        """Return the rows that hold something among the first `most`, counted from the first of them."""
        self.sheets()
        rows: list[HeadRow] = []
        for number, cells in enumerate(self._heads[sheet.name][0].iter_rows(), start=1):
            texts = {column: cell for column, cell in enumerate(cells) if cell}
            if rows and number >= rows[0].number + most:
                break
            if any("\0" in text for text in texts.values()):
                raise FileRefused("nul_bytes", row=number, sheet=sheet.name)
            if texts:
                rows.append(HeadRow(number, texts))
        return rows

    def scan(
        self,
        sheet: SheetPlace,
        *,
        on_share: Callable[[float], None] | None = None,
        stops_at_wide: bool = True,
    ) -> SheetScan:
        """Tell how many rows the sheet has down to the last one, and of ODS how many a person does not see."""
        del on_share, stops_at_wide
        place = self.sheets().index(sheet)
        frame, height = self._heads[sheet.name]
        blank = sum(not any(cells) for cells in frame.iter_rows())
        hidden = self._hidden_rows[place] if place < len(self._hidden_rows) else 0
        return SheetScan(rows=height - blank, hidden_rows=hidden)

    def careful_rows(self, sheet: SheetPlace, first_row: int) -> Iterator[tuple[int, list[Any]]]:
        """Yield the rows that hold something from `first_row` on, numbers as floats and all else as texts."""
        texts = load_strings(str(self._path), sheet.name)
        # The fast reader makes booleans of numbers and of nothing else, which tells 1.234 from “1.234”.
        numbers = loaded(str(self._path), sheet.name, None, "boolean", skip_rows=0)
        for number, (cells, marks) in enumerate(
            zip(texts.iter_rows(), numbers.iter_rows(), strict=True), start=1
        ):
            if number < first_row or not any(cells):
                continue
            if any("\0" in cell for cell in cells if cell):
                raise FileRefused("nul_bytes", row=number, sheet=sheet.name)
            if len(cells) > self._limits.columns:
                far = next(
                    (place for place, cell in enumerate(cells) if place >= self._limits.columns and cell),
                    None,
                )
                if far is not None:
                    raise FileRefused(
                        "far_away_cell", sheet=sheet.name, cell=f"{column_letters(far)}{number}"
                    )
            yield (
                number,
                [
                    cell if mark is None or cell is None else _number(cell)
                    for cell, mark in zip(cells, marks, strict=True)
                ],
            )

    def counts_from_1904(self) -> bool:
        """Whether days count from 1 January 1904, as old Macintosh workbooks do."""
        return self._from_1904


def _number(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def _binary_records(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the records of a part of a binary workbook, [MS-XLSB] 2.1.4, up to where they end or break off."""
    place = 0
    while place + 2 <= len(content):
        kind = content[place]
        place += 1
        if kind & 0x80:
            kind = (kind & 0x7F) | (content[place] << 7)
            place += 1
        length = shift = 0
        while place < len(content) and shift < 28:
            byte = content[place]
            place += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        yield kind, content[place : place + length]
        place += length


def _binary_counts_from_1904(content: bytes) -> bool:
    return any(
        kind == _XLSB_WORKBOOK_PROPERTIES and body[:1] and body[0] & 1
        for kind, body in _binary_records(content)
    )


def _look_through_binary_sheet(book: WorkbookZip, member: str) -> None:
    """Unfold a sheet once, and refuse one that says it reaches too far to be loaded."""
    beginning = b""
    for chunk in book.chunks(member):
        beginning = beginning or chunk[:_DIMENSION_BYTES]
    for kind, body in _binary_records(beginning):
        if kind == _XLSB_DIMENSION and len(body) >= 16:
            top, bottom, left, right = struct.unpack_from("<4I", body)
            if (bottom - top + 1) * (right - left + 1) > _MOST_CELLS:
                cell = f"{column_letters(min(right, 16_383))}{bottom + 1}"
                raise FileRefused("far_away_cell", sheet=Path(member).stem, cell=cell)
            return


def _check_open_document(book: WorkbookZip) -> None:
    if "META-INF/manifest.xml" in book.names and b"encryption-data" in book.small("META-INF/manifest.xml"):
        raise FileRefused("encrypted")
    if any(name.startswith(("Basic/", "Scripts/")) for name in book.names):
        raise FileRefused("macro_workbook")
    kind = book.small("mimetype") if "mimetype" in book.names else b""
    if b"opendocument.spreadsheet" not in kind:
        raise FileRefused("not_a_workbook", starts_like="zip")


def _hidden_rows(book: WorkbookZip) -> list[int]:
    """Return how many rows are hidden or filtered away, table by table."""
    counts: list[int] = []
    carry = b""
    for chunk in book.chunks(_ODS_CONTENT):
        text = carry + chunk
        cut = text.rfind(b"<")
        carry = text[cut:] if cut >= 0 and len(text) - cut < 64 * 1024 else b""
        for match in _ODS_TAG.finditer(text[: len(text) - len(carry)]):
            tag = match[0]
            if tag.startswith(b"<table:table-row"):
                if counts and _ODS_HIDDEN.search(tag):
                    repeated = _ODS_REPEATED.search(tag)
                    counts[-1] += int(repeated[1]) if repeated else 1
            else:
                counts.append(0)
    return counts
