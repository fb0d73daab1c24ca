"""The README's pictures. LAUREL_WRITE_PICTURES=1 writes them to docs/pictures; else they are only taken."""

import io
import os
from dataclasses import dataclass

import pytest
from PIL import Image
from playwright.sync_api import Browser

from loyalty_core.access import Role
from loyalty_core.intake import ImportState
from loyalty_core.kernel import PROJECT_FOLDER
from tests.browser.running_laurel import RunningLaurel
from tests.browser.visits import visiting

pytestmark = pytest.mark.xdist_group("browser")

FOLDER = PROJECT_FOLDER / "docs" / "pictures"
MOST_BYTES = 200_000
FEWEST_COLOURS = 300


@dataclass(frozen=True)
class Picture:
    """What a picture shows; it is as high as the page, up to `most_high` pixels."""

    name: str
    role: Role
    path: str
    width: int = 1280
    dark: bool = False
    most_high: int = 1400


PICTURES = (
    *(
        Picture(f"{name}-{'dark' if dark else 'light'}", role, path, dark=dark)
        for name, role, path in (
            ("home", Role.ADMIN, "/"),
            ("import", Role.OPERATOR, "/uploads?import={accepted}"),
            ("standings", Role.ANALYST, "/standings?period=Aug+2026"),
            ("company", Role.HEAD_OF_SALES, "/company?company=K-204"),
        )
        for dark in (False, True)
    ),
    Picture("standings-phone", Role.HEAD_OF_SALES, "/standings?period=Aug+2026", width=390, most_high=1000),
)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_shows_its_page(browser: Browser, laurel: RunningLaurel, picture: Picture) -> None:
    with visiting(browser, laurel, picture.role, width=picture.width, dark=picture.dark) as visit:
        visit.open(picture.path.format(accepted=laurel.imports[ImportState.ACCEPTED]))
        content = visit.page.get_by_test_id("stMainBlockContainer")
        bottom = content.evaluate(
            "one => Math.max(...[...one.querySelectorAll('[data-testid=stElementContainer]')]"
            ".map(part => part.getBoundingClientRect().bottom))"
        )
        visit.page.set_viewport_size(
            {"width": picture.width, "height": min(int(bottom) + 32, picture.most_high)}
        )
        visit.page.wait_for_timeout(1000)
        taken = visit.page.screenshot(animations="disabled", caret="hide")
    with Image.open(io.BytesIO(taken)) as image:
        assert image.width == picture.width
        # A page that did not come is one colour, or two and their blends.
        assert len(image.convert("RGB").getcolors(image.width * image.height) or []) > FEWEST_COLOURS
    assert len(taken) < MOST_BYTES
    if os.environ.get("LAUREL_WRITE_PICTURES") == "1":
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / f"{picture.name}.png").write_bytes(taken)
