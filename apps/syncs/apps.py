"""Django's registration of `apps.syncs`."""

from django.apps import AppConfig


class SyncsConfig(AppConfig):
    name = "apps.syncs"
    label = "syncs"
    verbose_name = "Syncs"
