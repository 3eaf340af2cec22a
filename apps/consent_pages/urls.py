"""Routes of the patient's pages; `/oauth/authorize` is the same page under its other name (C18)."""

from django.urls import path

from . import views, widget

urlpatterns = [
    path("link/auth", views.authorize, name="link-auth"),
    path("oauth/authorize", views.authorize, name="oauth-authorize"),
    path("link/open", views.open_link, name="link-open"),
    path("link/c/<str:ticket>/", views.introduction, name="consent"),
    path("link/c/<str:ticket>/source/", views.choose_source, name="consent-source"),
    path("link/c/<str:ticket>/confirm/", views.confirm, name="consent-confirm"),
    path("link/c/<str:ticket>/waiting/", widget.waiting, name="consent-waiting"),
    path("link/c/<str:ticket>/result/", widget.result, name="consent-result"),
    path("v1/", widget.script, name="widget-script"),
    path("link/callback", views.callback, name="link-callback"),
]
