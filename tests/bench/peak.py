"""Deliver twice in a process of its own and print megabytes, peak memory above idle, seconds of the second."""

from __future__ import annotations

import time
from pathlib import Path

import django


def status(name: str, process: str = "self") -> int:
    """Return a figure of a process in KB (proc(5))."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def main() -> None:
    from apps.destinations.models import Delivery
    from apps.destinations.services import deliver_next

    assert deliver_next(), "nothing is due"  # the first one warms up: clients, connections, caches
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak
    before, began = status("VmRSS"), time.perf_counter()
    assert deliver_next(), "nothing is due"
    seconds, peak = time.perf_counter() - began, status("VmHWM")
    size = Delivery.objects.filter(state="DELIVERED").latest("delivered_at").bytes
    assert size is not None
    print(size / 1e6, (peak - before) / 1024, seconds)


if __name__ == "__main__":
    django.setup()
    main()
