"""The abstract outbox row: the row is the truth, the queue only a hint (D7, design/queue.md 5.1)."""

import uuid

from django.db import models


class OutboxRow(models.Model):
    """Work to be done: what state it is in, when it is due, and who holds it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    attempts = models.PositiveIntegerField(default=0)
    # Leases that ran out: a row that kills its worker is counted here (three = given up).
    crashes = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    give_up_at = models.DateTimeField(null=True, blank=True)
    # The fence: whoever settles must still hold this token.
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=100, blank=True, default="")
    error_message = models.TextField(blank=True, default="")
    error_owner = models.CharField(max_length=16, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
