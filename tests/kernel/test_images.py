"""Pictures from people are read as such, and keep nothing but what is seen."""

import io

import pytest
from PIL import Image, PngImagePlugin

from loyalty_core.kernel import MOST_PIXELS, NoPictureError, TooManyPixelsError, clean_picture
from tests.photos import photo

SECRET = "52.2297 N 21.0122 E"


def tagged(kind: str) -> bytes:
    """A picture that lies on its side, with a place, a comment and a profile in it."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = SECRET
    picture = Image.open(io.BytesIO(photo(size=(80, 40))))
    written = io.BytesIO()
    more: dict[str, object] = {"icc_profile": SECRET.encode()}
    if kind == "PNG":
        words = PngImagePlugin.PngInfo()
        words.add_text("Comment", SECRET)
        more["pnginfo"] = words
    elif kind == "JPEG":
        more["comment"] = SECRET.encode()
    else:
        more["xmp"] = SECRET.encode()
    picture.save(written, kind, exif=exif.tobytes(), **more)
    return written.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_turned_upright_and_loses_all_that_is_not_seen(kind: str) -> None:
    data = tagged(kind) + SECRET.encode()
    assert SECRET.encode() in data
    media_type, kept = clean_picture(data)
    assert media_type == f"image/{kind.lower()}"
    assert SECRET.encode() not in kept
    picture = Image.open(io.BytesIO(kept))
    assert (picture.format, picture.size) == (kind, (40, 80))
    assert not picture.getexif()
    assert not set(picture.info) & {"exif", "icc_profile", "comment", "Comment", "xmp"}
    top, bottom = picture.convert("L").resize((1, 2)).tobytes()
    assert top < 40 < 215 < bottom


def test_what_can_be_seen_through_stays_so_and_grey_stays_grey() -> None:
    clear = io.BytesIO()
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(clear, "PNG")
    grey = io.BytesIO()
    Image.new("L", (4, 4), 7).save(grey, "JPEG")
    for data, mode in ((clear, "RGBA"), (grey, "L")):
        assert Image.open(io.BytesIO(clean_picture(data.getvalue())[1])).mode == mode


def test_the_same_data_give_the_same_contents() -> None:
    assert clean_picture(photo(3)) == clean_picture(photo(3))
    assert clean_picture(photo(3)) != clean_picture(photo(9))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8\xff\xe0" + b"photo" * 100,
        b"\x89PNG\r\n\x1a\n rest",
        photo(size=(400, 400))[:300],
        photo(kind="PNG", size=(400, 400))[:200],
        photo(kind="GIF"),
        photo(kind="BMP"),
        b"<svg onload=alert(1)>",
    ],
    ids=lambda data: str(data[:8]),
)
def test_what_is_no_whole_picture_is_refused(data: bytes) -> None:
    with pytest.raises(NoPictureError):
        clean_picture(data)


def test_more_pixels_than_anybody_sees_are_refused_before_they_are_read() -> None:
    with pytest.raises(TooManyPixelsError, match="41 megapixels"):
        clean_picture(photo(size=(8000, MOST_PIXELS // 8000 + 1), kind="PNG"))
    huge = bytearray(photo(kind="PNG"))
    huge[16:24] = (60_000).to_bytes(4, "big") * 2
    with pytest.raises((TooManyPixelsError, NoPictureError)):
        clean_picture(bytes(huge))
