"""Pictures of the demo's rewards, drawn here: flat shapes in Laurel's colours on a field with a quiet sun.

A drawing thinks in units of a picture that is 300 wide and 200 high.
"""

import io
from collections.abc import Callable, Sequence
from functools import cache

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 600, 400

_GREEN, _DEEP, _GOLD, _PAPER = "#14795C", "#10362B", "#E3B34C", "#FBFAF7"
_MINT, _SAND, _LEAF, _INK = "#CFE5DA", "#EFE6D2", "#3FA581", "#1D2A26"

_UNITS = (300, 200)
# Drawn larger and made smaller at the end: smooth edges.
_OVER = 2
_SCALE = WIDTH / _UNITS[0] * _OVER

_Point = tuple[float, float]


class _Sheet:
    """A picture to draw on, in units."""

    def __init__(self, field: str, sun: str) -> None:
        self.image = Image.new("RGB", (WIDTH * _OVER, HEIGHT * _OVER), field)
        self._draw = ImageDraw.Draw(self.image)
        self.disc(150, 102, 82, sun)

    def disc(self, x: float, y: float, radius: float, fill: str, *, height: float | None = None) -> None:
        down = height if height is not None else radius
        self._draw.ellipse(_scaled((x - radius, y - down), (x + radius, y + down)), fill=fill)

    def ring(self, x: float, y: float, radius: float, colour: str, width: float) -> None:
        corners = _scaled((x - radius, y - radius), (x + radius, y + radius))
        self._draw.ellipse(corners, outline=colour, width=round(width * _SCALE))

    def bow(self, x: float, y: float, radius: float, start: int, end: int, colour: str, width: float) -> None:
        corners = _scaled((x - radius, y - radius), (x + radius, y + radius))
        self._draw.arc(corners, start, end, fill=colour, width=round(width * _SCALE))

    def box(self, x: float, y: float, width: float, height: float, fill: str, *, round_by: float = 0) -> None:
        corners = _scaled((x, y), (x + width, y + height))
        self._draw.rounded_rectangle(corners, round_by * _SCALE, fill=fill)

    def shape(self, points: Sequence[_Point], fill: str) -> None:
        self._draw.polygon(_scaled(*points), fill=fill)

    def line(self, points: Sequence[_Point], colour: str, width: float) -> None:
        self._draw.line(_scaled(*points), fill=colour, width=round(width * _SCALE), joint="curve")
        for x, y in points:
            self.disc(x, y, width / 2, colour)

    def sprig(self, x: float, y: float, *, leaves: int = 4, lean: float = 1, colour: str = _LEAF) -> None:
        """A twig of laurel that grows upward from (x, y)."""
        for place in range(leaves):
            at_x, at_y = x + lean * place * 5, y - place * 13
            for side in (-1, 1):
                tip = (at_x + side * 12 + lean * 4, at_y - 12)
                self.shape(
                    [
                        (at_x, at_y),
                        (at_x + side * 10, at_y - 1),
                        tip,
                        (at_x + side * 2 + lean * 2, at_y - 9),
                    ],
                    colour,
                )
        self.line([(x, y + 6), (x + lean * (leaves - 1) * 5, y - (leaves - 1) * 13)], colour, 1.6)

    def png(self) -> bytes:
        small = self.image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
        data = io.BytesIO()
        # Few colours: a tenth of the bytes, and nothing to see of it.
        small.quantize(64).save(data, "PNG", optimize=True)
        return data.getvalue()


def _scaled(*points: _Point) -> list[_Point]:
    return [(x * _SCALE, y * _SCALE) for x, y in points]


def _steam(sheet: _Sheet, x: float, y: float, colour: str) -> None:
    for shift in (-12.0, 0.0, 12.0):
        sheet.bow(x + shift - 3, y, 5, 270, 90, colour, 2.2)
        sheet.bow(x + shift - 3, y - 9.5, 5, 90, 270, colour, 2.2)


def _coffee_machine(sheet: _Sheet) -> None:
    sheet.box(100, 42, 100, 124, _GREEN, round_by=9)
    sheet.box(100, 42, 100, 34, _DEEP, round_by=9)
    sheet.box(112, 84, 76, 62, _PAPER, round_by=5)
    sheet.box(136, 76, 28, 14, _DEEP, round_by=3)
    sheet.line([(144, 92), (144, 97)], _INK, 3)
    sheet.line([(156, 92), (156, 97)], _INK, 3)
    sheet.box(133, 110, 34, 26, _GOLD, round_by=6)
    sheet.ring(169, 121, 8, _GOLD, 4)
    sheet.box(108, 146, 84, 8, _DEEP, round_by=3)
    for x in (118.0, 132.0):
        sheet.disc(x, 59, 4.5, _GOLD)
    sheet.box(156, 54, 32, 10, _LEAF, round_by=4)


def _tablet(sheet: _Sheet) -> None:
    sheet.box(84, 44, 132, 104, _DEEP, round_by=10)
    sheet.box(91, 51, 118, 90, _PAPER, round_by=5)
    for place, high in enumerate((22.0, 36.0, 29.0, 50.0, 62.0)):
        sheet.box(104 + place * 19, 130 - high, 12, high, _GOLD if place == 4 else _GREEN, round_by=2)
    sheet.line([(104, 84), (124, 76), (146, 80), (166, 66)], _LEAF, 2.6)
    sheet.box(70, 152, 160, 7, _GREEN, round_by=3.5)


def _weekend(sheet: _Sheet) -> None:
    sheet.disc(196, 62, 17, _GOLD)
    sheet.shape([(52, 152), (112, 66), (172, 152)], _GREEN)
    sheet.shape([(112, 66), (97, 88), (107, 94), (114, 86), (122, 95), (128, 88)], _PAPER)
    sheet.shape([(116, 152), (176, 88), (240, 152)], _DEEP)
    sheet.shape([(176, 88), (164, 101), (174, 106), (181, 100), (188, 101)], _MINT)
    sheet.box(52, 150, 188, 9, _LEAF, round_by=4)
    sheet.shape([(126, 152), (146, 126), (166, 152)], _GOLD)
    sheet.shape([(140, 152), (146, 138), (152, 152)], _DEEP)


def _trolley(sheet: _Sheet) -> None:
    sheet.line([(84, 46), (100, 46), (118, 140), (206, 140)], _DEEP, 6)
    sheet.box(122, 92, 40, 40, _GOLD, round_by=3)
    sheet.box(138, 92, 8, 14, _PAPER)
    sheet.box(166, 100, 34, 32, _GREEN, round_by=3)
    sheet.box(179, 100, 8, 11, _MINT)
    sheet.box(136, 58, 46, 32, _LEAF, round_by=3)
    sheet.box(155, 58, 8, 11, _PAPER)
    for x in (126.0, 196.0):
        sheet.disc(x, 154, 11, _INK)
        sheet.disc(x, 154, 4.5, _PAPER)


def _fuel(sheet: _Sheet) -> None:
    sheet.box(100, 46, 68, 112, _GREEN, round_by=8)
    sheet.box(110, 57, 48, 34, _PAPER, round_by=4)
    sheet.box(92, 152, 84, 9, _DEEP, round_by=4)
    sheet.line([(168, 98), (184, 98), (184, 136), (196, 136), (196, 78), (184, 62)], _DEEP, 5)
    sheet.shape([(134, 102), (148, 124), (142, 139), (126, 139), (120, 124)], _GOLD)
    sheet.disc(134, 128, 13.6, _GOLD)
    sheet.box(117, 69, 34, 10, _LEAF, round_by=3)


def _gift_card(sheet: _Sheet) -> None:
    sheet.box(70, 58, 160, 98, _DEEP, round_by=11)
    sheet.box(70, 58, 160, 98, _GREEN, round_by=11)
    sheet.box(108, 58, 14, 98, _GOLD)
    sheet.box(70, 98, 160, 12, _GOLD)
    for side in (-1, 1):
        sheet.shape([(115, 104), (115 + side * 30, 82), (115 + side * 33, 104)], _GOLD)
        sheet.shape([(115, 104), (115 + side * 23, 89), (115 + side * 25, 101)], "#C9962F")
    sheet.disc(115, 104, 7, "#C9962F")
    sheet.sprig(196, 144, leaves=3, lean=0.6, colour=_MINT)


def _cup(sheet: _Sheet) -> None:
    _steam(sheet, 150, 66, _GREEN)
    sheet.ring(196, 108, 17, _DEEP, 7)
    sheet.box(104, 84, 88, 40, _DEEP, round_by=6)
    sheet.disc(148, 120, 44, _DEEP, height=30)
    sheet.disc(148, 86, 44, "#8C5A2B", height=9)
    sheet.disc(148, 88, 26, _SAND, height=4.6)
    sheet.disc(148, 154, 66, _GOLD, height=8)
    sheet.disc(148, 152, 50, "#C9962F", height=5)


def _phone(sheet: _Sheet) -> None:
    sheet.box(114, 32, 72, 136, _DEEP, round_by=12)
    sheet.box(120, 44, 60, 108, _PAPER, round_by=5)
    sheet.disc(150, 160, 4, _LEAF)
    sheet.disc(150, 86, 24, _GOLD)
    sheet.ring(150, 86, 18, "#C9962F", 2.4)
    sheet.line([(150, 76), (150, 96)], _PAPER, 4)
    sheet.line([(140, 86), (160, 86)], _PAPER, 4)
    sheet.box(128, 120, 44, 8, _GREEN, round_by=4)
    sheet.box(134, 134, 32, 7, _MINT, round_by=3.5)
    for radius in (22.0, 32.0):
        sheet.bow(190, 60, radius, 300, 60, _GREEN, 4)


def _cinema(sheet: _Sheet) -> None:
    for x, y, fill in ((94.0, 52.0, _DEEP), (108.0, 76.0, _GREEN)):
        sheet.box(x, y, 112, 62, fill, round_by=6)
        for side in (x, x + 112):
            sheet.disc(side, y + 31, 9, _SAND)
        sheet.line([(x + 82, y + 10), (x + 82, y + 52)], _MINT, 1.6)
    points: list[_Point] = []
    for turn in range(10):
        reach = 19 if turn % 2 == 0 else 8.5
        across, up = _STAR[turn]
        points.append((148 + reach * across, 107 + reach * up))
    sheet.shape(points, _GOLD)


_STAR: tuple[_Point, ...] = (
    (0.0, -1.0),
    (0.588, -0.809),
    (0.951, -0.309),
    (0.951, 0.309),
    (0.588, 0.809),
    (0.0, 1.0),
    (-0.588, 0.809),
    (-0.951, 0.309),
    (-0.951, -0.309),
    (-0.588, -0.809),
)


def _flask(sheet: _Sheet) -> None:
    sheet.box(128, 30, 44, 26, _DEEP, round_by=5)
    sheet.box(120, 54, 60, 112, _GREEN, round_by=13)
    sheet.box(120, 88, 60, 40, _GOLD)
    sheet.box(128, 62, 7, 20, _LEAF, round_by=3)
    sheet.sprig(147, 121, leaves=2, lean=0.9, colour=_DEEP)
    _steam(sheet, 216, 92, _LEAF)
    sheet.box(196, 106, 40, 34, _DEEP, round_by=7)
    sheet.ring(239, 121, 9, _DEEP, 4)


def _rucksack(sheet: _Sheet) -> None:
    sheet.bow(150, 48, 19, 180, 0, _DEEP, 6)
    sheet.box(102, 46, 96, 118, _GREEN, round_by=26)
    sheet.box(92, 98, 16, 56, _DEEP, round_by=7)
    sheet.box(192, 98, 16, 56, _DEEP, round_by=7)
    sheet.box(114, 104, 72, 50, _DEEP, round_by=9)
    sheet.box(122, 70, 56, 12, _LEAF, round_by=5)
    sheet.line([(124, 117), (176, 117)], _GOLD, 3.4)
    sheet.box(146, 114, 8, 16, _GOLD, round_by=3)


def _headphones(sheet: _Sheet) -> None:
    sheet.bow(150, 104, 58, 180, 0, _DEEP, 10)
    for side in (-1, 1):
        x = 150 + side * 52
        sheet.box(x - 15, 98, 30, 56, _GREEN, round_by=13)
        sheet.box(x - 15 + (16 if side < 0 else 0), 102, 14, 48, _GOLD, round_by=7)
    for place, high in enumerate((12.0, 26.0, 38.0, 22.0, 12.0)):
        sheet.box(128 + place * 10, 128 - high / 2, 5, high, _LEAF, round_by=2.5)


def _apron(sheet: _Sheet) -> None:
    sheet.bow(150, 48, 20, 160, 20, _DEEP, 4.5)
    sheet.shape(
        [(128, 50), (172, 50), (178, 88), (202, 104), (196, 166), (104, 166), (98, 104), (122, 88)], _GREEN
    )
    sheet.line([(99, 106), (78, 116)], _DEEP, 4.5)
    sheet.line([(201, 106), (222, 116)], _DEEP, 4.5)
    sheet.box(122, 118, 56, 30, _DEEP, round_by=5)
    sheet.line([(122, 120), (178, 120)], _GOLD, 3)
    sheet.sprig(148, 88, leaves=2, lean=0.5, colour=_GOLD)


def _bicycle(sheet: _Sheet) -> None:
    for x in (102.0, 198.0):
        sheet.ring(x, 128, 34, _DEEP, 6)
        sheet.disc(x, 128, 5, _DEEP)
    sheet.line([(102, 128), (134, 82), (184, 82), (150, 128), (102, 128)], _GREEN, 6)
    sheet.line([(150, 128), (130, 70)], _GREEN, 6)
    sheet.line([(198, 128), (180, 62), (196, 56)], _GREEN, 6)
    sheet.line([(118, 68), (142, 68)], _INK, 7)
    sheet.disc(150, 128, 9, _GOLD)
    sheet.box(184, 68, 32, 22, _GOLD, round_by=4)


# What is drawn, on which field and sun.
_DRAWINGS: dict[str, tuple[Callable[[_Sheet], None], str, str]] = {
    "coffee-machine": (_coffee_machine, _SAND, "#F8F1E1"),
    "tablet": (_tablet, _MINT, "#E6F2EC"),
    "weekend": (_weekend, "#DCEBF0", "#EEF6F8"),
    "trolley": (_trolley, _SAND, "#F8F1E1"),
    "fuel": (_fuel, _MINT, "#E6F2EC"),
    "gift-card": (_gift_card, "#F3E4BE", "#FAF3DF"),
    "barista": (_cup, _MINT, "#E6F2EC"),
    "phone-credit": (_phone, "#F3E4BE", "#FAF3DF"),
    "cinema": (_cinema, _SAND, "#F8F1E1"),
    "flask": (_flask, "#DCEBF0", "#EEF6F8"),
    "rucksack": (_rucksack, "#F3E4BE", "#FAF3DF"),
    "headphones": (_headphones, _MINT, "#E6F2EC"),
    "apron": (_apron, _SAND, "#F8F1E1"),
    "bicycle": (_bicycle, "#DCEBF0", "#EEF6F8"),
}

NAMES = tuple(_DRAWINGS)


@cache
def picture(name: str) -> bytes:
    """Return the picture as a PNG of 600 by 400. Raises KeyError for a name that is none of `NAMES`."""
    drawing, field, sun = _DRAWINGS[name]
    sheet = _Sheet(field, sun)
    drawing(sheet)
    return sheet.png()
