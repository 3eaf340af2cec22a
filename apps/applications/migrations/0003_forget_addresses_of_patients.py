from typing import Any

from django.db import migrations


def forget(apps: Any, schema_editor: Any) -> None:
    """A publishable key is used from patients' devices: their addresses were kept until now."""
    apps.get_model("applications", "ApiKey").objects.filter(kind="publishable").update(last_used_ip="")


class Migration(migrations.Migration):
    dependencies = [("applications", "0002_initial")]
    operations = [migrations.RunPython(forget, migrations.RunPython.noop)]
