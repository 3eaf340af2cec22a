"""Destinations that are there already are looked at over the first day, not all at once."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("destinations", "0003_scheduled_retests"),
    ]
    operations = [
        migrations.RunSQL(
            "UPDATE destinations_destination SET retest_at = now() + random() * interval '1 day'"
            " WHERE retest_at IS NULL;",
            migrations.RunSQL.noop,
        ),
    ]
