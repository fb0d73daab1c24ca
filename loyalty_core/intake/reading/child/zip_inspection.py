"""A workbook's zip, looked at before anything parses it: what it holds, what it unfolds to, where its sheets are."""

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self
from xml.etree import ElementTree

from .orders import FileRefused, ReadLimits

CHUNK = 1024**2
_WORKBOOK = "xl/workbook.xml"
_SMALL_MEMBER = 16 * 1024**2
_ENTITIES = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


@dataclass(frozen=True)
class SheetPlace:
    """A worksheet: its name, its member in the zip, whether people see it."""

    name: str
    member: str
    visible: bool


@contextmanager
def _damage_told(place: str) -> Iterator[None]:
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        struct.error,
        NotImplementedError,
        ValueError,
        OSError,
    ) as error:
        raise FileRefused("damaged", place=place, how=str(error)[:200]) from error
    except RuntimeError as error:
        if "encrypted" in str(error):
            raise FileRefused("encrypted") from error
        raise


class WorkbookZip:
    """A zipped workbook whose members are only ever streamed, and counted while they are.

    `main` is the member without which it is none: that of XLSX where nothing is said.
    """

    def __init__(self, path: Path, limits: ReadLimits, *, main: str = _WORKBOOK) -> None:
        self._limits = limits
        self._main = main
        self._packed_size = path.stat().st_size
        self._unpacked = 0
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, struct.error, EOFError, ValueError, OverflowError) as error:
            raise FileRefused("truncated") from error
        try:
            self._look_at_members()
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    @property
    def names(self) -> list[str]:
        """The members' names."""
        return self._zip.namelist()

    def _look_at_members(self) -> None:
        members = self._zip.infolist()
        if len(members) > self._limits.members:
            raise FileRefused("bomb", place=f"{len(members)} members", ratio=self._limits.ratio)
        names = {member.filename.lower() for member in members}
        if any(name.endswith("vbaproject.bin") for name in names):
            raise FileRefused("macro_workbook")
        if any(member.flag_bits & 1 for member in members):
            raise FileRefused("encrypted")
        if self._main not in self.names or len(names) != len(members):
            raise FileRefused("not_a_workbook", starts_like="zip")
        # Whatever a parser may unfold later is unfolded here first, a chunk at a time and thrown away; the
        # sheets themselves when one of them is chosen.
        for member in members:
            name = member.filename
            if name.endswith((".xml", ".rels", ".bin")) and not name.startswith("xl/worksheets/sheet"):
                for _ in self.chunks(name):
                    pass
        if self._main == _WORKBOOK and "[Content_Types].xml" in self.names:
            types = self.small("[Content_Types].xml")
            if b"macroEnabled" in types:
                raise FileRefused("macro_workbook")

    def chunks(self, member: str) -> Iterator[bytes]:
        """Yield a member's bytes; refuse a bomb, entities and damage where they show."""
        tail = b""
        first = True
        with _damage_told(member):
            file = self._zip.open(member)
        with file:
            while True:
                with _damage_told(member):
                    chunk = file.read(CHUNK)
                if not chunk:
                    return
                self._count(len(chunk), member)
                if first and chunk[:2] in (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<"):
                    # Nothing here could look for entities in UTF-16, and no spreadsheet writes it.
                    raise FileRefused("damaged", place=member)
                if b"<!" in tail + chunk and _ENTITIES.search(tail + chunk):
                    raise FileRefused("xml_entities", place=member)
                first = False
                tail = chunk[-16:]
                yield chunk

    def small(self, member: str) -> bytes:
        """Return a member of at most 16 MB."""
        pieces = []
        size = 0
        for chunk in self.chunks(member):
            size += len(chunk)
            if size > _SMALL_MEMBER:
                raise FileRefused("bomb", place=member, ratio=self._limits.ratio)
            pieces.append(chunk)
        return b"".join(pieces)

    def share_of(self, done: int, member: str) -> float:
        """How much of a member `done` bytes are, 0 to 1, by what it says of itself."""
        return min(done / max(self._zip.getinfo(member).file_size, 1), 1.0)

    def sheets(self) -> list[SheetPlace]:
        """Return the worksheets, in the workbook's order."""
        targets: dict[str, str] = {}
        for relation in self.elements("xl/_rels/workbook.xml.rels", "Relationship"):
            if relation.get("Type", "").endswith("/worksheet"):
                target = relation.get("Target", "")
                targets[relation.get("Id", "")] = _member_of(target)
        places = []
        for sheet in self.elements(_WORKBOOK, "sheet"):
            relation_id = next((value for key, value in sheet.items() if key.endswith("}id")), "")
            member = targets.get(relation_id)
            if member in self.names and member is not None:
                visible = sheet.get("state", "visible") == "visible"
                places.append(SheetPlace(sheet.get("name", ""), member, visible))
        return places

    def counts_from_1904(self) -> bool:
        """Tell whether days count from 1 January 1904, as old Macintosh workbooks do."""
        return any(one.get("date1904") in ("1", "true") for one in self.elements(_WORKBOOK, "workbookPr"))

    def elements(self, member: str, name: str) -> Iterator[ElementTree.Element]:
        """Yield the elements of this local name from a small member."""
        if member not in self.names:
            raise FileRefused("damaged", place=member)
        try:
            root = ElementTree.fromstring(self.small(member))  # noqa: S314 - entities were refused
        except ElementTree.ParseError as error:
            raise FileRefused("damaged", place=member) from error
        for element in root.iter():
            if element.tag.rpartition("}")[2] == name:
                yield element

    def _count(self, size: int, member: str) -> None:
        self._unpacked += size
        if self._unpacked > self._limits.unpacked:
            raise FileRefused("too_big", size=self._limits.unpacked)
        if self._unpacked > max(self._limits.ratio_from, self._packed_size * self._limits.ratio):
            raise FileRefused("bomb", place=member, ratio=self._limits.ratio)


def _member_of(target: str) -> str:
    path = PurePosixPath(target) if target.startswith("/") else PurePosixPath("/xl") / target
    parts: list[str] = []
    for part in path.parts[1:]:
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
