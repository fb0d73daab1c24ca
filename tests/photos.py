"""Pictures as cameras make them, for tests."""

import io

from PIL import Image


def photo(shade: int = 0, *, size: tuple[int, int] = (8, 4), kind: str = "JPEG", exif: bytes = b"") -> bytes:
    """Return a picture whose right half is white and whose left half is dark red, of `shade` 0 to 25."""
    picture = Image.new("RGB", size, (255, 255, 255))
    picture.paste((shade * 10, 0, 0), (0, 0, size[0] // 2, size[1]))
    written = io.BytesIO()
    picture.save(written, kind, **({"exif": exif} if exif else {}))
    return written.getvalue()
