"""Pages of a scan as a picture: drawn by a child with limits, kept beside the scan."""

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from loyalty_core.kernel import Refusal, _
from loyalty_core.verification import draw_pdf

_LONGEST_WAIT = 20.0
# A child takes a core for up to some seconds: however many scans come at once, the pages keep the other.
_ONE_AT_A_TIME = threading.Lock()


class ScanUnreadableError(Refusal):
    """The PDF is broken, needs a password, has no pages, or takes too much to draw."""

    def __init__(self) -> None:
        super().__init__(
            _("This PDF can't be shown: it is broken, too complex or needs a password. Take a photo instead.")
        )


def draw_scan(pdf: Path) -> bytes:
    """Return the first pages of a PDF (at most three, below each other) as a JPEG of up to 1,000 by 6,600 pixels.

    What the PDF does, it does to a child of bounded memory, time and output. Raises ScanUnreadableError.
    """
    with _ONE_AT_A_TIME, pdf.open("rb") as scan, tempfile.TemporaryFile() as drawn:
        try:
            child = subprocess.run(  # noqa: S603 our own interpreter and our own program
                [sys.executable, "-I", draw_pdf.__file__, str(os.getpid())],
                stdin=scan,
                stdout=drawn,
                stderr=subprocess.DEVNULL,
                env={
                    "PATH": os.environ.get("PATH", os.defpath),
                    "LANG": "C.UTF-8",
                    # Each further arena of the C library takes 64 MB of the address space that is bounded.
                    "MALLOC_ARENA_MAX": "2",
                },
                timeout=_LONGEST_WAIT,
                check=False,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            raise ScanUnreadableError from None
        drawn.seek(0)
        picture = drawn.read(draw_pdf.MOST_WRITTEN)
    if child.returncode != 0 or not picture.startswith(b"\xff\xd8\xff"):
        raise ScanUnreadableError
    return picture
