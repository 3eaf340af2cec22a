"""Both URL families of the token endpoints, discovery and `/rest/consent` (wire contract 3; C18)."""

from django.urls import path

from . import discovery, views

urlpatterns = [
    path("link/exchange", views.exchange, name="link-exchange"),
    path("link/token", views.token, name="link-token"),
    path("oauth/token", views.token, name="oauth-token"),
    path("link/introspect", views.introspect, name="link-introspect"),
    path("link/revoke", views.revoke, name="link-revoke"),
    path(".well-known/jwks.json", discovery.jwks, name="jwks"),
    path(".well-known/smart-configuration", discovery.smart_configuration, name="smart-configuration"),
    path(".well-known/oauth-authorization-server", discovery.authorization_server, name="oauth-metadata"),
]
