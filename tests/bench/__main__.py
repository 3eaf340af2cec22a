"""`make bench`: ingest against the same pipeline without the database, and a refresh in which nothing changed.

The resources are the sandbox's largest member (about 5,000). More figures follow with their own issue.
"""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

VAR = Path(tempfile.mkdtemp(prefix="record-relay-bench-"))
os.environ |= {"VAR": str(VAR), "ALLOW_EMBEDDED_DATABASE": "1", "DJANGO_SETTINGS_MODULE": "portal.settings"}
os.environ.pop("DATABASE_URL", None)
BATCH = 100


def best_of(runs: int, work: Callable[[], object], prepare: Callable[[], object] = lambda: None) -> float:
    """Return the shortest time in seconds."""
    times = []
    for _ in range(runs):
        prepare()
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def main() -> None:
    import django

    from portal.embedded_postgres import EmbeddedPostgres
    from portal.local_secrets import ensure_local_secrets

    ensure_local_secrets(VAR)
    server = EmbeddedPostgres(VAR)
    server.ensure_running()
    try:
        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        measure()
    finally:
        server.stop("immediate")
        server.destroy()
        shutil.rmtree(VAR, ignore_errors=True)


def measure() -> None:
    from django.utils import timezone

    from apps.fhir import codec
    from apps.records.models import StoredResource
    from apps.records.services import stage_resources
    from apps.records.services.staging import without_cycle_collection
    from apps.sandbox.payer.generator.whole_record import generate
    from apps.sandbox.payer.members import find_member
    from apps.transforms.pipeline import ResourceError, SourceContext, Transformed, transform

    member = find_member("patient30@flexpa.com")
    assert member is not None
    base = "http://payer.invalid/fhir"
    raws = [
        resource.text.encode() if isinstance(resource.text, str) else resource.text
        for resource in generate(member, base)
    ]
    context = SourceContext(
        application_id="app", mode="TEST", endpoint_id="endpoint", endpoint_name="bench", fhir_base=base,
        authorization_id="authorization", consent_id="consent", authorization_type="OAUTH", patient_id=UUID(int=1),
        source_patient_id=member.patient_id, tag_base="https://fhir.flexpa.com/identifiers/",
    )  # fmt: skip

    def transformed(batch: list[bytes]) -> list[Transformed]:
        found = []
        for raw in batch:
            try:
                found.append(transform(raw, context=context))
            except ResourceError:
                continue
        return found

    batches = [raws[start : start + BATCH] for start in range(0, len(raws), BATCH)]

    def bare() -> None:
        with without_cycle_collection():
            for raw in raws:
                codec.encode(codec.decode(raw))

    def pipeline() -> None:
        for batch in batches:
            with without_cycle_collection():
                transformed(batch)

    def into_database() -> None:
        for batch in batches:
            with without_cycle_collection():
                found = transformed(batch)
            stage_resources(partition_id=1, seq=1, resources=found, aliases={}, now=timezone.now())

    def empty() -> None:
        StoredResource.objects.all().delete()

    codec_seconds, pipeline_seconds = best_of(3, bare), best_of(3, pipeline)
    ingest_seconds = best_of(3, into_database, empty)
    refresh_seconds = best_of(3, into_database)
    size = sum(map(len, raws)) / 1e6
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{len(raws)} resources, {size:.1f} MB, batches of {BATCH}, best of 3")
    print(f"pipeline without database / decode + encode:         {codec_seconds / pipeline_seconds:.2f}  (rate ratio)")
    print(f"ingest into PostgreSQL / pipeline without database:  {pipeline_seconds / ingest_seconds:.2f}")
    print(f"refresh with nothing changed / decode + encode:      {codec_seconds / refresh_seconds:.2f}")


if __name__ == "__main__":
    main()
