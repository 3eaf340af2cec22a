"""The FHIR routes as a table (FHIR R4 "RESTful API")."""

from django.urls import path, re_path

from . import everything, expunge, search, views

urlpatterns = [
    path("metadata", views.metadata, name="fhir-metadata"),
    path("Patient/<str:fhir_id>/$everything", everything.everything, name="fhir-everything"),
    path("Patient/<str:fhir_id>/$expunge", expunge.expunge, name="fhir-expunge"),
    path("job/<str:job_id>/status", expunge.job_status, name="fhir-job-status"),
    path("<str:resource_type>/_search", search.search_by_form, name="fhir-search-post"),
    path("<str:resource_type>", search.search, name="fhir-search"),
    path("<str:resource_type>/<str:fhir_id>", views.read, name="fhir-read"),
    re_path(r"^.*$", views.not_supported, name="fhir-other"),
]
