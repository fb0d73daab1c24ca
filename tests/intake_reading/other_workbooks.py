"""Workbooks in XLS, XLSB and ODS, written byte by byte as their specifications say: nothing here reads them back."""

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

Cell = str | float | None
Rows = Sequence[Sequence[Cell]]

_FREE, _END, _TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_SECTOR = 512


def compound_file(streams: Mapping[str, bytes]) -> bytes:
    """A compound file with these streams, each as long as four kilobytes at least."""
    sectors: list[bytes] = []
    table: list[int] = []

    def placed(content: bytes) -> int:
        first, count = len(sectors), max(1, -(-len(content) // _SECTOR))
        for number in range(count):
            sectors.append(content[number * _SECTOR : (number + 1) * _SECTOR].ljust(_SECTOR, b"\0"))
            table.append(first + number + 1 if number < count - 1 else _END)
        return first

    def entry(name: str, kind: int, start: int, size: int, child: int = _FREE, right: int = _FREE) -> bytes:
        text = name.encode("utf-16-le") + b"\0\0"
        tree = struct.pack("<HBBIII", len(text), kind, 1, _FREE, right, child)
        return text.ljust(64, b"\0") + tree + b"\0" * 36 + struct.pack("<IQ", start, size)

    entries = [entry("Root Entry", 5, _END, 0, child=1)]
    for number, (name, content) in enumerate(streams.items(), start=1):
        whole = content.ljust(4096, b"\0")
        right = number + 1 if number < len(streams) else _FREE
        entries.append(entry(name, 2, placed(whole), len(whole), right=right))
    entries += [entry("", 0, 0, 0)] * (-len(entries) % 4)
    directory = placed(b"".join(entries))
    tables = 1
    while (len(sectors) + tables) * 4 > tables * _SECTOR:
        tables += 1
    first_table = len(sectors)
    table += [_TABLE] * tables
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16
    header += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<9I", 0, tables, directory, 0, 4096, _END, 0, _END, 0)
    places = [first_table + number for number in range(tables)]
    header += struct.pack("<109I", *places, *[_FREE] * (109 - tables))
    return (
        header + b"".join(sectors) + struct.pack(f"<{len(table)}I", *table).ljust(tables * _SECTOR, b"\xff")
    )


def _record(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def xls_stream(rows: Rows, *, sheet: str = "Sales", from_1904: bool = False, extra: bytes = b"") -> bytes:
    """The stream of a BIFF8 workbook with one sheet; `extra` are records among its globals."""
    body = _record(0x0809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0))
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            place = struct.pack("<HHH", number, column, 0)
            if isinstance(cell, str):
                text = struct.pack("<HB", len(cell), 1) + cell.encode("utf-16-le")
                body += _record(0x0204, place + text)
            elif cell is not None:
                body += _record(0x0203, place + struct.pack("<d", cell))
    body += _record(0x000A)
    head = _record(0x0809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 0)) + extra
    head += _record(0x0022, struct.pack("<H", from_1904))
    head += _record(0x00E0, struct.pack("<HH", 0, 0) + b"\0" * 16)
    name = struct.pack("<BBBB", 0, 0, len(sheet), 0) + sheet.encode("ascii")
    begins = len(head) + 4 + 4 + len(name) + 4
    return head + _record(0x0085, struct.pack("<I", begins) + name) + _record(0x000A) + body


def xls(rows: Rows, *, from_1904: bool = False) -> bytes:
    """A workbook of Excel 97 to 2003."""
    return compound_file({"Workbook": xls_stream(rows, from_1904=from_1904)})


def _binary_record(kind: int, body: bytes = b"") -> bytes:
    out = bytearray([kind] if kind < 128 else [kind & 0x7F | 0x80, kind >> 7])
    length = len(body)
    while True:
        out.append(length & 0x7F | (0x80 if length > 127 else 0))
        length >>= 7
        if not length:
            return bytes(out) + body


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    """A zip archive."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as book:
        for name, body in members.items():
            book.writestr(name, body)
    return content.getvalue()


def xlsb(
    rows: Rows, *, from_1904: bool = False, far: int = 0, extra: Mapping[str, bytes] | None = None
) -> bytes:
    """A binary workbook of Excel; `far` adds a cell in the last column of that row, from 0."""
    book = _binary_record(0x83) + _binary_record(0x99, struct.pack("<II", from_1904, 0) + _wide(""))
    book += _binary_record(0x8F)
    book += _binary_record(0x9C, struct.pack("<II", 0, 1) + _wide("rId1") + _wide("Sales"))
    book += _binary_record(0x90) + _binary_record(0x84)
    last = max(len(rows) - 1, far)
    width = 16_383 if far else max(map(len, rows)) - 1
    sheet = _binary_record(0x81) + _binary_record(0x94, struct.pack("<IIII", 0, last, 0, width))
    sheet += _binary_record(0x91)
    for number, row in enumerate(rows):
        sheet += _binary_record(0, struct.pack("<I", number) + b"\0" * 21)
        for column, cell in enumerate(row):
            if isinstance(cell, str):
                sheet += _binary_record(6, struct.pack("<II", column, 0) + _wide(cell))
            elif cell is not None:
                sheet += _binary_record(5, struct.pack("<IId", column, 0, cell))
    if far:
        sheet += _binary_record(0, struct.pack("<I", far) + b"\0" * 21)
        sheet += _binary_record(5, struct.pack("<IId", 16_383, 0, 1.0))
    sheet += _binary_record(0x92) + _binary_record(0x82)
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"
    return zipped(
        {
            "[Content_Types].xml": "<Types><Default Extension='bin' ContentType='macroEnabled'/></Types>",
            "xl/workbook.bin": book,
            "xl/worksheets/sheet1.bin": sheet,
            "xl/_rels/workbook.bin.rels": "<Relationships"
            " xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>"
            f"<Relationship Id='rId1' Type='{relations}' Target='worksheets/sheet1.bin'/></Relationships>",
            **(extra or {}),
        }
    )


def ods(
    rows: Rows,
    *,
    hidden: Sequence[int] = (),
    prologue: str = "",
    padding: int = 0,
    extra: Mapping[str, str | bytes] | None = None,
) -> bytes:
    """An OpenDocument spreadsheet; rows of these numbers, from 1, are hidden. `padding` is blanks at its end."""

    def cell(value: Cell) -> str:
        if value is None:
            return "<table:table-cell/>"
        if isinstance(value, str):
            return f'<table:table-cell office:value-type="string"><text:p>{escape(value)}</text:p></table:table-cell>'
        return f'<table:table-cell office:value-type="float" office:value="{value!r}"/>'

    lines = ""
    for number, row in enumerate(rows, start=1):
        hides = ' table:visibility="collapse"' if number in hidden else ""
        lines += f"<table:table-row{hides}>{''.join(map(cell, row)) or cell(None)}</table:table-row>"
    spaces = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?>{prologue}<office:document-content'
        f' xmlns:office="{spaces}:office:1.0" xmlns:table="{spaces}:table:1.0" xmlns:text="{spaces}:text:1.0">'
        f'<office:body><office:spreadsheet><table:table table:name="Sales">{lines}'
        '<table:table-row table:number-rows-repeated="1048000"><table:table-cell'
        ' table:number-columns-repeated="16384"/></table:table-row></table:table></office:spreadsheet>'
        f"</office:body></office:document-content>{' ' * padding}"
    )
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": content,
            "META-INF/manifest.xml": "<manifest/>",
            **(extra or {}),
        }
    )
