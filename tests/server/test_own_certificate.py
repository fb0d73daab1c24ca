"""`laurel run` with a certificate of one's own."""

import os
import signal
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from laurel.supervisor import CertificateNotUsableError, Tls, programs
from tests.running_web import free_port
from tests.server.homes import fresh_home

LAUREL = Path(sys.executable).with_name("laurel")


def certificate_in(folder: Path, *, passphrase: bytes | None = None) -> Tls:
    """Write a certificate of the host laurel.test, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "laurel.test")])
    moment = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - timedelta(days=1))
        .not_valid_after(moment + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("laurel.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    tls = Tls(folder / "certificate.pem", folder / "key.pem")
    tls.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    tls.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption(),
        )
    )
    return tls


def test_the_web_process_gets_whole_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (web,) = [one for one in programs("::", 8443, Tls(Path("c.pem"), Path("k.pem"))) if one.name == "web"]
    assert web.command[-4:] == [
        "--tls-certificate",
        str(tmp_path / "c.pem"),
        "--tls-key",
        str(tmp_path / "k.pem"),
    ]


def test_what_no_server_could_use_is_refused_before_anything_starts(tmp_path: Path) -> None:
    tls, other = certificate_in(tmp_path / "a"), certificate_in(tmp_path / "b")
    tls.check()
    locked = certificate_in(tmp_path / "c", passphrase=b"secret")
    for wrong in (
        Tls(tls.certificate, other.key),
        Tls(tls.key, tls.key),
        Tls(tmp_path / "none.pem", tls.key),
        Tls(tls.certificate, tmp_path / "none.pem"),
        locked,
    ):
        with pytest.raises(CertificateNotUsableError, match="Both are PEM files"):
            wrong.check()


def test_one_without_the_other_is_wrong_usage(tmp_path: Path) -> None:
    tls = certificate_in(tmp_path)
    done = subprocess.run(
        [LAUREL, "run", "--certificate", tls.certificate], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "both or neither" in done.stderr


@pytest.mark.slow
def test_laurel_serves_tls_and_its_cookies_are_bound_to_it(tmp_path: Path) -> None:
    tls, port = certificate_in(tmp_path), free_port()
    command: list[str | Path] = [LAUREL, "run", "--empty", "--port", str(port)]
    with fresh_home() as home, (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--certificate", tls.certificate, "--key", tls.key],
            env=os.environ | {"LAUREL_HOME": str(home)},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            assert process.stdout is not None
            said = [process.stdout.readline(), process.stdout.readline()]
            assert said[-1] == f"Laurel is ready at https://127.0.0.1:{port}\n"
            trusted = ssl.create_default_context(cafile=tls.certificate)
            with httpx.Client(verify=trusted) as client:
                page = client.get(
                    f"https://127.0.0.1:{port}/",
                    headers={"host": "laurel.test"},
                    extensions={"sni_hostname": "laurel.test"},
                )
            assert page.status_code == 200
            assert page.headers["strict-transport-security"].startswith("max-age=31536000")
            assert page.headers["set-cookie"].startswith("__Host-laurel_visit=")
            assert "Secure" in page.headers["set-cookie"]
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
