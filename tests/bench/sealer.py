"""The sealer in a process of its own, each second, until it is ended."""

from __future__ import annotations

import time

import django


def main() -> None:
    from apps.audit.services import seal_events

    seal_events()
    print("ready", flush=True)
    while True:
        time.sleep(1.0)
        seal_events()


if __name__ == "__main__":
    django.setup()
    main()
