"""The first words that patients agree to (rulings B17): rows that never change; new words are new rows."""

from django.db import migrations

BODY = """\
{application} asks to receive a copy of your health records from the source that you choose.

What is shared: claims and coverage, visits, conditions, medicines, laboratory results, vital signs, immunizations, \
procedures, care plans, documents, and the names of those who treated you, as far as your source has them. \
Nothing is left out by subject: this may include mental health, substance use and reproductive health.

Who gets it: {application}, and nobody else through us. We do not sell your records.

For how long: {duration}

How to stop: tell {application}. What was fetched is then deleted from our systems; \
what {application} has received already is under its own rules.
"""


def add(apps, schema_editor):
    apps.get_model("authorizations", "ConsentText").objects.get_or_create(
        version="2026-11", locale="en", defaults={"body": BODY}
    )


class Migration(migrations.Migration):
    dependencies = [("authorizations", "0002_structure")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
