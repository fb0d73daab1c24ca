"""What a file is, by its name and by how it starts; where the two disagree it is refused."""

import re
import struct
import zipfile
from enum import StrEnum
from pathlib import Path

from .compound import MAGIC
from .orders import FileRefused

_TEXT_NAME = re.compile(r".*\.(?:csv|txt|tsv|tab)(?:\.gz)?", re.IGNORECASE | re.DOTALL)
_WORKBOOK_NAME = re.compile(r".*\.(?:xlsx|xls|xlsb|ods)", re.IGNORECASE | re.DOTALL)
_MACRO_NAME = re.compile(r".*\.(?:xlsm|xltm|xlam)", re.IGNORECASE | re.DOTALL)

_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_GZIP = b"\x1f\x8b"
_OTHER = ((b"%PDF-", "pdf"), (b"\x89PNG", "picture"), (b"\xff\xd8\xff", "picture"), (b"GIF8", "picture"),
          (b"7z\xbc\xaf", "archive"), (b"Rar!", "archive"), (b"BZh", "archive"), (b"\xfd7zXZ", "archive"),
          (b"(\xb5/\xfd", "archive"), (b"PAR1", "parquet"), (b"SQLite format 3", "database"))  # fmt: skip


class FileKind(StrEnum):
    """The two kinds of files that can be read."""

    TEXT = "text"
    WORKBOOK = "workbook"


class FileFormat(StrEnum):
    """The formats that can be read; delimited text, packed or not, is CSV whatever delimits it."""

    CSV = "csv"
    XLSX = "xlsx"
    XLS = "xls"
    XLSB = "xlsb"
    ODS = "ods"


def format_of(path: Path, file_name: str) -> FileFormat:
    """Return the file's format; FileRefused where its name and its content disagree."""
    with path.open("rb") as file:
        start = file.read(4096)
    if not start:
        raise FileRefused("empty")
    if _MACRO_NAME.fullmatch(file_name):
        raise FileRefused("macro_workbook")
    content = _content(start)
    if _WORKBOOK_NAME.fullmatch(file_name):
        # The ending says that it is a workbook; of which kind is told by what is in it.
        if content == "compound":
            return FileFormat.XLS
        if content != "zip":
            raise FileRefused("not_a_workbook", starts_like=content)
        return _zipped_format(path)
    if _TEXT_NAME.fullmatch(file_name):
        if content not in ("text", "gzip", "binary"):
            raise FileRefused("not_a_text", starts_like=content)
        return FileFormat.CSV
    raise FileRefused("unknown_kind", starts_like=content)


def _zipped_format(path: Path) -> FileFormat:
    """Tell a zipped workbook's format by its main member; what is none of them is refused as XLSX is."""
    try:
        with zipfile.ZipFile(path) as book:
            names = set(book.namelist())
    except (
        zipfile.BadZipFile,
        struct.error,
        EOFError,
        ValueError,
        OverflowError,
        NotImplementedError,
    ) as error:
        raise FileRefused("truncated") from error
    if "xl/workbook.xml" not in names:
        if "xl/workbook.bin" in names:
            return FileFormat.XLSB
        if {"mimetype", "content.xml"} <= names:
            return FileFormat.ODS
    return FileFormat.XLSX


def _content(start: bytes) -> str:
    if start.startswith(_ZIP):
        return "zip"
    if start.startswith(_GZIP):
        return "gzip"
    if start.startswith(MAGIC):
        return "compound"
    for mark, name in _OTHER:
        if start.startswith(mark):
            return name
    return "binary" if b"\0" in start[:512] and not start.startswith((b"\xff\xfe", b"\xfe\xff")) else "text"
