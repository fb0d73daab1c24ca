"""Files that lie under the hash of what they hold."""

import hashlib
from pathlib import Path


def is_file_of(path: Path, sha256: str) -> bool:
    """Whether a file is there and its bytes have that SHA-256, in hex."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except FileNotFoundError:
        return False
