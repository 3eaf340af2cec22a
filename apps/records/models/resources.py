"""Partitions and stored resource versions (D2, D4, D6). Lines are bytes; parsing happened at ingest."""

from django.db import models
from django.db.models import Q

from apps.authorizations.models import PatientAuthorization


class Partition(models.Model):
    """The set that every query names: one per patient authorization."""

    authorization = models.OneToOneField(PatientAuthorization, on_delete=models.PROTECT, related_name="partition")
    created_at = models.DateTimeField(auto_now_add=True)
    # The extractor whose entries the search index holds; another one's have to be made anew.
    indexed_by = models.PositiveSmallIntegerField(default=0, db_default=0)
    # How many resources are visible as of a sequence, and a hash of which: the audit log wants both at each reading.
    counted_seq = models.PositiveIntegerField(default=0, db_default=0)
    resource_count = models.PositiveIntegerField(default=0, db_default=0)
    ids_sha256 = models.CharField(max_length=64, blank=True, db_default="")

    def __str__(self) -> str:
        return str(self.pk)


class StoredResource(models.Model):
    """One version of a resource. Visible as of s: first_seq <= s and (last_seq is null or last_seq >= s)."""

    partition = models.ForeignKey(Partition, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    type = models.CharField(max_length=64, db_collation="C")
    fhir_id = models.CharField(max_length=64, db_collation="C")
    first_seq = models.PositiveIntegerField()
    last_seq = models.PositiveIntegerField(null=True, blank=True)
    stored_at = models.DateTimeField()  # our own instant of change (D17)
    # When last_seq was set; retention counts from here.
    ended_at = models.DateTimeField(null=True, blank=True)
    source_hash = models.BinaryField(max_length=32)
    content_hash = models.BinaryField(max_length=32)
    pipeline_version = models.PositiveSmallIntegerField()
    line = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["partition", "type", "fhir_id", "first_seq"], name="records_version_once"),
            models.CheckConstraint(
                name="records_versions_are_intervals",
                condition=Q(last_seq__isnull=True) | Q(last_seq__gte=models.F("first_seq")),
            ),
            models.CheckConstraint(
                name="records_ended_at_with_last_seq",
                condition=Q(last_seq__isnull=True, ended_at__isnull=True)
                | Q(last_seq__isnull=False, ended_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["partition", "type", "fhir_id"],
                name="records_current",
                condition=Q(last_seq__isnull=True),
            ),
            models.Index(fields=["ended_at"], name="records_ended", condition=Q(ended_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.type}/{self.fhir_id}"


class ReferenceTarget(models.Model):
    """A resource that others of the partition refer to: our id for it, and where the source has it.

    `is_local` says which of the two the stored lines carry now: our relative reference when the resource
    is here, the source's absolute URL when it is not, so that no relative reference dangles.
    """

    partition = models.ForeignKey(Partition, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    type = models.CharField(max_length=64, db_collation="C")
    fhir_id = models.CharField(max_length=64, db_collation="C")
    source_id = models.CharField(max_length=256)
    external = models.CharField(max_length=700)
    is_local = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["partition", "type", "fhir_id"], name="records_target_once")]

    def __str__(self) -> str:
        return f"{self.type}/{self.fhir_id}"


LONGEST_URN = 200  # a reference by a longer one stays as it is


class UrnAlias(models.Model):
    """A resource's other name at the source (`urn:uuid:…` as fullUrl), by which others may refer to it."""

    partition = models.ForeignKey(Partition, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    urn = models.CharField(max_length=LONGEST_URN, db_collation="C")
    local = models.CharField(max_length=130, db_collation="C")  # "Type/our id"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["partition", "urn"], name="records_urn_once")]

    def __str__(self) -> str:
        return self.urn
