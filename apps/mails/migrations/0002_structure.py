"""What the ORM cannot say: which state may follow which."""

from django.db import migrations

from apps.mails.states import MAIL_TRANSITIONS
from apps.outbox.transitions import transition_trigger


class Migration(migrations.Migration):
    dependencies = [("mails", "0001_initial"), ("outbox", "0001_refuse_unlisted_transitions")]
    operations = [migrations.RunSQL(*transition_trigger("mails_mail", MAIL_TRANSITIONS))]
