"""The FHIR routes as a table (FHIR R4 "RESTful API")."""

from django.urls import path, re_path

from . import everything, search, views

urlpatterns = [
    path("metadata", views.metadata, name="fhir-metadata"),
    path("Patient/<str:fhir_id>/$everything", everything.everything, name="fhir-everything"),
    path("<str:resource_type>/_search", search.search, name="fhir-search-post"),
    path("<str:resource_type>", search.search, name="fhir-search"),
    path("<str:resource_type>/<str:fhir_id>", views.read, name="fhir-read"),
    re_path(r"^.*$", views.not_supported, name="fhir-other"),
]
