"""Django's registration of `apps.mails`."""

from django.apps import AppConfig


class MailsConfig(AppConfig):
    name = "apps.mails"
    label = "mails"
    verbose_name = "E-mails"

    def ready(self) -> None:
        from apps.mails import checks  # noqa: F401  (registers them)
