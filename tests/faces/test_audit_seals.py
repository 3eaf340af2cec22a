"""Audit log: what its pages say of the seals."""

from __future__ import annotations

import pytest

from apps.audit.models import AuditEvent
from apps.audit.services import seal_events
from apps.workspaces.models import Role
from tests.factories import client_of, make_world

from .pages import text_of


@pytest.mark.django_db(transaction=True)
def test_sealed_event_is_recomputed_and_a_changed_one_is_called_broken(transactional_db: None) -> None:
    acme = make_world("acme")
    owner = client_of(acme.people[Role.OWNER])
    assert "wait for a seal" in text_of(owner, "/w/acme/audit/")
    seal_events()
    assert "Every event of this workspace is sealed" in text_of(owner, "/w/acme/audit/")
    first, second = AuditEvent.objects.filter(workspace_id=str(acme.workspace.pk)).order_by("pk")[:2]
    for event in (first, second):
        assert "follows from the event before it" in text_of(owner, f"/w/acme/audit/{event.pk}/")
    AuditEvent.objects.filter(pk=second.pk).update(actor_label="somebody else")
    assert "was changed or taken away" in text_of(owner, f"/w/acme/audit/{second.pk}/")
    assert "follows from the event before it" in text_of(owner, f"/w/acme/audit/{first.pk}/")
