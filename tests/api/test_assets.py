"""What a browser loads: compressed, kept, and as Streamlit has it."""

from pathlib import Path

import httpx
import pytest
import streamlit

from tests.running_web import RunningWeb

STATIC = Path(streamlit.__file__).parent / "static" / "static"
SCRIPTS = sorted(STATIC.rglob("*.js"), key=lambda one: one.stat().st_size)


@pytest.mark.parametrize("script", [SCRIPTS[-1], SCRIPTS[-5]], ids=["largest", "large"])
def test_a_script_comes_compressed_and_is_kept_for_a_year(web: RunningWeb, script: Path) -> None:
    address = f"{web.address}/static/{script.relative_to(STATIC).as_posix()}"
    with httpx.stream("GET", address, headers={"accept-encoding": "gzip"}) as answer:
        sent = b"".join(answer.iter_raw())
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["vary"] == "accept-encoding"
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert len(sent) < script.stat().st_size / 2
    assert httpx.get(address, headers={"accept-encoding": "gzip"}).content == script.read_bytes()
    plain = httpx.get(address, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == script.read_bytes()


def test_nothing_beside_the_assets_is_answered(web: RunningWeb) -> None:
    for path in ("/static/../index.html", "/static/js/%2e%2e/%2e%2e/index.html", "/static/none.js"):
        answer = httpx.get(f"{web.address}{path}", headers={"accept-encoding": "gzip"})
        # Streamlit's own answer: the page itself, or that there is nothing.
        assert "immutable" not in answer.headers.get("cache-control", "")
