"""A process that holds the embedded server of the home it is given until its stdin ends."""

import sys
from pathlib import Path

from tests.server.homes import fast_server

if __name__ == "__main__":
    server = fast_server(Path(sys.argv[1]))
    print(server.hold(), flush=True)
    sys.stdin.read()
    server.release()
