"""Telling a full disk from other errors, wherever it shows: in a file, in the reader, in the database."""

import errno

import psycopg
from sqlalchemy.exc import DBAPIError

from loyalty_core.kernel import Refusal, _

_OUT_OF_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class NoSpaceLeftError(Refusal):
    """The disk is full; nothing of what was asked was kept."""

    def __init__(self, file_name: str) -> None:
        super().__init__(
            _(
                "There is no room left on the server for “{name}”, so nothing of it was taken. Tell an administrator, "
                "and start again when there is room."
            ).format(name=file_name)
        )
        self.file_name = file_name


def is_out_of_space(error: BaseException) -> bool:
    """Whether the error, or one that it was raised from, says that a disk or a quota is full."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, DBAPIError) and isinstance(seen.orig, psycopg.errors.DiskFull):
            return True
        if isinstance(seen, psycopg.errors.DiskFull):
            return True
        if isinstance(seen, OSError) and seen.errno in _OUT_OF_SPACE:
            return True
        seen = seen.__cause__
    return False
