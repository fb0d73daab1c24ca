"""Pictures from people: read as pictures, turned upright, and written anew without what a camera put beside them."""

import io
import struct
import threading
import zlib

from loyalty_core.kernel.errors import Refusal
from loyalty_core.kernel.text import _

MOST_PIXELS = 40_000_000
_MEDIA_TYPES = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
_SAVED_AS = {
    "image/jpeg": ("JPEG", {"quality": 88}),
    "image/png": ("PNG", {}),
    "image/webp": ("WEBP", {"quality": 88}),
}
# What Pillow's readers raise on broken data.
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, OverflowError, struct.error, zlib.error)
# A picture of 40 megapixels takes 160 MB while it is read and as much while it is turned.
_ONE_AT_A_TIME = threading.Lock()


class NoPictureError(Refusal):
    """The data is no whole JPEG, PNG or WebP picture."""

    def __init__(self) -> None:
        super().__init__(_("This is no whole JPEG, PNG or WebP picture, whatever its name says."))


class TooManyPixelsError(Refusal):
    """The picture has more pixels than anybody needs to see."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__(
            _(
                "This picture has {pixels} megapixels ({width} × {height}); at most {most} are taken. Save it smaller."
            ).format(
                pixels=-(-width * height // 10**6), width=width, height=height, most=MOST_PIXELS // 10**6
            )
        )


def clean_picture(data: bytes) -> tuple[str, bytes]:
    """Return the media type and the contents of a JPEG, PNG or WebP picture, written anew.

    Upright as its EXIF says, without EXIF, place, comments, profiles and whatever else the file carried; of an
    animation the first frame. The same data give the same contents. Raises NoPictureError, TooManyPixelsError (from
    40 megapixels).
    """
    from PIL import Image, ImageOps

    with _ONE_AT_A_TIME:
        try:
            with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as picture:
                width, height = picture.size
                if width * height > MOST_PIXELS:
                    raise TooManyPixelsError(width, height)
                media_type = _MEDIA_TYPES[picture.format or ""]
                upright = ImageOps.exif_transpose(picture)
                kind, options = _SAVED_AS[media_type]
                has_alpha = kind != "JPEG" and upright.has_transparency_data
                if upright.mode != "L":
                    upright = upright.convert("RGBA" if has_alpha else "RGB")
                # What stays here is written by the savers without being asked: comments, XMP, profiles.
                upright.info = {}
                written = io.BytesIO()
                upright.save(written, kind, **options)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise NoPictureError from error
        except _BROKEN as error:
            raise NoPictureError from error
    return media_type, written.getvalue()
