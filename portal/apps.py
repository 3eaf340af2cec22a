"""Registers the roof's system checks and its commands."""

from django.apps import AppConfig
from django.contrib.staticfiles.apps import StaticFilesConfig


class PortalConfig(AppConfig):
    name = "portal"
    label = "portal"

    def ready(self) -> None:
        from portal import checks  # noqa: F401


class PortalStaticFilesConfig(StaticFilesConfig):
    """Collects what our pages use: compressing the rest took half a minute of `make demo`."""

    ignore_patterns = ("CVS", ".*", "*~", "admin", "rest_framework", "redoc*", "django_htmx")
