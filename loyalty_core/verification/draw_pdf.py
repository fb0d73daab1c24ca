"""Draws the first pages of a PDF below each other: a program of its own, since what it reads may be hostile.

Reads the PDF from stdin and writes one JPEG to stdout, both files. Imports nothing of Laurel. Exit status 0: drawn;
3: it can't be read, needs a password or has no pages; anything else: killed by its limits, or by what it read.
"""

import ctypes
import os
import resource
import signal
import sys

# pdfium needs some 60 MB of address space, the interpreter as much; a page's bitmap at most 9 MB.
MOST_MEMORY = 768 * 1024**2
MOST_SECONDS = 8
MOST_WRITTEN = 8 * 1024**2
MOST_PAGES = 3
WIDTH, HIGHEST = 1000, 2200
UNREADABLE = 3
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG, linux/prctl.h


def _bound(parent: int) -> None:
    os.nice(5)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_WRITTEN, MOST_WRITTEN))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        # The parent died before it could take the child along.
        sys.exit(1)


def main() -> None:
    """Take the limits on before anything is read, then draw."""
    _bound(int(sys.argv[1]))
    import pypdfium2
    from PIL import Image

    try:
        document = pypdfium2.PdfDocument(sys.stdin.buffer.read())
        pages = []
        for place in range(min(len(document), MOST_PAGES)):
            page = document[place]
            width, height = page.get_size()
            scale = min(WIDTH / max(width, 1), HIGHEST / max(height, 1))
            pages.append(page.render(scale=scale).to_pil().convert("RGB"))
    except pypdfium2.PdfiumError:
        sys.exit(UNREADABLE)
    if not pages:
        sys.exit(UNREADABLE)
    between = 12
    whole = Image.new(
        "RGB",
        (max(one.width for one in pages), sum(one.height for one in pages) + between * (len(pages) - 1)),
        (222, 218, 208),
    )
    top = 0
    for one in pages:
        whole.paste(one, ((whole.width - one.width) // 2, top))
        top += one.height + between
    whole.save(sys.stdout.buffer, "JPEG", quality=82)


if __name__ == "__main__":
    main()
