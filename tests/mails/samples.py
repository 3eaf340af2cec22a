"""A context for each kind, as its trigger would give it."""

from __future__ import annotations

import datetime as dt

from apps.audit.events import Actor, ActorKind
from apps.mails.composing import Value
from apps.mails.kinds import MailKind
from apps.mails.places import MailPlace

NOW = dt.datetime(2026, 11, 20, 22, 37, 7, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(hours=24)
DESTINATION = "0f6d9c64-3c3f-4d0c-9c0e-6d0d7f3a5b11"
BY = Actor(
    kind=ActorKind.PERSON, id="1", label="ada@acme.example", ip="203.0.113.7", request_id="r-1", user_agent="Firefox"
)
LIVE = MailPlace(
    workspace_id="5b0f5d2a-0000-4000-8000-000000000001",
    workspace="Acme Health",
    application_id="5b0f5d2a-0000-4000-8000-000000000002",
    application="Care app",
    mode="live",
    path="/w/acme/a/care/live/",
)
KEY = {"key": "sk_live_…9f3c", "key_kind": "secret"}
LAKE: dict[str, Value] = {"destination": "Analytics lake", "destination_id": DESTINATION}

CONTEXTS: dict[MailKind, dict[str, Value]] = {
    MailKind.INVITATION: {"path": "/invitations/abc-123_x.y:z/", "ends_at": LATER, "role": "developer"},
    MailKind.KEY_ISSUED: {**KEY},
    MailKind.KEY_ROLLED: {**KEY, "new_key": "sk_live_…11ab", "ends_at": LATER},
    MailKind.KEY_ENDED: {**KEY},
    MailKind.MANAGEMENT_KEY_ISSUED: {"key": "mk_live_…77de"},
    MailKind.LIVE_DESTINATION_CHANGED: {**LAKE, "change": "repointed"},
    MailKind.DESTINATION_PAUSED: {**LAKE, "code": "AccessDenied", "cause": "refused"},
    MailKind.DELIVERY_TROUBLE: {
        **LAKE,
        "hours": 50,
        "waiting": 12,
        "code": "NoSuchBucket",
        "end": "paused",
        "ends_at": LATER,
    },
    MailKind.DESTINATION_DRIFTED: {**LAKE, "code": "AccessDenied", "step": "assume_role"},
    MailKind.OPERATOR_TROUBLE: {"code": "ExpiredTokenException", "stage": "our_identity", "count": 40},
    MailKind.LIVE_ACCESS_REQUESTED: {"request_id": DESTINATION},
    MailKind.LIVE_ACCESS_DECIDED: {"decision": "granted"},
    MailKind.MEMBER_ADDED: {"member": "bob@acme.example", "role": "admin"},
    MailKind.MEMBER_REMOVED: {"member": "bob@acme.example"},
    MailKind.ROLE_CHANGED: {"member": "bob@acme.example", "before": "viewer", "after": "admin"},
    MailKind.YOU_WERE_ADDED: {"role": "admin"},
    MailKind.YOU_WERE_REMOVED: {},
    MailKind.YOUR_ROLE_CHANGED: {"before": "viewer", "after": "admin"},
    MailKind.SECOND_FACTOR_CHANGED: {"change": "removed"},
}
