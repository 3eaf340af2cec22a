from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("destinations", "0002_structure"),
    ]
    operations = [
        migrations.AddField(
            model_name="connectiontest",
            name="cause",
            field=models.CharField(
                choices=[("asked", "asked"), ("scheduled", "scheduled")], default="asked", max_length=9
            ),
        ),
        migrations.AddField(
            model_name="destination",
            name="retest_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="destination",
            index=models.Index(
                condition=Q(("state__in", ["READY", "ENABLED"])), fields=["retest_at"], name="destinations_retest_due"
            ),
        ),
    ]
