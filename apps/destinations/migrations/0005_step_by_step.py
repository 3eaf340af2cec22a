from django.db import migrations, models
from django.db.models import Q

from apps.encryption.fields import SealedField


class Migration(migrations.Migration):
    dependencies = [
        ("destinations", "0004_spread_first_retests"),
    ]
    operations = [
        migrations.AddField(
            model_name="destinationsecret",
            name="next_external_id",
            field=SealedField(null=True, purpose="destinations_destinationsecret.next_external_id"),
        ),
        migrations.AlterField(
            model_name="connectiontest",
            name="cause",
            field=models.CharField(
                choices=[("asked", "asked"), ("candidate", "candidate"), ("scheduled", "scheduled")],
                default="asked",
                max_length=9,
            ),
        ),
        migrations.AddConstraint(
            model_name="destination",
            constraint=models.CheckConstraint(
                condition=Q(("state__in", ["DRAFT", "DELETED"])) | ~Q(("role_arn", "")),
                name="destinations_role_unless_draft",
            ),
        ),
    ]
