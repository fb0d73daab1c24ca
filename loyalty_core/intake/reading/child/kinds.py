"""What a file is, by its name and by how it starts; where the two disagree it is refused."""

import re
from enum import StrEnum
from pathlib import Path

from .orders import FileRefused

_TEXT_NAME = re.compile(r".*\.(?:csv|txt|tsv|tab)(?:\.gz)?", re.IGNORECASE | re.DOTALL)
_WORKBOOK_NAME = re.compile(r".*\.xlsx", re.IGNORECASE | re.DOTALL)
_MACRO_NAME = re.compile(r".*\.(?:xlsm|xltm|xlam|xlsb)", re.IGNORECASE | re.DOTALL)
_OLD_WORKBOOK_NAME = re.compile(r".*\.xls", re.IGNORECASE | re.DOTALL)

_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_GZIP = b"\x1f\x8b"
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
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
    content = _content(path, start)
    if content == "encrypted":
        raise FileRefused("encrypted")
    if _WORKBOOK_NAME.fullmatch(file_name) or _OLD_WORKBOOK_NAME.fullmatch(file_name):
        if content == "old_workbook":
            raise FileRefused("old_workbook")
        if content != "zip":
            raise FileRefused("not_a_workbook", starts_like=content)
        return FileFormat.XLSX
    if _TEXT_NAME.fullmatch(file_name):
        if content not in ("text", "gzip", "binary"):
            raise FileRefused("not_a_text", starts_like=content)
        return FileFormat.CSV
    raise FileRefused("unknown_kind", starts_like=content)


def _content(path: Path, start: bytes) -> str:
    if start.startswith(_ZIP):
        return "zip"
    if start.startswith(_GZIP):
        return "gzip"
    if start.startswith(_COMPOUND):
        # Both old workbooks and encrypted new ones are compound files; the names of their streams tell.
        with path.open("rb") as file:
            head = file.read(4 * 1024**2)
        return "encrypted" if "EncryptedPackage".encode("utf-16-le") in head else "old_workbook"
    for mark, name in _OTHER:
        if start.startswith(mark):
            return name
    return "binary" if b"\0" in start[:512] and not start.startswith((b"\xff\xfe", b"\xfe\xff")) else "text"
