"""The README's pictures. LAUREL_WRITE_PICTURES=1 writes them to docs/pictures; else they are only taken."""

import io
import os

from PIL import Image

from loyalty_core.kernel import PROJECT_FOLDER
from tests.browser.visits import Visit

FOLDER = PROJECT_FOLDER / "docs" / "pictures"
WRITES_PICTURES = os.environ.get("LAUREL_WRITE_PICTURES") == "1"
MOST_BYTES = 200_000
FEWEST_COLOURS = 300


def take_picture(visit: Visit, name: str, *, most_high: int = 1400) -> None:
    """Take the page as it stands, as high as it is but at most so many pixels, and judge the picture."""
    visit.settled()
    size = visit.page.viewport_size
    assert size is not None
    width, height = size["width"], size["height"]
    visit.page.get_by_test_id("stMain").evaluate("one => one.scrollTo(0, 0)")
    # A table under the pointer shows its tools, over what stands above it.
    visit.page.mouse.move(width - 5, 5)
    visit.page.set_viewport_size({"width": width, "height": min(_bottom(visit), most_high)})
    # Charts are drawn anew in another window.
    visit.page.wait_for_timeout(1000)
    visit.page.get_by_test_id("stMain").evaluate("one => one.scrollTo(0, 0)")
    taken = visit.page.screenshot(animations="disabled", caret="hide")
    visit.page.set_viewport_size({"width": width, "height": height})
    small = io.BytesIO()
    with Image.open(io.BytesIO(taken)) as image:
        assert image.width == width
        whole = image.convert("RGB")
        # A page that did not come is one colour, or two and their blends.
        assert len(whole.getcolors(image.width * image.height) or []) > FEWEST_COLOURS
        # Photos aside, a page has few colours: a palette halves the file, and nobody sees a difference.
        whole.quantize(256, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    assert small.tell() < MOST_BYTES, f"{name} has {small.tell():,} bytes"
    if WRITES_PICTURES:
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / f"{name}.png").write_bytes(small.getvalue())


def _bottom(visit: Visit) -> int:
    """Return where the page's content ends, in pixels, with a little room below it."""
    bottom: float = visit.page.get_by_test_id("stMainBlockContainer").evaluate(
        "one => Math.max(...[...one.querySelectorAll('[data-testid=stElementContainer]')]"
        ".map(part => part.getBoundingClientRect().bottom))"
    )
    return int(bottom) + 32
