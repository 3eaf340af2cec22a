"""The demo's environment, decided before Django reads its settings. Django-free; called by `manage.py demo`.

Ports are kept in `VAR/demo-ports.json`, so that a second run finds its endpoints where the first left them.
"""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

LOCAL_ACCOUNT, LOCAL_CUSTOMER = "111111111111", "222222222222"
LOCAL_ROLE = f"arn:aws:iam::{LOCAL_ACCOUNT}:role/record-relay-delivery"
REGION = "us-east-1"
FIRST_PORTS = {"web": 8000, "payer": 8400, "cloud": 8500}


def prepare(var: Path) -> None:
    """Set what settings.py and the child processes will read."""
    var.mkdir(mode=0o700, parents=True, exist_ok=True)
    ports = _ports(var / "demo-ports.json")
    os.environ.update(
        {
            "DEMO": "1",
            "DEMO_WEB_PORT": str(ports["web"]),
            "DEMO_PAYER_PORT": str(ports["payer"]),
            "PUBLIC_URL": f"http://localhost:{ports['web']}",
            "SANDBOX_PAYER_URL": f"http://127.0.0.1:{ports['payer']}",
            "SANDBOX_PAYER_AS_LIVE": "1",
            "ALLOW_EMBEDDED_DATABASE": "1",
            # Off in the demo alone; the page says so, and a check refuses it elsewhere (rulings B12).
            "REQUIRE_SUPPORT_2FA": "0",
            "ACCOUNT_EMAIL_VERIFICATION": "none",
            "TRUST_SETTLE_SECONDS": os.environ.get("TRUST_SETTLE_SECONDS", "0"),
        }
    )
    os.environ.setdefault("AWS_REGION", REGION)
    os.environ.setdefault("AWS_DEFAULT_REGION", os.environ["AWS_REGION"])
    if "AWS_ENDPOINT_URL" in os.environ:
        return  # the user's own AWS or emulator, by the ordinary credential chain
    os.environ.update(
        {
            "DEMO_CLOUD_PORT": str(ports["cloud"]),
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports['cloud']}",
            "DELIVERY_ROLE_ARN": LOCAL_ROLE,
        }
    )


def starts_local_aws() -> bool:
    return "DEMO_CLOUD_PORT" in os.environ


def _ports(path: Path) -> dict[str, int]:
    """Return the ports of the last run, or the next free ones for those that are taken now."""
    wanted = {**FIRST_PORTS, **({"web": int(os.environ["PORT"])} if os.environ.get("PORT") else {})}
    if path.exists():
        kept = json.loads(path.read_text())
        wanted = {**kept, **({"web": wanted["web"]} if os.environ.get("PORT") else {})}
    chosen: dict[str, int] = {}
    for name, port in wanted.items():
        chosen[name] = _next_free(int(port), set(chosen.values()))
    path.write_text(json.dumps(chosen))
    return chosen


def _next_free(port: int, taken: set[int]) -> int:
    while port in taken or not _is_free(port):
        port += 1
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
