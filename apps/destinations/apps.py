"""Django's registration of `apps.destinations`."""

from django.apps import AppConfig


class DestinationsConfig(AppConfig):
    name = "apps.destinations"
    label = "destinations"
    verbose_name = "Destinations"
