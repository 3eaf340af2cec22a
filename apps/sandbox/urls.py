"""Test-mode automation (architecture 2): what a developer's own CI calls."""

from django.urls import path

from . import views

urlpatterns = [
    path("public_token", views.public_token, name="sandbox-public-token"),
    path("authorize", views.authorize, name="sandbox-authorize"),
]
