"""`manage.py rotate_keys`: seal every stored secret under the first of FIELD_ENCRYPTION_KEYS."""

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError

from apps.encryption.rotation import reseal_all


class Command(BaseCommand):
    help = "Seal every stored secret under the first of FIELD_ENCRYPTION_KEYS; prints counts per table."

    def handle(self, *args: Any, **options: Any) -> None:
        counts = reseal_all(apps.get_models(include_auto_created=True))
        for each in counts:
            self.stdout.write(
                f"{each.table}: {each.resealed} re-sealed, {each.current} already current, {each.unreadable} unreadable"
            )
        if any(each.unreadable for each in counts):
            raise CommandError("Some values open with none of the keys. Put the missing key back, run again.")
        self.stdout.write(
            "Remove an old key only after a run that re-sealed nothing. API keys, refresh tokens and codes"
            " are kept as hashes: those that were made under the old key stop working with it."
        )
