"""Which sync job runs next, and whether the one that runs may go on: live first, fair to teams, gentle to sources."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from apps.applications.models import Application
from apps.outbox.claims import LostLease, take
from apps.outbox.statements import run

from ..models import SyncJob
from ..states import SyncState

RUNNING_PER_APPLICATION = 4
CLAIM_LOCK = 0x53594E43  # "SYNC": one claim at a time, or two would both see the last place free

# Live first, then whoever was served longest ago; a busy application and a busy or closed endpoint wait.
CANDIDATE = """
WITH running AS (
    SELECT other.application_id, own.endpoint_id
    FROM syncs_syncjob other JOIN authorizations_patientauthorization own ON own.id = other.authorization_id
    WHERE other.state = 'ACTIVE'
), busy AS (
    SELECT endpoint.id FROM running JOIN directory_endpoint endpoint ON endpoint.id = running.endpoint_id
    GROUP BY endpoint.id HAVING count(*) >= endpoint.concurrent_syncs
    UNION ALL SELECT endpoint_id FROM directory_endpointbudget WHERE closed_until > now() OR ready_at > now()
)
SELECT job.id FROM syncs_syncjob job
JOIN applications_application app ON app.id = job.application_id
JOIN authorizations_patientauthorization own ON own.id = job.authorization_id
WHERE job.state = 'WAITING' AND job.next_attempt_at <= now()
  AND job.application_id NOT IN (SELECT application_id FROM running GROUP BY application_id HAVING count(*) >= %s)
  AND own.endpoint_id NOT IN (SELECT id FROM busy)
ORDER BY job.mode = 'live' DESC, app.last_served_at ASC NULLS FIRST, job.next_attempt_at, job.id
LIMIT 1 FOR UPDATE OF job SKIP LOCKED
"""
# In the one statement that goes with every page anyway: how long the endpoint wants to be left alone.
BEAT = """
UPDATE syncs_syncjob SET lease_until = statement_timestamp() + make_interval(secs => %s)
WHERE id = %s AND lease_token = %s AND lease_until > statement_timestamp()
RETURNING coalesce((SELECT greatest(extract(epoch FROM closed_until - statement_timestamp()), 0)::float8
                    FROM directory_endpointbudget WHERE endpoint_id = %s), 0)
"""


@transaction.atomic
def claim_job() -> tuple[SyncJob, uuid.UUID] | None:
    """Take the next job and the fence that lets us settle it; None when none may run."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CLAIM_LOCK])
    # A statement of its own: it sees what the holder of the lock before us has committed.
    found = run(CANDIDATE, [RUNNING_PER_APPLICATION]).fetchone()
    if found is None:
        return None
    job = SyncJob.objects.get(pk=found[0])
    token = take(job, from_states=(SyncState.WAITING,), to_state=SyncState.ACTIVE)
    if token is None:
        return None
    Application.objects.filter(pk=job.application_id).update(last_served_at=Now())
    SyncJob.objects.filter(pk=job.pk, started_at__isnull=True).update(started_at=Now())
    return SyncJob.objects.select_related(
        "authorization__endpoint", "authorization__application", "authorization__consent"
    ).get(pk=job.pk), token


def beat(job: SyncJob, token: uuid.UUID, endpoint_id: uuid.UUID) -> float:
    """Prolong the lease; return for how many seconds nobody may ask the endpoint. Raises: LostLease."""
    found = run(BEAT, [settings.LEASE_SECONDS, job.pk, token, endpoint_id]).fetchone()
    if found is None:
        raise LostLease(str(job.pk))
    return float(found[0])
