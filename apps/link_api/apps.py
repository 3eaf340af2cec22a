"""Django's registration of `apps.link_api`."""

from django.apps import AppConfig


class LinkApiConfig(AppConfig):
    name = "apps.link_api"
    label = "link_api"
    verbose_name = "Link API"
