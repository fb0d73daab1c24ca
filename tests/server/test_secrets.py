import secrets as random_source
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laurel.secrets import app_password
from loyalty_core.kernel import ExposedKeyError, Settings, WeakKeyError, secret


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv("LAUREL_APP_PASSWORD", raising=False)
    return Settings(home=tmp_path, database_url=None)


def test_a_key_is_made_at_first_start_closed_to_others_and_kept(settings: Settings) -> None:
    first = secret(settings, "app_password")
    file = settings.home / "secrets" / "app_password"
    assert len(first) >= 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert secret(settings, "app_password") == first
    assert [path.name for path in file.parent.iterdir()] == ["app_password"]


def test_two_homes_have_different_keys(settings: Settings, tmp_path: Path) -> None:
    assert secret(settings, "app_password") != secret(
        Settings(home=tmp_path / "other", database_url=None), "app_password"
    )


def test_processes_that_start_together_agree_on_the_key(settings: Settings) -> None:
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: secret(settings, "app_password"), range(64)))
    assert len(keys) == 1


def test_the_environment_gives_a_key_and_no_file_is_made(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_key = random_source.token_urlsafe(40)
    monkeypatch.setenv("LAUREL_APP_PASSWORD", given_key)
    assert secret(settings, "app_password") == given_key
    assert not (settings.home / "secrets").exists()


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "0 bytes"),
        ("q8Zt!pW3", "8 bytes"),
        ("short-but-31-bytes-long-a1b2c3d", "31 bytes"),
        ("a" * 64, "repeats"),
        ("abab" * 16, "repeats"),
        ("0123456789abcdef" * 4, "repeats"),
        ("correcthorsebatterystaple" * 2, "repeats"),
        ("abcdefghijklmnopqrstuvwxyz{|}~[]"[:26] + "abcdefghijklmn", "repeats"),
        ("changeme-Zk3vQ9x1Lw8Rt5Yp2Nc7Bd4", "placeholder"),
    ],
)
def test_a_weak_key_is_refused_without_being_shown(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, key: str, reason: str
) -> None:
    monkeypatch.setenv("LAUREL_APP_PASSWORD", key)
    with pytest.raises(WeakKeyError, match=reason) as refusal:
        secret(settings, "app_password")
    assert "LAUREL_APP_PASSWORD" in refusal.value.sentence
    assert not key or key not in refusal.value.sentence


@given(st.binary(min_size=32, max_size=32).filter(lambda raw: len(set(raw)) > 24))
def test_random_bytes_in_hex_are_strong_enough(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    settings = Settings(home=tmp_path_factory.mktemp("home"), database_url=None)
    file = settings.secrets_folder / "partner_key"
    file.touch(mode=0o600)
    file.write_text(raw.hex())
    assert secret(settings, "partner_key") == raw.hex()


def test_a_key_file_that_others_can_read_is_refused(settings: Settings) -> None:
    secret(settings, "app_password")
    file = settings.home / "secrets" / "app_password"
    file.chmod(0o640)
    with pytest.raises(ExposedKeyError, match="mode 0640"):
        secret(settings, "app_password")


OWNER = "postgresql://owner:open@db.example/laurel"


def test_the_applications_password_follows_from_the_embedded_owners_and_not_from_an_outside_ones(
    settings: Settings,
) -> None:
    derived = app_password(settings, OWNER)
    assert derived is not None
    assert len(derived) == 64
    assert app_password(settings, OWNER) == derived
    assert app_password(settings, OWNER.replace("open", "opens")) != derived
    assert not (settings.home / "secrets").exists()
    outside = Settings(home=settings.home, database_url="postgresql://owner@db.example/laurel")
    password = app_password(outside, OWNER)
    assert password is not None
    assert len(password) >= 32
    assert password != derived
    assert app_password(outside, OWNER) == password
