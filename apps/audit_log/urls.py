"""Address of the workspace's audit trail."""

from django.urls import path

from . import views

urlpatterns = [path("w/<slug:workspace>/audit/", views.workspace_audit, name="workspace_audit")]
