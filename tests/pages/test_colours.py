"""Colours that stand in one chart are told apart by everybody, on paper and in the dark."""

import itertools
import math
import tomllib

import pytest

from loyalty_core.kernel import PROJECT_FOLDER
from ui.charts import PAGE_COLOURS, PALETTES, Mode, bars, held_against

LEAST_DISTANCE = 20.0
LEAST_CONTRAST = 3.0

# Machado, Oliveira and Fernandes (2009), table 1, severity 1.0; to be applied to linear RGB.
SIGHT = {
    "normal sight": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
Colour = tuple[float, float, float]


def linear(hexadecimal: str) -> Colour:
    values = [int(hexadecimal[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return red, green, blue


def luminance(hexadecimal: str) -> float:
    red, green, blue = linear(hexadecimal)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def lab_as_seen(hexadecimal: str, sight: str) -> Colour:
    source = linear(hexadecimal)
    red, green, blue = (
        min(1.0, max(0.0, sum(m * c for m, c in zip(row, source, strict=True)))) for row in SIGHT[sight]
    )
    x = (0.4124564 * red + 0.3575761 * green + 0.1804375 * blue) / 0.95047
    y = 0.2126729 * red + 0.7151522 * green + 0.0721750 * blue
    z = (0.0193339 * red + 0.1191920 * green + 0.9503041 * blue) / 1.08883
    fx, fy, fz = (t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def least_distance(palette: tuple[str, ...], sight: str) -> float:
    return min(
        math.dist(lab_as_seen(one, sight), lab_as_seen(other, sight))
        for one, other in itertools.combinations(palette, 2)
    )


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("sight", SIGHT)
def test_no_two_colours_of_a_palette_look_alike(mode: Mode, sight: str) -> None:
    assert least_distance(PALETTES[mode], sight) >= LEAST_DISTANCE


def test_the_measure_finds_a_pair_that_the_colour_blind_confuse() -> None:
    """The first sketch's rose and green: far apart for most, near for deuteranopes."""
    sketch = ("#14795C", "#C2577F")
    assert least_distance(sketch, "normal sight") > 60
    assert least_distance(sketch, "deuteranopia") < LEAST_DISTANCE


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_every_chart_colour_stands_out_from_the_page(mode: Mode) -> None:
    assert all(contrast(colour, PAGE_COLOURS[mode]) >= LEAST_CONTRAST for colour in PALETTES[mode])


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_theme_and_the_charts_name_the_same_colours(mode: Mode) -> None:
    theme = tomllib.loads((PROJECT_FOLDER / ".streamlit" / "config.toml").read_text())["theme"][mode]
    assert tuple(theme["chartCategoricalColors"]) == PALETTES[mode]
    assert theme["backgroundColor"] == PAGE_COLOURS[mode]
    assert contrast(theme["textColor"], theme["backgroundColor"]) >= 7
    assert contrast("#FFFFFF", theme["primaryColor"]) >= 4.5, "buttons carry white"
    assert contrast(theme["primaryColor"], theme["backgroundColor"]) >= 3
    assert contrast(theme["linkColor"], theme["backgroundColor"]) >= 4.5
    assert contrast(theme["sidebar"]["textColor"], theme["sidebar"]["backgroundColor"]) >= 7


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_marks_of_every_charts_axes_can_be_read(mode: Mode) -> None:
    theme = tomllib.loads((PROJECT_FOLDER / ".streamlit" / "config.toml").read_text())["theme"][mode]
    for figure in (
        bars(["a"], [1.0], name="a", mode=mode),
        held_against(["a"], [1.0], texts=["a"], ids=["a"], stands_out=[False], levels=[], mode=mode),
    ):
        for axis in (figure.layout.xaxis, figure.layout.yaxis):
            for behind in (PAGE_COLOURS[mode], theme["secondaryBackgroundColor"]):
                assert contrast(axis.tickfont.color, behind) >= 4.5
