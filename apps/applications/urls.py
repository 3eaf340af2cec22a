"""Address of the page that makes an application; all others are below a scope (`portal/site.py`)."""

from django.urls import path

from . import views

urlpatterns = [path("w/<slug:workspace>/applications/new/", views.create, name="application_create")]
