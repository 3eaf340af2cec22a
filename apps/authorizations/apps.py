"""Django's registration of `apps.authorizations`."""

from django.apps import AppConfig


class AuthorizationsConfig(AppConfig):
    name = "apps.authorizations"
    label = "authorizations"
    verbose_name = "Authorizations"
