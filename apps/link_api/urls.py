"""Both URL families of the token endpoints, discovery and `/rest/consent` (wire contract 3; C18)."""

from django.urls import path

from . import consents, discovery, registration, views

urlpatterns = [
    path("link/exchange", views.exchange, name="link-exchange"),
    path("link/token", views.token, name="link-token"),
    path("oauth/token", views.token, name="oauth-token"),
    path("link/introspect", views.introspect, name="link-introspect"),
    path("oauth/introspect", views.introspect, name="oauth-introspect"),
    path("link/revoke", views.revoke, name="link-revoke"),
    path("oauth/revoke", views.revoke, name="oauth-revoke"),
    path("oauth/register", registration.register, name="oauth-register"),
    path("rest/consent", consents.consent, name="rest-consent"),
    path(".well-known/jwks.json", discovery.jwks, name="jwks"),
    path(".well-known/smart-configuration", discovery.smart_configuration, name="smart-configuration"),
    path(".well-known/oauth-authorization-server", discovery.authorization_server, name="oauth-metadata"),
    path(".well-known/openid-configuration", discovery.openid_configuration, name="openid-configuration"),
    path(".well-known/oauth-protected-resource", discovery.protected_resource, name="resource-metadata"),
    path(".well-known/oauth-protected-resource/<str:resource>", discovery.protected_resource, name="resource-of"),
]
