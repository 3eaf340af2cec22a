"""Queue mails, send them, clear up behind them."""

from .ending import sweep_mails
from .queueing import mail_owners_and_admins, mail_support, queue_composed, send_mail
from .sending import send_next_mail

__all__ = [
    "mail_owners_and_admins",
    "mail_support",
    "queue_composed",
    "send_mail",
    "send_next_mail",
    "sweep_mails",
]
