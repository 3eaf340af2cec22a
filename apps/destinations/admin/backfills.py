"""A destination's last back-fill in words and numbers, and what the next one would bring."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.workspaces.scoped_admin import Scope, cells, lists

from ..backlog import UNFINISHED, Progress, count_missed, progress_of
from ..models import Destination
from ..selectors import WINDOW_DAYS
from ..states import DeliveryKind, DeliveryState


def backfill_context(scope: Scope, found: Destination, *, now: dt.datetime) -> dict[str, Any]:
    """Return the newest back-fill with its numbers, if it is not long ago; else whether one is worth offering."""
    newest = found.backfills.order_by("-created_at").first()
    is_unfinished = newest is not None and newest.state in UNFINISHED
    missed = count_missed(found, now=now, most=lists.MOST + 1) if found.enabled and not is_unfinished else 0
    context: dict[str, Any] = {"missed": f"{lists.MOST:,}+" if missed > lists.MOST else f"{missed:,}" if missed else ""}
    if newest is None or not (is_unfinished or newest.created_at > now - dt.timedelta(days=WINDOW_DAYS)):
        return context
    newest.destination = found
    progress = progress_of(newest)
    return {
        **context,
        "backfill": newest,
        "backfill_progress": progress,
        "backfill_is_unfinished": is_unfinished,
        "backfill_facts": _facts(scope, found, progress),
    }


def _facts(scope: Scope, found: Destination, progress: Progress) -> list[tuple[str, SafeString | str]]:
    backfill = progress.backfill
    counted = (
        ("Waiting", progress.waiting, DeliveryState.PENDING),
        ("Held", progress.held, DeliveryState.HELD),
        ("Failed", progress.failed, DeliveryState.FAILED),
        ("Cancelled or superseded", progress.ended, DeliveryState.CANCELLED),
    )
    facts: list[tuple[str, SafeString | str]] = [
        ("Made", f"{backfill.made_count:,} of {backfill.planned_count:,} that were missing"),
        ("Delivered", _linked(scope, found, progress.delivered, DeliveryState.DELIVERED)),
    ]
    facts += [(label, _linked(scope, found, count, state)) for label, count, state in counted if count]
    facts += [
        ("Asked by", cells.words(backfill.asked_by.get("label", ""))),
        ("Begun (UTC)", cells.moment(backfill.created_at)),
    ]
    if backfill.ended_at:
        facts.append(("All made (UTC)", cells.moment(backfill.ended_at)))
    return facts


def _linked(scope: Scope, found: Destination, count: int, state: DeliveryState) -> SafeString | str:
    """Show a number that leads to its deliveries."""
    if not count:
        return "0"
    wanted = [("destination_id", str(found.pk)), ("kind", DeliveryKind.BACKFILL.value)]
    same = {
        DeliveryState.PENDING: ("PENDING", "RETRYING", "RUNNING"),
        DeliveryState.CANCELLED: ("CANCELLED", "SUPERSEDED"),
    }
    wanted += [("state", each) for each in same.get(state, (state.value,))]
    address = reverse(f"{scope.mode}:destinations_delivery_changelist")
    return format_html('<a href="{}?{}">{}</a>', address, urlencode(wanted), f"{count:,}")
