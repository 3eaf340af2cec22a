"""Sync jobs, and the pages that a crawl has staged so far."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.applications.models import MODES, Application
from apps.authorizations.models import PatientAuthorization
from apps.outbox.models import OutboxRow

from .states import UNFINISHED, SyncCause, SyncState


class SyncJob(OutboxRow):
    """One crawl of one authorization, in sequence `seq`; nothing of it is visible until it is COMPLETED."""

    authorization = models.ForeignKey(PatientAuthorization, on_delete=models.PROTECT, related_name="sync_jobs")
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="sync_jobs")
    mode = models.CharField(max_length=4, choices=MODES)
    state = models.CharField(
        max_length=10, choices=[(s.value, s.value) for s in SyncState], default=SyncState.CREATED.value
    )
    cause = models.CharField(max_length=10, choices=[(c.value, c.value) for c in SyncCause])
    seq = models.PositiveIntegerField()
    run_again = models.BooleanField(default=False)  # somebody asked while it ran (rulings B18)
    source_failures = models.PositiveIntegerField(default=0)  # steps that ended with a type failing for now
    requests_made = models.PositiveIntegerField(default=0)
    # Shape: {"Observation": 12}: what is visible after this job.
    resource_counts = models.JSONField(default=dict, blank=True)
    # Shape: [{"type", "reason": "failed|cut|shrunk|forbidden", "code", "message", "page"}]
    gaps = models.JSONField(default=list, blank=True)
    # Shape: [{"type", "code", "count"}]: resources that could not be read, by kind of fault.
    rejected = models.JSONField(default=list, blank=True)
    source_outcome = models.TextField(blank=True, default="")  # the source's OperationOutcome (rulings B20)
    missing_references = models.PositiveIntegerField(default=0)
    transaction_time = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["application", "mode", "-created_at", "id"], name="syncs_list"),
            models.Index(fields=["next_attempt_at", "id"], name="syncs_due", condition=Q(state="WAITING")),
            models.Index(fields=["lease_until"], name="syncs_leased", condition=Q(state="ACTIVE")),
            models.Index(fields=["authorization", "-created_at"], name="syncs_of_authorization"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["authorization"],
                condition=Q(state__in=[state.value for state in UNFINISHED]),
                name="syncs_one_unfinished",
            ),
            models.UniqueConstraint(
                fields=["authorization", "seq"], condition=Q(state="COMPLETED"), name="syncs_seq_once"
            ),
            models.CheckConstraint(
                name="syncs_ended_at_with_state",
                condition=Q(state__in=["COMPLETED", "FAILED"], ended_at__isnull=False)
                | (~Q(state__in=["COMPLETED", "FAILED"]) & Q(ended_at__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class CrawledPage(models.Model):
    """A page that is staged: which ids it had and where the next one is. Gone when the job ends."""

    sync_job = models.ForeignKey(SyncJob, on_delete=models.CASCADE, related_name="pages")
    type = models.CharField(max_length=64, db_collation="C")
    number = models.PositiveIntegerField()
    # Shape: "Type/id" with our ids; a page of one type may carry others (includes).
    keys = ArrayField(models.CharField(max_length=130, db_collation="C"))
    next_url = models.TextField(blank=True, default="")  # empty: this was the type's last page
    # [[type, code, "Type/id" or ""]] of resources that could not be read, as far as they say who they are
    rejected = models.JSONField(default=list)
    is_search = models.BooleanField(default=True)  # else a batch that was fetched by id
    entries = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True, blank=True)  # Bundle.total of a search by patient

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sync_job", "type", "number"], name="syncs_page_once")]

    def __str__(self) -> str:
        return f"{self.type} {self.number}"
