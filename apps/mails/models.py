"""One mail to one address, queued in the transaction of what it tells.

The composed text is sealed, because it can hold a link that opens an account, and is gone once the mail has
ended. Ids are plain text as in the audit: what is above may not be known here, and may be deleted.
"""

from django.db import models
from django.db.models import Q

from apps.encryption.fields import SealedField
from apps.outbox.models import OutboxRow

from .states import CLAIMABLE, ENDED, MailState


class Mail(OutboxRow):
    """At least once: a worker that is lost between the server's answer and the settling sends the mail again.

    SMTP knows no condition on a write; the second copy has the same Message-ID, so that most mailboxes show one.
    """

    kind = models.CharField(max_length=64)
    recipient = models.EmailField()
    workspace_id = models.CharField(max_length=36, blank=True, default="")
    application_id = models.CharField(max_length=36, blank=True, default="")
    mode = models.CharField(max_length=4, blank=True, default="")
    state = models.CharField(
        max_length=8, choices=[(s.value, s.value) for s in MailState], default=MailState.PENDING.value
    )
    # JSON of {"subject", "text", "html"}; null once the mail has ended.
    body = SealedField(purpose="mails_mail.body", null=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["-created_at", "id"], name="mails_list"),
            models.Index(
                fields=["next_attempt_at", "id"],
                name="mails_due",
                condition=Q(state__in=[state.value for state in CLAIMABLE]),
            ),
            models.Index(fields=["lease_until"], name="mails_leased", condition=Q(state="RUNNING")),
            models.Index(fields=["ended_at"], name="mails_ended", condition=Q(ended_at__isnull=False)),
        ]
        constraints = [
            models.CheckConstraint(
                name="mails_ended_has_no_body",
                condition=Q(state__in=[s.value for s in ENDED], ended_at__isnull=False, body__isnull=True)
                | (~Q(state__in=[s.value for s in ENDED]) & Q(ended_at__isnull=True, body__isnull=False)),
            ),
            models.CheckConstraint(
                name="mails_lease_with_state",
                condition=Q(state="RUNNING", lease_token__isnull=False, lease_until__isnull=False)
                | (~Q(state="RUNNING") & Q(lease_token__isnull=True, lease_until__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.state})"
