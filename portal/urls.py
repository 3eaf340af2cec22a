"""Every address of the product, by part."""

from django.urls import include, path

from apps.consent_pages.widget import at_root
from apps.dashboard.views import search_everywhere
from apps.workspaces.views import home
from portal.api_urls import scoped_urlpatterns
from portal.health import healthz, readyz
from portal.site import live_site, support_site, test_site

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("accounts/", include("allauth.account.urls")),
    path("search/", search_everywhere, name="search"),
    path("", at_root(home)),  # before the named one: builds of the widget open their frame here
    path("", include("apps.workspaces.urls")),
    path("", include("apps.applications.urls")),
    path("", include("apps.audit_log.urls")),
    # Below /w/<workspace>/a/<application>, which the path middleware has taken off.
    path("test/api/v1/", include(scoped_urlpatterns)),
    path("live/api/v1/", include(scoped_urlpatterns)),
    path("test/", test_site.urls),
    path("live/", live_site.urls),
    path("support/", support_site.urls),
    path("api/v1/", include("portal.api_urls")),
    path("fhir/", include("apps.fhir_api.urls")),
    path("link/sandbox/", include("apps.sandbox.urls")),
    path("", include("apps.link_api.urls")),
    path("", include("apps.consent_pages.urls")),
]
handler400 = "portal.errors.bad_request"
handler403 = "portal.errors.forbidden"
handler404 = "portal.errors.not_found"
handler500 = "portal.errors.server_error"
