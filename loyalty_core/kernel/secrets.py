"""Keys: made at first start, mode 0600, or given by the environment. None has a default.

A key named `app_password` is read from LAUREL_APP_PASSWORD, else from the file of that name in the secrets
folder, which is made where it is missing.
"""

import os
import secrets
import stat
from itertools import pairwise
from pathlib import Path

from loyalty_core.kernel.errors import Refusal
from loyalty_core.kernel.settings import Settings
from loyalty_core.kernel.text import _

SHORTEST_KEY_BYTES = 32
_FEWEST_DIFFERENT_BYTES = 8
_PLACEHOLDERS = (
    "changeme",
    "change-me",
    "change_me",
    "password",
    "example",
    "default",
    "replace",
    "insecure",
)


class WeakKeyError(Refusal):
    """A key can be guessed. It carries where the key came from and why it is weak, never the key."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(
            _(
                "The key in {source} is too weak: {reason} Put 32 random bytes there, for example what "
                "`openssl rand -hex 32` prints, or take it away and Laurel makes one."
            ).format(source=source, reason=reason)
        )
        self.source = source
        self.reason = reason


class ExposedKeyError(Refusal):
    """Other users of the machine can read a key's file."""

    def __init__(self, file: Path, mode: int) -> None:
        super().__init__(
            _(
                "The key in {file} can be read by other users of this machine (mode {mode}). Delete the file "
                "to have a new key made, or, if nobody has seen it, run `chmod 600 {file}`."
            ).format(file=file, mode=f"{mode:04o}")
        )
        self.file = file
        self.mode = mode


def secret(settings: Settings, name: str) -> str:
    """Return the named key from LAUREL_<NAME>, else from its file, made now where it is missing.

    All processes of a home get the same one, whoever asks first. Raises WeakKeyError for one that is shorter
    than 32 bytes or repeats itself, ExposedKeyError for a file that others can read.
    """
    variable = f"LAUREL_{name.upper()}"
    given = os.environ.get(variable)
    if given is not None:
        return _strong(given, variable)
    file = settings.secrets_folder / name
    if not file.exists():
        _make(file)
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        raise ExposedKeyError(file, mode)
    return _strong(file.read_text().strip(), str(file))


def _make(file: Path) -> None:
    """Write a new key under its name, whole or not at all; where another process was first, its key stays."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(secrets.token_hex(32))
        out.flush()
        os.fsync(descriptor)
    try:
        os.link(draft, file)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def _strong(key: str, source: str) -> str:
    raw = key.encode()
    if len(raw) < SHORTEST_KEY_BYTES:
        raise WeakKeyError(
            source,
            _("it has {length} bytes, and needs at least {least}.").format(
                length=len(raw), least=SHORTEST_KEY_BYTES
            ),
        )
    if _repeats(raw):
        raise WeakKeyError(source, _("it repeats itself."))
    if any(word in key.lower() for word in _PLACEHOLDERS):
        raise WeakKeyError(source, _("it looks like a placeholder."))
    return key


def _repeats(raw: bytes) -> bool:
    """Whether few different bytes, one short block over and over, or a plain run (abc…, 012…) make it up."""
    steps = {(after - before) % 256 for before, after in pairwise(raw)}
    over_and_over = any(raw == (raw[:size] * len(raw))[: len(raw)] for size in range(1, len(raw) // 2 + 1))
    return len(set(raw)) < _FEWEST_DIFFERENT_BYTES or len(steps) <= 2 or over_and_over
