"""Addresses of the workspace's audit trail."""

from django.urls import path

from . import views

urlpatterns = [
    path("w/<slug:workspace>/audit/", views.workspace_audit, name="workspace_audit"),
    path("w/<slug:workspace>/audit/export.csv", views.workspace_audit_csv),
    path("w/<slug:workspace>/audit/<int:object_id>/", views.workspace_event, name="audit_auditevent_change"),
]
