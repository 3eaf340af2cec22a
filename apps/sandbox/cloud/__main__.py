"""`python -m apps.sandbox.cloud --port N [--host 127.0.0.1] [--state FOLDER]`: the local AWS as a process.

Prints `listening on http://…` when it answers; port 0 takes a free one. Ends on SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

from apps.sandbox.cloud.server import LocalCloud


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m apps.sandbox.cloud", description="A local AWS.")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free port")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--state", type=Path, help="a folder for what survives a restart")
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    LocalCloud(host=arguments.host, port=arguments.port, state=arguments.state).serve()


if __name__ == "__main__":
    main()
