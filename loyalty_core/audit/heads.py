"""The heads of the chain that are kept outside the database, each sealed with a key that it does not hold."""

import fcntl
import hmac
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from loyalty_core.kernel import Refusal, Settings, _, secret

HEADS_FILE = "audit-heads.jsonl"
AUDIT_KEY = "audit_key"
_LOCK_FILE = "audit-heads.lock"


class HeadsNotReadableError(Refusal):
    """The file of heads does not hold what Laurel writes there."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            _(
                "The file of the audit's heads, {file}, can't be read. Put it back from a backup; until then "
                "nothing is chained."
            ).format(file=file)
        )
        self.file = file


class HeadNotOursError(Refusal):
    """A head was not sealed with the audit key of this home."""

    def __init__(self, day: str, file: Path) -> None:
        super().__init__(
            _(
                "The head of {day} in {file} was not sealed with this audit key: the file was changed, or the "
                "key is another. Put back both from a backup; until then nothing is chained."
            ).format(day=day, file=file)
        )
        self.file = file


@dataclass(frozen=True, slots=True)
class Head:
    """The chain's last link at some moment: its position, its hash in hex, and from where on links are keyed.

    `keyed_from` is None in a head from before links had a key; such a head bears no seal.
    """

    at: datetime
    position: int
    hash: str
    keyed_from: int | None

    @property
    def day(self) -> str:
        """The day on which it was kept, as in 2026-03-14."""
        return self.at.date().isoformat()


class Heads:
    """The file of heads of one home: the last head of each day, and the newest."""

    def __init__(self, settings: Settings) -> None:
        self._home = settings.home
        self.key = secret(settings, AUDIT_KEY).encode()

    @property
    def file(self) -> Path:
        """Where they lie, mode 0600."""
        return self._home / HEADS_FILE

    def read(self) -> list[Head]:
        """Return what was kept, oldest first; nothing where the file is missing.

        Raises HeadsNotReadableError, HeadNotOursError.
        """
        try:
            lines = self.file.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise HeadsNotReadableError(self.file) from error
        heads: list[Head] = []
        for line in lines:
            try:
                one = json.loads(line)
                head = Head(
                    datetime.fromisoformat(one["at"]), one["position"], one["hash"], one.get("keyed_from")
                )
                seal = str(one.get("seal", ""))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise HeadsNotReadableError(self.file) from error
            # Only heads from before there was a key bear no seal, and none of those follows one that does.
            is_old = head.keyed_from is None and not seal and all(one.keyed_from is None for one in heads)
            if not is_old and not hmac.compare_digest(seal, self._seal(head)):
                raise HeadNotOursError(head.day, self.file)
            heads.append(head)
        if not heads:
            raise HeadsNotReadableError(self.file)
        return heads

    def write(self, heads: list[Head]) -> None:
        """Put these in place of what is there, whole or not at all; the caller holds the lock."""
        draft = self._home / f".{HEADS_FILE}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(self._line(head) for head in heads)
            file.flush()
            os.fsync(descriptor)
        draft.replace(self.file)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one process at a time write."""
        descriptor = os.open(self._home / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _line(self, head: Head) -> str:
        body = _body(head)
        if head.keyed_from is not None:
            body |= {"seal": self._seal(head)}
        return json.dumps(body) + "\n"

    def _seal(self, head: Head) -> str:
        # Of another purpose than a link: no link can pass for a seal.
        return hmac.new(self.key, b"head:" + json.dumps(_body(head)).encode(), "sha256").hexdigest()


def _body(head: Head) -> dict[str, object]:
    body: dict[str, object] = {"at": head.at.isoformat(), "position": head.position, "hash": head.hash}
    return body if head.keyed_from is None else body | {"keyed_from": head.keyed_from}
