"""How a destination fares: since when nothing gets through, when it is tried again, when its owners hear of it next."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.conf import settings

from .models import Destination
from .services.warning import ALERTS


@dataclass(frozen=True, slots=True)
class Health:
    """All are None while it works, or is off. The last alert comes with the pause."""

    failing_since: dt.datetime | None = None
    resumes_at: dt.datetime | None = None
    next_alert_at: dt.datetime | None = None
    pauses_at: dt.datetime | None = None


def health_of(destination: Destination, *, now: dt.datetime) -> Health:
    """Read a destination's health; one that is off is neither tried nor told of."""
    since, rests_until = destination.first_failure_at, destination.open_until
    if since is None or not destination.enabled:
        return Health()
    alerts = {hours: since + dt.timedelta(seconds=settings.GIVE_UP_SECONDS * share) for hours, share in ALERTS.items()}
    ahead = [at for hours, at in alerts.items() if hours > destination.alerted_hours]
    return Health(
        failing_since=since,
        resumes_at=rests_until if rests_until and rests_until > now else None,
        next_alert_at=min(ahead, default=None),
        pauses_at=max(alerts.values()),
    )
