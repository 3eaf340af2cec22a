"""Command line of the payer: `python -m apps.sandbox.payer --port 8400`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from apps.sandbox.payer.server import bind
from apps.sandbox.payer.state import DEFAULT_SEED_KEY, Options


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m apps.sandbox.payer", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8400)
    parser.add_argument("--base-url", default="", help="public URL, if it is not http://HOST:PORT")
    parser.add_argument("--redirect-uri", action="append", default=[], help="allowed beside loopback; repeatable")
    parser.add_argument("--token-seconds", type=int, default=3600, help="life of an access token")
    parser.add_argument("--seed-key", default=DEFAULT_SEED_KEY, help="what the signing key is derived from")
    return parser.parse_args(arguments)


def main() -> None:
    """Serve until stopped."""
    chosen = parse_arguments()
    options = Options(
        base_url=chosen.base_url.rstrip("/"),
        redirect_uris=frozenset(chosen.redirect_uri),
        token_seconds=chosen.token_seconds,
        seed_key=chosen.seed_key,
    )
    server = bind(options, host=chosen.host, port=chosen.port)
    print(f"Sandbox payer on port {server.port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
