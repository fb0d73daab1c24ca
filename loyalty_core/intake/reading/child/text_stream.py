"""A text file as UTF-8 bytes, in pieces, whatever it was packed with or encoded in."""

import codecs
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from .orders import FileRefused, ReadLimits

CHUNK = 1024**2
ENCODING_SAMPLE = 64 * 1024

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# What spreadsheets and bookkeeping programs really write. An open choice lets the detector take a short
# Western text for an old Macintosh or a mainframe one.
_OLD_ENCODINGS = [
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "iso8859_2",
    "iso8859_5", "koi8_r", "cp852", "cp437",
]  # fmt: skip

_UTF8_WESTERN_PAIR = re.compile(rb"[\xc2\xc3][\x80-\xbf]")


@dataclass
class TextStream:
    """A text file on its way in.

    `stated_encoding` is the mapping's word, which stands over any guess. `packed_size` is its size on disk,
    `packed_read` how much of that has gone by; `encoding` is known once the first byte outside ASCII was seen.
    """

    path: Path
    limits: ReadLimits
    stated_encoding: str | None = None
    encoding: str = "ascii"
    packed_size: int = 0
    packed_read: int = 0
    unpacked: int = 0
    line: int = 1

    def __post_init__(self) -> None:
        self.packed_size = self.path.stat().st_size

    @property
    def share(self) -> float:
        """How much of the file has been read, 0 to 1."""
        return self.packed_read / self.packed_size if self.packed_size else 1.0

    def chunks(self) -> Iterator[bytes]:
        """Yield the text as UTF-8, without byte order mark, with every line ended by a bare line feed."""
        pending = b""
        old_macintosh: bool | None = None
        for chunk in self._decoded():
            if b"\0" in chunk:
                raise FileRefused("nul_bytes", line=self.line + chunk[: chunk.index(b"\0")].count(b"\n"))
            whole = pending + chunk
            pending = b""
            if old_macintosh is None and (b"\n" in whole or b"\r" in whole):
                old_macintosh = b"\n" not in whole and len(whole) > 1 and not whole.endswith(b"\r")
            if old_macintosh:
                whole = whole.replace(b"\r", b"\n")
            elif b"\r" in whole:
                if whole.endswith(b"\r"):
                    whole, pending = whole[:-1], b"\r"
                whole = whole.replace(b"\r\n", b"\n")
            yield whole
            self.line += whole.count(b"\n")
        if pending:
            yield b"\n"

    def _packed_chunks(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            while chunk := file.read(CHUNK):
                self.packed_read += len(chunk)
                yield chunk

    def _bytes(self) -> Iterator[bytes]:
        chunks = self._packed_chunks()
        first = next(chunks, b"")
        if first[:2] != b"\x1f\x8b":
            for chunk in chain([first], chunks):
                self._count(len(chunk), packed=False)
                yield chunk
            return
        yield from self._gunzipped(first, chunks)

    def _gunzipped(self, first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
        """Unfold a gzip file of one or more members, never more than a chunk at a time."""
        unpacker = zlib.decompressobj(wbits=31)
        in_member = False
        waiting = first
        while waiting or (waiting := next(rest, b"")):
            if not in_member and not waiting.strip(b"\0"):
                waiting = b""
                continue
            in_member = True
            try:
                chunk = unpacker.decompress(waiting, CHUNK)
            except zlib.error as error:
                raise FileRefused("damaged", how=str(error)) from error
            self._count(len(chunk), packed=True)
            yield chunk
            waiting = unpacker.unconsumed_tail
            if unpacker.eof:
                waiting = unpacker.unused_data
                unpacker = zlib.decompressobj(wbits=31)
                in_member = False
        if in_member:
            raise FileRefused("truncated")

    def _count(self, size: int, packed: bool) -> None:
        self.unpacked += size
        if self.unpacked > self.limits.unpacked:
            raise FileRefused("too_big", size=self.limits.unpacked)
        if packed and self.unpacked > self.limits.ratio_from:
            ratio = self.unpacked / max(self.packed_read, 1)
            if ratio > self.limits.ratio:
                raise FileRefused("bomb", place="", ratio=self.limits.ratio)

    def _decoded(self) -> Iterator[bytes]:
        decoder: codecs.IncrementalDecoder | None = None
        first = True
        for chunk in self._bytes():
            piece = chunk
            if first:
                first = False
                for mark, encoding in _BYTE_ORDER_MARKS:
                    if piece.startswith(mark):
                        piece = piece[len(mark) :]
                        self.encoding = encoding
                        decoder = codecs.getincrementaldecoder(encoding)()
                        break
                else:
                    if (unmarked := _unmarked_utf_16(piece)) is not None:
                        self.encoding = unmarked
                        decoder = codecs.getincrementaldecoder(unmarked)()
            if decoder is None:
                if piece.isascii():
                    yield piece
                    continue
                self.encoding = self.stated_encoding or self._encoding_of(piece)
                decoder = codecs.getincrementaldecoder(self.encoding)()
            yield self._decode(decoder, piece, final=False)
        if decoder is not None:
            yield self._decode(decoder, b"", final=True)

    def _decode(self, decoder: codecs.IncrementalDecoder, piece: bytes, *, final: bool) -> bytes:
        try:
            text = decoder.decode(piece, final)
        except UnicodeDecodeError as error:
            if final:
                raise FileRefused("truncated") from error
            line = self.line + piece[: max(error.start - 4, 0)].count(b"\n")
            raise FileRefused("mixed_encodings", encoding=self.encoding, line=line) from error
        if self.encoding == "cp1252" and (pair := _UTF8_WESTERN_PAIR.search(piece)):
            line = self.line + piece[: pair.start()].count(b"\n")
            raise FileRefused("mixed_encodings", encoding=self.encoding, line=line)
        return text.encode()

    def _encoding_of(self, piece: bytes) -> str:
        """Tell the encoding of a piece that holds bytes outside ASCII."""
        start = next(
            place for place in range(0, len(piece), 4096) if not piece[place : place + 4096].isascii()
        )
        sample = piece[start : start + ENCODING_SAMPLE]
        if len(piece) > start + ENCODING_SAMPLE:
            sample = sample[: sample.rfind(b"\n") + 1] or sample
        try:
            codecs.getincrementaldecoder("utf-8")().decode(sample)
        except UnicodeDecodeError as error:
            read_as_utf8 = sample.decode("utf-8", "surrogateescape")
            strange = sum("\udc80" <= sign <= "\udcff" for sign in read_as_utf8)
            fitting = sum(sign > "\x7f" for sign in read_as_utf8) - strange
            if fitting >= 2 and fitting >= strange:
                line = self.line + piece[: start + error.start].count(b"\n")
                raise FileRefused("mixed_encodings", encoding="utf-8", line=line) from error
        else:
            return "utf-8"
        return old_encoding(b"\n".join(line for line in sample.split(b"\n") if not line.isascii()))


def _unmarked_utf_16(piece: bytes) -> str | None:
    """Tell UTF-16 without a byte order mark: every other byte of its header row is NUL, the others never."""
    start = piece[:200]
    even, odd = start[::2], start[1::2]
    if not even.count(0) and odd.count(0) * 2 > len(odd):
        return "utf-16-le"
    if not odd.count(0) and even.count(0) * 2 > len(even):
        return "utf-16-be"
    return None


def old_encoding(sample: bytes) -> str:
    """Tell the single-byte encoding of a sample.

    Where the detector sees several that fit alike, as with a few names, the one wins under which fewer signs
    stand inside words, then the more usual one. Short of that a mapping says its encoding.
    """
    from charset_normalizer import from_bytes

    matches = list(from_bytes(sample[: 16 * 1024], cp_isolation=_OLD_ENCODINGS, enable_fallback=False))
    if not matches:
        return _OLD_ENCODINGS[0]
    best = matches[0]
    alike = {
        encoding
        for match in matches
        if (match.chaos, match.coherence) == (best.chaos, best.coherence)
        for encoding in match.could_be_from_charset
    }

    def signs_in_words(encoding: str) -> int:
        text = sample.decode(encoding, "replace")
        return sum(
            sign > "\x7f" and not sign.isalpha() and (before.isalpha() or after.isalpha())
            for before, sign, after in zip(" " + text, text, text[1:] + " ", strict=False)
        )

    return min(
        (encoding for encoding in _OLD_ENCODINGS if encoding in alike),
        key=signs_in_words,
        default=best.encoding,
    )
