"""What the ORM cannot say: legal transitions, and that a delivery shares application and mode with both its ends."""

from django.db import migrations

from apps.destinations.states import DELIVERY_TRANSITIONS, DESTINATION_TRANSITIONS
from apps.outbox.transitions import transition_trigger


class Migration(migrations.Migration):
    dependencies = [
        ("destinations", "0001_initial"),
        ("authorizations", "0002_structure"),
        ("outbox", "0001_refuse_unlisted_transitions"),
    ]
    operations = [
        migrations.RunSQL(*transition_trigger("destinations_destination", DESTINATION_TRANSITIONS)),
        migrations.RunSQL(*transition_trigger("destinations_delivery", DELIVERY_TRANSITIONS)),
        # A test sync can reach no live destination: there is no row that would say so (architecture 6).
        migrations.RunSQL(
            "ALTER TABLE destinations_delivery ADD CONSTRAINT deliveries_destination_scope_fk"
            " FOREIGN KEY (destination_id, application_id, mode)"
            " REFERENCES destinations_destination (id, application_id, mode);",
            "ALTER TABLE destinations_delivery DROP CONSTRAINT deliveries_destination_scope_fk;",
        ),
        migrations.RunSQL(
            "ALTER TABLE destinations_delivery ADD CONSTRAINT deliveries_authorization_scope_fk"
            " FOREIGN KEY (authorization_id, application_id, mode)"
            " REFERENCES authorizations_patientauthorization (id, application_id, mode);",
            "ALTER TABLE destinations_delivery DROP CONSTRAINT deliveries_authorization_scope_fk;",
        ),
    ]
