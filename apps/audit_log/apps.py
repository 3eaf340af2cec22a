"""Django's registration of `apps.audit_log`."""

from django.apps import AppConfig


class AuditLogConfig(AppConfig):
    name = "apps.audit_log"
    label = "audit_log"
    verbose_name = "Audit log"
