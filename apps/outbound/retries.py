"""When to try again. Pure: chance is handed in. Source: rulings B3."""

BASE_SECONDS = 30.0
CEILING_SECONDS = 3600.0


def backoff_seconds(attempt: int, jitter: float) -> float:
    """Return the wait after attempt number `attempt` (1, 2, …); `jitter` lies in [0, 1].

    Units: seconds, min(1 h, 30 s * 2^(n-1)) * U(0.5, 1).
    """
    doubled = BASE_SECONDS * 2 ** min(max(attempt, 1) - 1, 16)
    return min(CEILING_SECONDS, doubled) * (0.5 + jitter / 2)
