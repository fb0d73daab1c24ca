"""The container that workbooks of Excel 97 to 2003, and encrypted newer ones, lie in: what it holds, how it begins."""

import struct
from collections.abc import Iterator
from pathlib import Path

from .orders import FileRefused

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEADER = 512
_ENTRY = 128
_LAST_SECTOR = 0xFFFFFFFA
_MOST_DIRECTORY_SECTORS = 2_000
_GLOBALS_BYTES = 256 * 1024

# [MS-XLS] 2.3: the end of the globals, the mark of encryption, and whether days count from 1904.
_END, _ENCRYPTED, _DATE_MODE = 0x000A, 0x002F, 0x0022


class CompoundFile:
    """A compound file's directory, read without trusting it: [MS-CFB]."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._read_directory()
        except (struct.error, ValueError, IndexError) as error:
            raise FileRefused("damaged", place="", how=str(error)[:200]) from error

    def _read_directory(self) -> None:
        with self._path.open("rb") as file:
            header = file.read(_HEADER)
            shift = struct.unpack_from("<H", header, 30)[0]
            if shift not in (9, 12):
                raise ValueError("sector size")
            self._sector = 1 << shift
            tables = struct.unpack_from("<109I", header, 76)
            self._tables = [number for number in tables if number < _LAST_SECTOR]
            self.streams: dict[str, int] = {}
            chain = self._chain(struct.unpack_from("<I", header, 48)[0], _MOST_DIRECTORY_SECTORS)
            for sector in chain:
                file.seek((sector + 1) * self._sector)
                piece = file.read(self._sector)
                for place in range(0, len(piece) - _ENTRY + 1, _ENTRY):
                    entry = piece[place : place + _ENTRY]
                    length = struct.unpack_from("<H", entry, 64)[0]
                    if 2 <= length <= 64 and entry[66]:
                        name = entry[: length - 2].decode("utf-16-le", "replace")
                        self.streams[name] = struct.unpack_from("<I", entry, 116)[0]

    def _chain(self, first: int, most: int) -> Iterator[int]:
        per_table = self._sector // 4
        with self._path.open("rb") as file:
            sector = first
            for _ in range(most):
                if sector >= _LAST_SECTOR:
                    return
                yield sector
                table = sector // per_table
                if table >= len(self._tables):
                    return
                file.seek((self._tables[table] + 1) * self._sector + 4 * (sector % per_table))
                sector = struct.unpack("<I", file.read(4))[0]

    def globals(self) -> Iterator[tuple[int, bytes]]:
        """Yield the records that the workbook's stream begins with, as (type, body)."""
        start = next((self.streams[name] for name in ("Workbook", "Book") if name in self.streams), None)
        if start is None:
            return
        with self._path.open("rb") as file:
            content = b""
            for sector in self._chain(start, _GLOBALS_BYTES // self._sector):
                file.seek((sector + 1) * self._sector)
                content += file.read(self._sector)
        place = 0
        while place + 4 <= len(content):
            kind, length = struct.unpack_from("<HH", content, place)
            yield kind, content[place + 4 : place + 4 + length]
            if kind == _END:
                return
            place += 4 + length


def check_old_workbook(path: Path) -> None:
    """Refuse what is encrypted, carries macros, or is a compound file of another program."""
    book = CompoundFile(path)
    if "EncryptedPackage" in book.streams:
        raise FileRefused("encrypted")
    if not {"Workbook", "Book"} & set(book.streams):
        raise FileRefused("not_a_workbook", starts_like="compound")
    if {"_VBA_PROJECT_CUR", "_VBA_PROJECT", "VBA"} & set(book.streams):
        raise FileRefused("macro_workbook")
    if any(kind == _ENCRYPTED for kind, _ in book.globals()):
        raise FileRefused("encrypted")


def old_workbook_counts_from_1904(path: Path) -> bool:
    """Whether the workbook's days count from 1 January 1904."""
    return any(kind == _DATE_MODE and body[:1] == b"\1" for kind, body in CompoundFile(path).globals())
