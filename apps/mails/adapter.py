"""allauth's mails in our layout and through our outbox: a mail server that is away breaks no sign-up.

Owns how they leave; their words are in `templates/account/email/` and `templates/mfa/email/`.
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.utils import timezone

from .composing import Composed, Words, lay_out, moment, one_line, paragraphs_of, public_link
from .places import MailPlace
from .services import queue_composed

# What allauth calls its links -> the words of our button, the first that is there.
LINKS = {
    "activate_url": "Confirm this address",
    "password_reset_url": "Choose a new password",
    "signup_url": "Sign up",
}
IGNORE = "Ignore this mail if you did not ask for it: nothing happens without the link."
ALARM = "Change your password and your second factor now, and tell an owner of your workspace."


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Queue instead of sending; a mail with a link is worth as long as its link."""
        composed = compose_account_mail(template_prefix, email=email, context=context)
        seconds = settings.EMAIL_LINK_SECONDS if _link(context) else settings.MAIL_GIVE_UP_SECONDS
        queue_composed(
            kind=f"account.{template_prefix.rpartition('/')[2]}",
            composed=composed,
            to=[email],
            place=MailPlace(),
            give_up_at=timezone.now() + dt.timedelta(seconds=seconds),
        )


def compose_account_mail(template_prefix: str, *, email: str, context: dict[str, Any]) -> Composed:
    values = {**context, "email": email, "brand_name": settings.BRAND_NAME, "link_life": _link_life()}
    button, link = _link(context) or ("", "")
    at = context.get("timestamp")
    facts = [("When", moment(at))] if at else []
    facts += [("From address", one_line(context.get("ip", ""))), ("Browser", one_line(context.get("user_agent", "")))]
    words = Words(
        heading=one_line(" ".join(paragraphs_of(f"{template_prefix}_subject.txt", values))),
        paragraphs=paragraphs_of(f"{template_prefix}_message.txt", values),
        facts=facts,
        button=button,
        link=link,
        advice=IGNORE if link else ALARM,
        why="You get this mail because it is about your account.",
    )
    return lay_out(words)


def _link(context: dict[str, Any]) -> tuple[str, str] | None:
    """Return the button's words and the address, on our own host whatever the request's Host header said."""
    name = next((name for name in LINKS if context.get(name)), None)
    return (LINKS[name], public_link(urlsplit(str(context[name])).path)) if name else None


def _link_life() -> str:
    hours, minutes = divmod(settings.EMAIL_LINK_SECONDS // 60, 60)
    parts = [f"{count} {word}{'s' * (count != 1)}" for count, word in ((hours, "hour"), (minutes, "minute")) if count]
    return " and ".join(parts)
