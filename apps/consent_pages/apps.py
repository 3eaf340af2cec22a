"""Django's registration of `apps.consent_pages`."""

from django.apps import AppConfig


class ConsentPagesConfig(AppConfig):
    name = "apps.consent_pages"
    label = "consent_pages"
    verbose_name = "Consent pages"
