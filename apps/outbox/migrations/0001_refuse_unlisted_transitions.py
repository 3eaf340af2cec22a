"""The function behind every transition trigger, and the index that django-q2's poll lacks (queue.md 1.1)."""

from django.db import migrations

from apps.outbox.transitions import DROP_FUNCTION, FUNCTION


class Migration(migrations.Migration):
    dependencies = [("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more")]
    operations = [
        migrations.RunSQL(FUNCTION, DROP_FUNCTION),
        migrations.RunSQL(
            "CREATE INDEX IF NOT EXISTS outbox_ormq_key_lock ON django_q_ormq (key, lock);",
            "DROP INDEX IF EXISTS outbox_ormq_key_lock;",
        ),
    ]
