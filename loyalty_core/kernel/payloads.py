"""The hash of what a person was shown before deciding, and the refusal where it is no longer that."""

import hashlib
import json
from collections.abc import Mapping

from loyalty_core.kernel.errors import Refusal
from loyalty_core.kernel.text import _


class ChangedSinceShownError(Refusal):
    """What would be decided is not what the person was shown."""

    def __init__(self, name: str) -> None:
        super().__init__(
            _(
                "{name} has changed since you were shown it, and nothing was decided. Load the page again, look"
                " again, then decide."
            ).format(name=name)
        )
        self.name = name


def payload_hash(payload: Mapping[str, object]) -> str:
    """Return the SHA-256, in hex, of what a decision is about: what the checker sees is what is applied.

    Dates, decimals and ids count as their text; the order of keys doesn't matter.
    """
    canonical = json.dumps(payload, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()
