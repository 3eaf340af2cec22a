"""A delivery in words for a person: where it stands, what comes next, whose turn it is."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.workspaces.scoped_admin import cells

from ..manifests import TOMBSTONE, Role
from ..models import Delivery, DeliveryAttempt
from ..selectors import plan_of
from ..states import Contents, DeliveryKind, DeliveryState

KINDS = {
    DeliveryKind.LIVE: "After a sync",
    DeliveryKind.BACKFILL: "Back-fill",
    DeliveryKind.REPLAY: "Replay",
    DeliveryKind.TOMBSTONE: "Deletion notice",
}
STAGES = {
    "our_identity": "Becoming our delivery role",
    "assume_role": "Assuming your role",
    "put_object": "Writing the object",
    "spool": "Preparing the lines, before anything was sent",
}
ROLES = {Role.DATA: "Data", Role.DELETED: "Deletions", Role.MANIFEST: "Manifest"}
OWNERS = {"customer": "You, in your AWS account", "source": "The source", "us": "Us; there is nothing to do for you"}
REASONS = {
    "destination_disabled": "The destination was off when the sync ended. A back-fill picks it up.",
    "destination_deleted": "The destination was deleted before this was written.",
    "gave_up": "It could not be written in the time that a delivery has.",
    "data_purged": "The patient's data was deleted before this was written.",
    "authorization_ended": "The authorization had ended before this was written.",
    "data_pruned": "The records of this sync are not kept whole any more, so a back-fill left it out.",
    "newer_delivered": "The destination holds a newer state of these records: this one would have undone it.",
    "revoked": "The patient's authorization was revoked before this was written.",
}


def brief(at: dt.datetime | None) -> SafeString | str:
    """Show an instant without its seconds, and without its date if it is today's. Shape: "24 Nov 14:02"."""
    if at is None:
        return cells.NOTHING
    utc = at.astimezone(dt.UTC)
    shape = "%H:%M" if utc.date() == timezone.now().date() else "%d %b %H:%M"
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        utc.isoformat(timespec="seconds"),
        utc.strftime("%Y-%m-%d %H:%M:%S"),
        utc.strftime(shape),
    )


def what_it_holds(delivery: Delivery) -> str:
    """Say what the delivery's objects hold: "Changes since sync 3"."""
    plan = plan_of(delivery)
    if plan is None:
        return "Decided at the first try"
    if plan.contents == TOMBSTONE:
        return "That everything of this authorization is to be deleted"
    if plan.contents == Contents.DELTA:
        return f"Changes and deletions since sync {plan.base_seq}"
    return f"Everything, and deletions since sync {plan.base_seq}" if plan.deletions else "Everything"


def gaps(delivery: Delivery) -> str:
    """Say which types are not whole. Shape: "Claim (failed), Coverage (shrunk)"."""
    return ", ".join(f"{gap['type']} ({str(gap['reason']).replace('_', ' ')})" for gap in delivery.gaps)


def what_comes_next(delivery: Delivery) -> SafeString | str:
    """Say what a state means for this delivery; empty where the state says it all."""
    match delivery.state:
        case DeliveryState.RETRYING:
            return format_html(
                "Try {}, next {} UTC,<br>gives up {} UTC",
                delivery.attempts + 1,
                brief(delivery.next_attempt_at),
                brief(delivery.give_up_at),
            )
        case DeliveryState.PENDING:
            return "Waits for its turn"
        case DeliveryState.RUNNING:
            return f"Try {delivery.attempts}, under way"
        case DeliveryState.HELD:
            return "Its destination is off"
        case DeliveryState.SKIPPED:
            return "A back-fill picks it up" if delivery.reason != "data_pruned" else "Its records are not kept"
        case _:
            return ""


def reason(delivery: Delivery) -> str:
    return REASONS.get(delivery.reason, delivery.reason.replace("_", " "))


def took(milliseconds: int | None) -> str:
    """Units: milliseconds below one second, then seconds."""
    if milliseconds is None:
        return cells.NOTHING
    return f"{milliseconds} ms" if milliseconds < 1_000 else f"{milliseconds / 1_000:.1f} s"


def attempt_facts(attempt: DeliveryAttempt) -> list[tuple[str, SafeString | str]]:
    """Return what is known of one attempt, in the order in which people ask."""
    facts: list[tuple[str, SafeString | str]] = [("Started (UTC)", cells.moment(attempt.started_at))]
    if attempt.code:
        facts.append(("Code", cells.code(attempt.code)))
    if attempt.stage:
        facts.append(("Where it stopped", STAGES.get(attempt.stage, attempt.stage)))
    if attempt.owner:
        facts.append(("Who puts it right", OWNERS.get(attempt.owner, attempt.owner)))
    facts += [
        ("AWS request ID", cells.code(attempt.request_id)),
        ("Took", took(attempt.milliseconds)),
        ("Settings", f"Version {attempt.config_version} of the destination"),
        ("Worker", cells.code(attempt.worker)),
    ]
    return facts


def attempt_outcome(attempt: DeliveryAttempt) -> str:
    if attempt.succeeded:
        return "Already there, from an attempt whose answer was lost" if attempt.already_there else "Written"
    return "No clear answer: it may have been written" if attempt.unknown_outcome else "Not written"
