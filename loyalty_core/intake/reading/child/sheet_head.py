"""The first rows of a worksheet, without loading it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from xml.parsers import expat

from .moments import FIRST_DAY_1900, FIRST_DAY_1904
from .orders import FileRefused
from .zip_inspection import SheetPlace, WorkbookZip

_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})")

_STYLES = "xl/styles.xml"
# ECMA-376 part 1, 18.8.30: the built-in formats that show days or times.
_DATE_FORMATS = {str(number) for number in (*range(14, 23), *range(27, 37), 45, 46, 47, *range(50, 59))}
_QUOTED = re.compile(r'"[^"]*"|\\.|\[(?!h|m|s)[^\]]*\]|_.', re.IGNORECASE)
_DAYS_AT_MOST = 2_958_466


# ECMA-376 part 1, 22.9.2.19 writes signs that XML can't hold as _xHHHH_. The fast reader undoes those below
# U+0100, in shared and inline texts and not in a formula's result; whatever else reads must see the same.
_ESCAPED = re.compile(r"_x00([0-9A-Fa-f]{2})_")


def unescaped(text: str) -> str:
    """Return a shared or inline text with its escaped signs as themselves."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x00" in text else text


def column_number(letters: str) -> int:
    """A is 0."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def column_letters(number: int) -> str:
    """0 is A."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


@dataclass
class HeadRow:
    """A row that holds something: its number from 1, and its cells' texts by column from 0."""

    number: int
    cells: dict[int, str] = field(default_factory=dict)


class _Enough(Exception):
    pass


class _RowsParser:
    """Collects the rows of a sheet's XML until there are enough."""

    def __init__(self, most: int) -> None:
        self.rows: list[HeadRow] = []
        self.shared: list[tuple[HeadRow, int, int]] = []
        self._most = most
        self._row: HeadRow | None = None
        self._row_number = 0
        self._column = -1
        self._type = ""
        self._style = 0
        self.numbers: list[tuple[HeadRow, int, int]] = []
        self._text: list[str] | None = None
        self._cell_text: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        if local == "row":
            stated = attributes.get("r", "")
            self._row_number = int(stated) if stated.isdigit() and len(stated) < 8 else self._row_number + 1
            if self.rows and self._row_number >= self.rows[0].number + self._most:
                raise _Enough
            self._row = HeadRow(self._row_number)
            self._column = -1
        elif local == "c":
            match = _REFERENCE.fullmatch(attributes.get("r", ""))
            self._column = column_number(match[1]) if match else self._column + 1
            self._type = attributes.get("t", "n")
            style = attributes.get("s", "0")
            self._style = int(style) if style.isdigit() and len(style) < 8 else 0
            self._cell_text = []
        elif local in ("v", "t"):
            self._text = []

    def data(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def end(self, name: str) -> None:
        local = name.rpartition(":")[2]
        if local in ("v", "t") and self._text is not None:
            text = "".join(self._text)
            self._cell_text.append(unescaped(text) if self._type == "inlineStr" else text)
            self._text = None
        elif local == "c" and self._row is not None:
            text = "".join(self._cell_text)
            if text and self._type == "s":
                if text.isdigit() and len(text) < 10:
                    self.shared.append((self._row, self._column, int(text)))
                    self._row.cells[self._column] = ""
            elif text:
                if self._type == "n":
                    self.numbers.append((self._row, self._column, self._style))
                elif self._type == "b":
                    text = "true" if text == "1" else "false"
                self._row.cells[self._column] = text
        elif local == "row" and self._row is not None:
            if self._row.cells:
                self.rows.append(self._row)
            self._row = None


def head_rows(book: WorkbookZip, sheet: SheetPlace, most: int) -> list[HeadRow]:
    """Return the rows that hold something among the first `most`, counted from the first of them."""
    parser = _RowsParser(most)
    reader = expat.ParserCreate()
    reader.buffer_text = True
    reader.StartElementHandler = parser.start
    reader.EndElementHandler = parser.end
    reader.CharacterDataHandler = parser.data
    _parse(reader, book.chunks(sheet.member), sheet.member)
    if parser.shared:
        texts = shared_texts(book, {index for _, _, index in parser.shared})
        for row, column, index in parser.shared:
            row.cells[column] = texts.get(index, "")
    if parser.numbers:
        _write_out(book, parser.numbers)
    for row in parser.rows:
        if any("\0" in text for text in row.cells.values()):
            raise FileRefused("nul_bytes", row=row.number, sheet=sheet.name)
    return parser.rows


def _write_out(book: WorkbookZip, numbers: list[tuple[HeadRow, int, int]]) -> None:
    """Turn stored numbers into what the cells mean: days where their style shows a date, else decimals."""
    dates = _date_styles(book) if any(style for _, _, style in numbers) else frozenset[int]()
    epoch = FIRST_DAY_1904 if book.counts_from_1904() else FIRST_DAY_1900
    for row, column, style in numbers:
        try:
            value = float(row.cells[column])
            if style in dates and 0 < value < _DAYS_AT_MOST:
                moment = epoch + timedelta(milliseconds=round(value * 86_400_000))
                row.cells[column] = moment.isoformat(sep=" ")
            else:
                row.cells[column] = cell_text(value) or ""
        except (ValueError, OverflowError):
            continue


def _date_styles(book: WorkbookZip) -> frozenset[int]:
    """Return the numbers of the cell styles whose number format shows a date or a time."""
    if _STYLES not in book.names:
        return frozenset()
    custom = {one.get("numFmtId"): one.get("formatCode", "") for one in book.elements(_STYLES, "numFmt")}
    styles: set[int] = set()
    number = 0
    for group in book.elements(_STYLES, "cellXfs"):
        for style in group:
            format_id = style.get("numFmtId", "0")
            code = _QUOTED.sub("", custom.get(format_id, ""))
            if format_id in _DATE_FORMATS or re.search(r"[ymdhs]", code, re.IGNORECASE):
                styles.add(number)
            number += 1
    return frozenset(styles)


def cell_text(cell: Any) -> str | None:
    """Return a cell's value as text, as the fast reader does it."""
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        plain = format(Decimal(repr(cell)), "f")
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, date):
        return f"{cell.isoformat()} 00:00:00"
    if isinstance(cell, time):
        return f"1899-12-31 {cell.isoformat()}"
    return str(cell)


def _parse(reader: expat.XMLParserType, chunks: Iterator[bytes], member: str) -> None:
    try:
        for chunk in chunks:
            for place in range(0, len(chunk), 64 * 1024):
                reader.Parse(chunk[place : place + 64 * 1024], False)
        reader.Parse(b"", True)
    except _Enough:
        return
    except expat.ExpatError as error:
        raise FileRefused("damaged", place=member) from error


def shared_texts(book: WorkbookZip, wanted: set[int] | None = None) -> dict[int, str]:
    """Return the shared texts of these numbers, all of them where none are named."""
    member = next((name for name in book.names if name.lower() == "xl/sharedstrings.xml"), None)
    if member is None:
        raise FileRefused("damaged", place="xl/sharedStrings.xml")
    texts: dict[int, str] = {}
    last = max(wanted) if wanted else -1
    index = -1
    pieces: list[str] = []
    run: list[str] = []
    in_text = False
    phonetic = False

    def start(name: str, _: dict[str, str]) -> None:
        nonlocal index, in_text, phonetic
        local = name.rpartition(":")[2]
        if local == "si":
            index += 1
            pieces.clear()
        elif local == "rPh":
            phonetic = True
        in_text = local == "t" and not phonetic

    def data(text: str) -> None:
        if in_text and (wanted is None or index in wanted):
            run.append(text)

    def end(name: str) -> None:
        nonlocal in_text, phonetic
        local = name.rpartition(":")[2]
        in_text = False
        if local == "rPh":
            phonetic = False
        if run and local == "t":
            pieces.append(unescaped("".join(run)))
            run.clear()
        if local == "si" and (wanted is None or index in wanted):
            texts[index] = "".join(pieces)
            if index == last:
                raise _Enough

    reader = expat.ParserCreate()
    reader.buffer_text = True
    reader.StartElementHandler = start
    reader.EndElementHandler = end
    reader.CharacterDataHandler = data
    _parse(reader, book.chunks(member), member)
    return texts
