"""Legal transitions, and a job that shares application and mode with its authorization."""

from django.db import migrations

from apps.outbox.transitions import transition_trigger
from apps.syncs.states import TRANSITIONS


class Migration(migrations.Migration):
    dependencies = [
        ("syncs", "0001_initial"),
        ("authorizations", "0002_structure"),
        ("outbox", "0001_refuse_unlisted_transitions"),
    ]
    operations = [
        migrations.RunSQL(*transition_trigger("syncs_syncjob", TRANSITIONS)),
        migrations.RunSQL(
            "ALTER TABLE syncs_syncjob ADD CONSTRAINT syncs_authorization_scope_fk"
            " FOREIGN KEY (authorization_id, application_id, mode)"
            " REFERENCES authorizations_patientauthorization (id, application_id, mode);",
            "ALTER TABLE syncs_syncjob DROP CONSTRAINT syncs_authorization_scope_fk;",
        ),
    ]
