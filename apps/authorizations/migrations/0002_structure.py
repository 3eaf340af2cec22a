"""What the ORM cannot say: legal transitions, and a mode that an authorization shares with consent and endpoint."""

from django.db import migrations

from apps.authorizations.states import TRANSITIONS
from apps.outbox.transitions import transition_trigger

TABLE = "authorizations_patientauthorization"


class Migration(migrations.Migration):
    dependencies = [
        ("authorizations", "0001_initial"),
        ("directory", "0001_initial"),
        ("outbox", "0001_refuse_unlisted_transitions"),
    ]
    operations = [
        migrations.RunSQL(*transition_trigger(TABLE, TRANSITIONS)),
        migrations.RunSQL(
            f"ALTER TABLE {TABLE} ADD CONSTRAINT authorizations_consent_scope_fk"
            " FOREIGN KEY (consent_id, application_id, mode)"
            " REFERENCES authorizations_consent (id, application_id, mode);",
            f"ALTER TABLE {TABLE} DROP CONSTRAINT authorizations_consent_scope_fk;",
        ),
        migrations.RunSQL(
            f"ALTER TABLE {TABLE} ADD CONSTRAINT authorizations_endpoint_scope_fk"
            " FOREIGN KEY (endpoint_id, mode) REFERENCES directory_endpoint (id, mode);",
            f"ALTER TABLE {TABLE} DROP CONSTRAINT authorizations_endpoint_scope_fk;",
        ),
    ]
