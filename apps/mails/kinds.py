"""Every mail of ours as a row of one table: subject, words, what it may be told, where its button leads. Pure.

Owns the allow-list of fields: there is none for an external ID, a key's text or anything of a patient. A field with
`choices` takes one of their names and shows its words; an error is told by its code, never by somebody's text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class MailKind(StrEnum):
    INVITATION = "invitation"
    KEY_ISSUED = "key_issued"
    KEY_ROLLED = "key_rolled"
    KEY_ENDED = "key_ended"
    MANAGEMENT_KEY_ISSUED = "management_key_issued"
    LIVE_DESTINATION_CHANGED = "live_destination_changed"
    DESTINATION_PAUSED = "destination_paused"
    DELIVERY_TROUBLE = "delivery_trouble"
    DESTINATION_DRIFTED = "destination_drifted"
    OPERATOR_TROUBLE = "operator_trouble"
    LIVE_ACCESS_REQUESTED = "live_access_requested"
    LIVE_ACCESS_DECIDED = "live_access_decided"
    MEMBER_ADDED = "member_added"
    MEMBER_REMOVED = "member_removed"
    ROLE_CHANGED = "role_changed"
    YOU_WERE_ADDED = "you_were_added"
    YOU_WERE_REMOVED = "you_were_removed"
    YOUR_ROLE_CHANGED = "your_role_changed"
    SECOND_FACTOR_CHANGED = "second_factor_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of mail.

    Shape: `subject` and `page` are format strings over the fields, `workspace` and `application`; a `page` that
    begins with a slash is an address of the whole product, any other one is below the mail's place.
    """

    subject: str
    template: str
    fields: frozenset[str]
    page: str
    button: str
    advice: str
    why: str
    advice_title: str = "Not expected?"
    choices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


TO_OWNERS = "You get this mail because you are an owner or admin of {workspace}."
TO_MEMBER = "You get this mail because it is about your membership of {workspace}."
LOOK = "Look at the audit log for what else {who} has done, and change your password if it was done in your name."
KEY_ALARM = (
    "End the key now on the page above: requests with it are refused at once. Then look at the audit log for what else "
    "was done, and change the password of whoever did it."
)
KEY_WORDS = {"publishable": "publishable key", "secret": "secret key", "management": "management key"}
ROLE_WORDS = {"owner": "Owner", "admin": "Admin", "developer": "Developer", "viewer": "Viewer"}


def _kind(name: MailKind, *fields: str, choices: Mapping[str, Mapping[str, str]] | None = None, **texts: str) -> Kind:
    told = choices or {}
    return Kind(template=f"mails/{name}.txt", fields=frozenset((*fields, *told)), choices=told, **texts)


KINDS: dict[MailKind, Kind] = {
    MailKind.INVITATION: _kind(
        MailKind.INVITATION,
        "path",
        "ends_at",
        choices={"role": ROLE_WORDS},
        subject="You are invited to {workspace}",
        page="{path}",
        button="Accept the invitation",
        advice="Ignore this mail if you do not know the workspace: nobody joins without opening the link.",
        why="You get this mail because a member of {workspace} typed in your address.",
    ),
    MailKind.KEY_ISSUED: _kind(
        MailKind.KEY_ISSUED,
        "key",
        choices={"key_kind": KEY_WORDS},
        subject="New {key_kind} for {application}",
        page="keys/",
        button="Open the API keys",
        advice=KEY_ALARM,
        why=TO_OWNERS,
    ),
    MailKind.KEY_ROLLED: _kind(
        MailKind.KEY_ROLLED,
        "key",
        "new_key",
        "ends_at",
        choices={"key_kind": KEY_WORDS},
        subject="A {key_kind} of {application} was rolled",
        page="keys/",
        button="Open the API keys",
        advice=KEY_ALARM,
        why=TO_OWNERS,
    ),
    MailKind.KEY_ENDED: _kind(
        MailKind.KEY_ENDED,
        "key",
        choices={"key_kind": KEY_WORDS},
        subject="A {key_kind} of {application} was ended",
        page="keys/",
        button="Open the API keys",
        advice="An ended key cannot be brought back: create a new one where it was in use. " + LOOK,
        why=TO_OWNERS,
    ),
    MailKind.MANAGEMENT_KEY_ISSUED: _kind(
        MailKind.MANAGEMENT_KEY_ISSUED,
        "key",
        subject="New management key for {application}",
        page="keys/",
        button="Open the API keys",
        advice=KEY_ALARM,
        why=TO_OWNERS,
    ),
    MailKind.LIVE_DESTINATION_CHANGED: _kind(
        MailKind.LIVE_DESTINATION_CHANGED,
        "destination",
        "destination_id",
        choices={
            "change": {
                "created": "was created",
                "enabled": "was enabled",
                "repointed": "was pointed elsewhere",
                "backfilled": "is being back-filled",
                "external_id_rotated": "has a new external ID",
            }
        },
        subject="Live destination {destination} {change}",
        page="destinations/{destination_id}/",
        button="Open the destination",
        advice="Disable the destination now on the page above: nothing leaves for it from then on. " + LOOK,
        why=TO_OWNERS,
    ),
    MailKind.DESTINATION_PAUSED: _kind(
        MailKind.DESTINATION_PAUSED,
        "destination",
        "destination_id",
        "code",
        choices={
            "cause": {
                "refused": "Three deliveries in a row were refused, and more tries would be refused too.",
                "open": "A check found that its storage is open to others than us, so nothing may be sent there.",
                "unreachable": "No delivery has succeeded for three days.",
            }
        },
        subject="Destination {destination} was paused",
        page="destinations/{destination_id}/",
        button="Open the destination",
        advice_title="What to do",
        advice="Open the destination: it names the cause and what to change in your account.",
        why=TO_OWNERS,
    ),
    MailKind.DELIVERY_TROUBLE: _kind(
        MailKind.DELIVERY_TROUBLE,
        "destination",
        "destination_id",
        "hours",
        "waiting",
        "code",
        "ends_at",
        choices={
            "end": {
                "paused": "the destination is paused, and its deliveries are held",
                "purged": "the first of them is given up, because its records must be deleted then",
            }
        },
        subject="No delivery to {destination} for {hours} hours",
        page="destinations/{destination_id}/",
        button="Open the destination",
        advice_title="What to do",
        advice="Run Test connection on the page above: it says at which step it fails and what to change.",
        why=TO_OWNERS,
    ),
    MailKind.DESTINATION_DRIFTED: _kind(
        MailKind.DESTINATION_DRIFTED,
        "destination",
        "destination_id",
        "code",
        choices={
            "step": {
                "assume_role": "Your role does not let us in any more.",
                "region": "The bucket is in another region now.",
                "write_object": "A small object could not be written the way a delivery is.",
                "encryption": "A small object was not encrypted as the destination asks for.",
            }
        },
        subject="The next delivery to {destination} would fail",
        page="destinations/{destination_id}/",
        button="Open the destination",
        advice_title="What to do",
        advice="Run Test connection on the page above: it says at which step it fails and what to change.",
        why=TO_OWNERS,
    ),
    MailKind.OPERATOR_TROUBLE: _kind(
        MailKind.OPERATOR_TROUBLE,
        "code",
        "stage",
        "count",
        subject="A fault of ours holds deliveries up: {code}",
        page="/support/",
        button="Open the console",
        advice_title="What to do",
        advice=(
            "Find a delivery with this code in the console: its attempts say what to check on this server. Customers "
            "can do nothing about it, and their destinations are not held responsible."
        ),
        why="You get this mail because you are support staff. There is one for each code and hour at most.",
    ),
    MailKind.LIVE_ACCESS_REQUESTED: _kind(
        MailKind.LIVE_ACCESS_REQUESTED,
        "request_id",
        subject="{workspace} asks for live access for {application}",
        page="/support/live-access/{request_id}/",
        button="Open the request",
        advice_title="What to do",
        advice="Answer the request in the console. The workspace cannot use live mode before that.",
        why="You get this mail because you are support staff.",
    ),
    MailKind.LIVE_ACCESS_DECIDED: _kind(
        MailKind.LIVE_ACCESS_DECIDED,
        choices={"decision": {"granted": "granted", "refused": "refused"}},
        subject="Live access for {application} was {decision}",
        page="settings/",
        button="Open the settings",
        advice="Ask support if nobody in your team has asked for live access.",
        why=TO_OWNERS,
    ),
    MailKind.MEMBER_ADDED: _kind(
        MailKind.MEMBER_ADDED,
        "member",
        choices={"role": ROLE_WORDS},
        subject="{member} is now a member of {workspace}",
        page="members/",
        button="Open the members",
        advice="Remove the member on the page above. " + LOOK,
        why=TO_OWNERS,
    ),
    MailKind.MEMBER_REMOVED: _kind(
        MailKind.MEMBER_REMOVED,
        "member",
        subject="{member} is no longer a member of {workspace}",
        page="members/",
        button="Open the members",
        advice="An owner can add the member again. " + LOOK,
        why=TO_OWNERS,
    ),
    MailKind.ROLE_CHANGED: _kind(
        MailKind.ROLE_CHANGED,
        "member",
        choices={"before": ROLE_WORDS, "after": ROLE_WORDS},
        subject="{member} is now {after} of {workspace}",
        page="members/",
        button="Open the members",
        advice="Change the role back on the page above. " + LOOK,
        why=TO_OWNERS,
    ),
    MailKind.YOU_WERE_ADDED: _kind(
        MailKind.YOU_WERE_ADDED,
        choices={"role": ROLE_WORDS},
        subject="You are now a member of {workspace}",
        page="members/",
        button="Open the members",
        advice="Leave the workspace under its settings, and change your password if somebody else took the invitation.",
        why=TO_MEMBER,
    ),
    MailKind.YOU_WERE_REMOVED: _kind(
        MailKind.YOU_WERE_REMOVED,
        subject="You are no longer a member of {workspace}",
        # Its own pages are closed to whoever reads this.
        page="/",
        button="Open my workspaces",
        advice="Ask an owner of the workspace: only a new invitation brings you back.",
        why="You get this mail because it is about your membership of {workspace}, which has ended.",
    ),
    MailKind.YOUR_ROLE_CHANGED: _kind(
        MailKind.YOUR_ROLE_CHANGED,
        choices={"before": ROLE_WORDS, "after": ROLE_WORDS},
        subject="You are now {after} of {workspace}",
        page="members/",
        button="Open the members",
        advice="The page above says what each role may do. Ask an owner of the workspace why yours has changed.",
        why=TO_MEMBER,
    ),
    MailKind.SECOND_FACTOR_CHANGED: _kind(
        MailKind.SECOND_FACTOR_CHANGED,
        choices={
            "change": {
                "removed": "was removed",
                "required": "is now required",
                "not_required": "is no longer required",
            }
        },
        subject="Your second factor {change}",
        page="/accounts/2fa/",
        button="Open two-factor sign-in",
        advice=(
            "Ask an owner of your workspace, or support. If a factor of yours is gone without your doing, change your "
            "password now and set up a new one."
        ),
        why="You get this mail because it is about your account.",
    ),
}
