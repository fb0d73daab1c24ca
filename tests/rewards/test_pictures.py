"""The catalogue's pictures: what is taken, and who is shown them."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api import create_api
from loyalty_core import rewards
from loyalty_core.access import Role
from loyalty_core.kernel import (
    Database,
    NoPictureError,
    NotAllowedError,
    Runtime,
    Settings,
    clean_picture,
    new_id,
    use_runtime,
)
from loyalty_core.rewards import MOST_PICTURE_BYTES, PictureRefused
from tests.access.people import sign_in, somebody
from tests.in_process import answered
from tests.photos import photo


def png(shade: int = 0) -> bytes:
    """Return a picture of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixel = zlib.compress(bytes([0, shade]))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


@pytest.fixture
def running(database: Database, tmp_path: Path) -> Iterator[Database]:
    """The routes in this process."""
    use_runtime(Runtime(database, Settings(home=tmp_path, database_url=None)))
    yield database
    use_runtime(None)


def ask(path: str, token: str | None) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=create_api(lambda: None))
        headers = {"cookie": f"laurel_session={token}"} if token else {}
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.get(path, headers=headers)

    return answered(send)


@pytest.mark.parametrize("role", list(Role))
def test_everybody_who_is_signed_in_sees_a_picture_and_nobody_else(running: Database, role: Role) -> None:
    marketing = somebody(running, Role.ADMIN_MARKETING, name="mark")
    picture = rewards.add_picture(running, marketing.scope, png())
    somebody(running, role)
    answer = ask(f"/pictures/{picture}", sign_in(running))
    assert (answer.status_code, answer.content) == (200, clean_picture(png())[1])
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert ask(f"/pictures/{picture}", None).status_code == 401
    assert ask(f"/pictures/{picture}", "wrong").status_code == 401
    assert ask(f"/pictures/{new_id()}", sign_in(running)).status_code == 404
    assert ask("/pictures/1", sign_in(running)).status_code == 422


@pytest.mark.parametrize(
    ("start", "media_type"),
    [
        (photo(), "image/jpeg"),
        (png(), "image/png"),
        (photo(kind="WEBP"), "image/webp"),
    ],
)
def test_a_picture_is_told_by_its_contents_and_kept_once(
    running: Database, start: bytes, media_type: str
) -> None:
    marketing = somebody(running, Role.ADMIN_MARKETING)
    first, second = (rewards.add_picture(running, marketing.scope, start) for _time in range(2))
    assert first == second
    assert rewards.add_picture(running, marketing.scope, start + b"what is hidden behind it") == first
    with running.snapshot(marketing.scope) as connection:
        assert rewards.picture_of(connection, first) == (media_type, clean_picture(start)[1])


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "no JPEG, PNG or WebP"),
        (b"GIF89a", "no JPEG, PNG or WebP"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "no JPEG, PNG or WebP"),
        (b"RIFF\x10\x00\x00\x00WAVE", "no JPEG, PNG or WebP"),
        (b"\xff\xd8\xff" + b"x" * MOST_PICTURE_BYTES, "larger than 2 MB"),
    ],
)
def test_what_is_no_small_picture_is_refused(running: Database, data: bytes, sentence: str) -> None:
    marketing = somebody(running, Role.ADMIN_MARKETING)
    with pytest.raises(PictureRefused, match=sentence):
        rewards.add_picture(running, marketing.scope, data)


@pytest.mark.parametrize("data", [b"\xff\xd8\xff\xe0", png()[:40], photo(kind="WEBP")[:30]])
def test_what_only_begins_like_a_picture_is_refused(running: Database, data: bytes) -> None:
    marketing = somebody(running, Role.ADMIN_MARKETING)
    with pytest.raises((PictureRefused, NoPictureError)):
        rewards.add_picture(running, marketing.scope, data)


def test_only_who_manages_rewards_adds_pictures(running: Database) -> None:
    finance = somebody(running, Role.ADMIN_FINANCE)
    with pytest.raises(NotAllowedError):
        rewards.add_picture(running, finance.scope, png())
