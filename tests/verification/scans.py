"""Scans to test with: PDFs whose pages are each of one colour."""

import io

from PIL import Image

COLOURS = ("#b3372f", "#14795c", "#2f6db5", "#c79a1b", "#7a5bb8")


def scan(pages: int = 1) -> bytes:
    """Return a PDF of A5 pages: red, green, blue, yellow, violet."""
    first, *others = (Image.new("RGB", (420, 595), colour) for colour in COLOURS[:pages])
    written = io.BytesIO()
    first.save(written, "PDF", save_all=True, append_images=others)
    return written.getvalue()
