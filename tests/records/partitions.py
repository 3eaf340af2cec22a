"""A partition to fill by hand: real transforms, real staging, no source."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from apps.applications.keys import Mode
from apps.applications.services import create_application
from apps.audit.events import SYSTEM
from apps.authorizations.models import PatientAuthorization
from apps.records.models import Partition
from apps.records.services import Closed, close_sequence, open_partition, stage_resources
from apps.transforms.pipeline import SourceContext, Transformed, transform
from apps.workspaces.models import User
from apps.workspaces.services import create_workspace
from tests import factories

BASE = "https://payer.example/fhir"
Key = tuple[str, str]


@dataclass(frozen=True)
class Resource:
    """A resource at the source: `refs` are "Type/source id" or a urn."""

    type: str
    id: str
    content: str = ""
    refs: tuple[str, ...] = ()
    more: Mapping[str, object] = field(default_factory=dict, hash=False)

    def raw(self) -> bytes:
        value = {
            "resourceType": self.type,
            "id": self.id,
            "note": [{"text": self.content}],
            "basedOn": [{"reference": each} for each in self.refs],
            **self.more,
        }
        return json.dumps(value).encode()


def make_authorization() -> PatientAuthorization:
    slug = f"w{uuid.uuid4().hex[:12]}"
    workspace = create_workspace(
        name=slug, slug=slug, owner=User.objects.create_user(f"{slug}@records.example"), by=SYSTEM
    )
    application = create_application(workspace=workspace, name="Care", slug="care", by=SYSTEM)
    endpoint = factories.make_endpoint(Mode.TEST)
    return factories.make_authorization(application, Mode.TEST, endpoint, user="user-1")


@dataclass
class Filled:
    """One partition, filled sync by sync; `seq` is the sequence that is closed."""

    partition: Partition
    context: SourceContext
    seq: int = 0
    keys: set[str] = field(default_factory=set)

    @classmethod
    def make(cls) -> Filled:
        return cls.of(make_authorization())

    @classmethod
    def of(cls, authorization: PatientAuthorization) -> Filled:
        context = SourceContext(
            application_id=str(authorization.application_id),
            mode="TEST",
            endpoint_id=str(authorization.endpoint_id),
            endpoint_name="Payer",
            fhir_base=BASE,
            authorization_id=str(authorization.pk),
            consent_id=str(authorization.consent_id),
            authorization_type="OAUTH",
            patient_id=uuid.uuid4(),
            source_patient_id="me",
            tag_base="https://tags.example/",
        )
        return cls(open_partition(authorization), context)

    def transformed(self, resource: Resource) -> Transformed:
        return transform(resource.raw(), context=self.context)

    def new_id(self, kind: str, source_id: str) -> str:
        return self.context.new_id(kind, source_id)

    def stage(self, page: Iterable[Resource], urns: dict[str, Resource] | None = None) -> int:
        """Stage one page of the running sync; return how many rows it wrote."""
        resources = [self.transformed(each) for each in page]
        written = stage_resources(
            partition_id=self.partition.pk,
            seq=self.seq + 1,
            resources=resources,
            targets=[target for each in resources for target in each.targets],
            aliases={urn: f"{each.type}/{self.new_id(each.type, each.id)}" for urn, each in (urns or {}).items()},
            now=factories.NOW,
        )
        self.keys.update(f"{each.type}/{each.id}" for each in resources)
        return written

    def close(self, *complete_types: str) -> Closed:
        self.seq += 1
        closed = close_sequence(
            partition_id=self.partition.pk,
            seq=self.seq,
            keys=self.keys,
            complete_types=complete_types,
            now=factories.NOW,
        )
        self.keys = set()
        return closed
