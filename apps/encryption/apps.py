"""Django's registration of `apps.encryption`."""

from django.apps import AppConfig


class EncryptionConfig(AppConfig):
    name = "apps.encryption"
    label = "encryption"
    verbose_name = "Encryption"

    def ready(self) -> None:
        from apps.encryption import checks  # noqa: F401  (registers them)
