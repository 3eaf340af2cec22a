"""Django's registration of `apps.fhir_api`."""

from django.apps import AppConfig


class FhirApiConfig(AppConfig):
    name = "apps.fhir_api"
    label = "fhir_api"
    verbose_name = "FHIR API"
