"""Queue: with the change or not at all, once per address, sealed; the lane is rung."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction
from django_q.models import OrmQ

from apps.mails.composing import RefusedContext
from apps.mails.kinds import MailKind
from apps.mails.models import Mail
from apps.mails.places import mail_place
from apps.mails.services import mail_owners_and_admins, mail_support, send_mail
from apps.workspaces.models import Role, Workspace
from apps.workspaces.services import add_member, create_workspace
from tests.factories import make_user
from tests.mails.conftest import Queue
from tests.mails.samples import BY, CONTEXTS, LIVE

KEY = MailKind.KEY_ISSUED


class Undone(Exception):
    pass


@pytest.mark.django_db(transaction=True)
def test_a_change_that_is_rolled_back_mails_nobody_and_rings_nothing(queue: Queue) -> None:
    with pytest.raises(Undone), transaction.atomic():
        queue()
        raise Undone
    assert (Mail.objects.count(), OrmQ.objects.count()) == (0, 0)
    queue()
    assert (Mail.objects.count(), [each.task["args"] for each in OrmQ.objects.all()]) == (1, [("mail",)])


@pytest.mark.django_db(transaction=True)
def test_a_broken_queue_does_not_break_the_caller(queue: Queue) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE django_q_ormq RENAME TO away")
    try:
        assert queue().state == "PENDING"
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO django_q_ormq")


@pytest.mark.django_db
def test_each_address_gets_one_mail_of_its_own() -> None:
    to = ["ada@acme.example", "bob@acme.example", "ADA@acme.example", "bob@acme.example"]
    assert send_mail(kind=KEY, to=to, context=CONTEXTS[KEY], place=LIVE, by=BY) == 2
    assert {each.casefold() for each in Mail.objects.values_list("recipient", flat=True)} == set(to[:2])
    assert send_mail(kind=KEY, to=[], context=CONTEXTS[KEY], place=LIVE, by=BY) == 0


@pytest.mark.django_db
def test_a_refused_context_queues_nothing() -> None:
    with pytest.raises(RefusedContext):
        send_mail(kind=KEY, to=["a@acme.example"], context={"value": "x"}, place=LIVE, by=BY)
    assert not Mail.objects.exists()


@pytest.mark.django_db
def test_the_row_holds_no_word_of_the_mail_in_clear(queue: Queue) -> None:
    mail = queue(kind=MailKind.INVITATION)
    with connection.cursor() as cursor:
        cursor.execute("SELECT m::text, encode(m.body, 'escape') FROM mails_mail m")
        stored = " ".join(cursor.fetchone())
    assert "abc-123" not in stored
    assert mail.body is not None
    assert "/invitations/abc-123_x.y:z/" in mail.body.reveal()
    assert str(mail) == "invitation (PENDING)"


@pytest.mark.django_db
def test_it_knows_its_place_without_knowing_the_apps(queue: Queue) -> None:
    mail = queue()
    assert (mail.workspace_id, mail.application_id, mail.mode) == (LIVE.workspace_id, LIVE.application_id, "live")


@pytest.fixture
def workspace(db: None) -> Workspace:
    made = create_workspace(name="Acme Health", slug="acme", owner=make_user("owner@acme.example"), by=BY)
    create_workspace(name="Other", slug="other", owner=make_user("owner@other.example"), by=BY)
    for role in Role:
        add_member(workspace=made, user=make_user(f"{role.value}2@acme.example"), role=role, by=BY)
    gone = make_user("gone@acme.example")
    add_member(workspace=made, user=gone, role=Role.OWNER, by=BY)
    gone.is_active = False
    gone.save()
    Mail.objects.all().delete()
    return made


def told() -> set[str]:
    return set(Mail.objects.values_list("recipient", flat=True))


def test_owners_and_admins_of_that_workspace_are_told_and_nobody_else(workspace: Workspace) -> None:
    context, place = CONTEXTS[MailKind.MEMBER_REMOVED], mail_place(workspace)
    mail_owners_and_admins(kind=MailKind.MEMBER_REMOVED, context=context, place=place, by=BY)
    assert told() == {"owner@acme.example", "owner2@acme.example", "admin2@acme.example"}


def test_whom_it_concerns_is_left_out_however_the_address_is_written(workspace: Workspace) -> None:
    context, place = CONTEXTS[MailKind.MEMBER_REMOVED], mail_place(workspace)
    mail_owners_and_admins(kind=MailKind.MEMBER_REMOVED, context=context, place=place, by=BY, but="Admin2@acme.example")
    assert told() == {"owner@acme.example", "owner2@acme.example"}


def test_support_is_told(workspace: Workspace) -> None:
    make_user("support@relay.example", staff=True)
    former = make_user("former@relay.example", staff=True)
    former.is_active = False
    former.save()
    kind = MailKind.LIVE_ACCESS_REQUESTED
    mail_support(kind=kind, context=CONTEXTS[kind], place=mail_place(workspace), by=BY)
    assert told() == {"support@relay.example"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    ["state='SENT', ended_at=now()", "state='SENT', body=NULL", "state='RUNNING'", "lease_until=now()", "body=NULL"],
)
def test_the_database_refuses_half_a_state(queue: Queue, change: str) -> None:
    queue()
    with pytest.raises(IntegrityError), connection.cursor() as cursor:
        cursor.execute(f"UPDATE mails_mail SET {change}")
