"""Starts Laurel as a newcomer does, and says what went wrong: `python -m tests.first_start`.

A fresh clone of the last commit in a folder of its own, without environment and without data; `make run` in a
session of its own; three of the sign-ins that it prints, used as the form does; Ctrl-C; and nothing left behind.
`--within` bounds the seconds from the command to "ready", the making of the environment and the demo included.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from loyalty_core.kernel import PROJECT_FOLDER
from tests.running_web import free_port

PEOPLE = ("manager", "operator", "provider")
STOP_SECONDS = 20
_READY = "Laurel is ready at "
# In what the page hands to the browser: a JSON text within a JSON text.
_TICKET = re.compile(r'"ticket\\*": *\\*"([^"\\]+)')


class FirstStartError(Exception):
    """The first start is not as a newcomer should find it."""


def main() -> None:
    """Start, sign in, stop; exit with 1 and a sentence where something is not as it should be."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--within", type=float, default=90.0, metavar="SECONDS")
    within = options.parse_args().within
    with tempfile.TemporaryDirectory(prefix="laurel-newcomer-") as folder:
        clone = Path(folder) / "laurel"
        subprocess.run(["git", "clone", "--quiet", str(PROJECT_FOLDER), str(clone)], check=True)
        try:
            _start_and_stop(clone, within)
        except FirstStartError as error:
            print(f"first start: {error}", file=sys.stderr)
            sys.exit(1)
        finally:
            for process in _left_of(clone):
                process.kill()


def _start_and_stop(clone: Path, within: float) -> None:
    log = clone.parent / "output"
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("LAUREL_") and name not in ("VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    }
    with log.open("wb") as output:
        began = time.monotonic()
        running = subprocess.Popen(
            ["make", "run", f"ARGS=--port {free_port()}"],
            cwd=clone,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        address = _address_when_ready(running, log, began + within)
        print(f"first start: ready after {time.monotonic() - began:.0f} s", flush=True)
        passwords = _passwords(log)
        for name in PEOPLE:
            shown = _home_of(address, name, passwords[name])
            print(f"first start: {name} signs in and finds {len(shown)} pages", flush=True)
        began = time.monotonic()
        # As a terminal does it for Ctrl-C: to all that runs in the foreground.
        os.killpg(running.pid, signal.SIGINT)
        try:
            running.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise FirstStartError(f"it runs {STOP_SECONDS} s after Ctrl-C:\n{_end_of(log)}") from error
        print(f"first start: stopped after {time.monotonic() - began:.1f} s", flush=True)
    left = _left_of(clone)
    if left:
        raise FirstStartError(
            "it left behind: " + "; ".join(f"{one.pid} {' '.join(one.cmdline())}" for one in left)
        )


def _address_when_ready(running: "subprocess.Popen[bytes]", log: Path, deadline: float) -> str:
    while time.monotonic() < deadline:
        found = re.search(re.escape(_READY) + r"(\S+)", log.read_text())
        if found:
            return found[1]
        if running.poll() is not None:
            raise FirstStartError(f"`make run` ended with {running.returncode}:\n{_end_of(log)}")
        time.sleep(0.2)
    raise FirstStartError(f"it was not ready in time:\n{_end_of(log)}")


def _end_of(log: Path) -> str:
    return log.read_text()[-4000:]


def _passwords(log: Path) -> dict[str, str]:
    """Return the password of each sign-in that the first start printed."""
    printed = log.read_text().partition("Sign in with one of these")[2].partition(_READY)[0]
    found = {}
    for line in printed.splitlines():
        columns = line.split()
        if columns and columns[0] in PEOPLE:
            found[columns[0]] = columns[1]
    missing = [name for name in PEOPLE if name not in found]
    if missing:
        raise FirstStartError(f"no password was printed for {', '.join(missing)}:\n{_end_of(log)}")
    return found


def _home_of(address: str, name: str, password: str) -> set[str]:
    """Sign in by form, ticket and session, open the home, and return the titles of the menu's pages."""
    with httpx.Client(base_url=address, headers={"origin": address}, timeout=30) as browser:
        if browser.get("/").status_code != 200:
            raise FirstStartError("the first page does not open")
        ticket = _ticket(address, dict(browser.cookies), name, password)
        answer = browser.post("/auth/session", json={"ticket": ticket})
        if answer.status_code != 204:
            raise FirstStartError(f"{name} is not let in: {answer.status_code} {answer.text}")
        with _socket(address, dict(browser.cookies)) as socket:
            pages = {
                page.page_name
                for message in _run(socket, BackMsg())
                if message.WhichOneof("type") == "navigation"
                for page in message.navigation.app_pages
            } - {"No access"}
    if len(pages) < 3:
        raise FirstStartError(f"{name} finds no pages")
    return pages


def _ticket(address: str, cookies: dict[str, str], name: str, password: str) -> str:
    """Fill in the sign-in form and return the ticket that the page hands to the browser."""
    with _socket(address, cookies) as socket:
        form = BackMsg()
        for message in _run(socket, BackMsg()):
            element = message.delta.new_element
            kind = element.WhichOneof("type")
            if kind == "text_input":
                state = form.rerun_script.widget_states.widgets.add()
                state.id = element.text_input.id
                state.string_value = {"Sign-in name": name, "Password": password}[element.text_input.label]
            elif kind == "button":
                state = form.rerun_script.widget_states.widgets.add()
                state.id = element.button.id
                state.trigger_value = True
        drawn = _run(socket, form)
    for message in drawn:
        if message.delta.new_element.WhichOneof("type") == "bidi_component":
            found = _TICKET.search(message.delta.new_element.bidi_component.json)
            if found:
                return found[1]
    raise FirstStartError(f"the form does not take the password of {name}")


def _socket(address: str, cookies: dict[str, str]) -> ClientConnection:
    return connect(
        f"ws{address[4:]}/_stcore/stream",
        subprotocols=[Subprotocol("streamlit")],
        additional_headers=[
            ("cookie", "; ".join(f"{name}={value}" for name, value in cookies.items())),
            ("origin", address),
        ],
        max_size=None,
        open_timeout=30,
    )


def _run(socket: ClientConnection, message: BackMsg) -> list[ForwardMsg]:
    """Run the page, and return all that it draws."""
    message.rerun_script.query_string = ""
    socket.send(message.SerializeToString())
    drawn = []
    while True:
        answer = ForwardMsg.FromString(socket.recv(timeout=60, decode=False))
        drawn.append(answer)
        if answer.WhichOneof("type") == "script_finished":
            return drawn


def _left_of(clone: Path) -> list[psutil.Process]:
    """Return the processes that run in the clone's folder, or from it."""
    found = []
    for process in psutil.process_iter():
        try:
            places = [process.cwd(), *process.cmdline()]
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
        if process.pid != os.getpid() and any(place.startswith(str(clone)) for place in places):
            found.append(process)
    return found


if __name__ == "__main__":
    main()
