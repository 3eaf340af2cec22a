"""Every address of the portal, its console and the workspace pages, collected from the resolver itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver, reverse, set_script_prefix

from apps.mails.models import Mail
from apps.workspaces.models import Role
from tests.factories import NOW, World

OURS = ("apps.workspaces.", "apps.applications.", "apps.audit_log.")


@dataclass(frozen=True)
class Page:
    """A named address. `site` is test, live, support or "" for pages above any scope."""

    site: str
    name: str
    parameters: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.site or 'workspace'}:{self.name}"

    def url(self, world: World, ids: World | None = None, mode: str = "") -> str:
        """Return the address in `world`, with the objects of `ids` in `mode` (by default its own)."""
        mode = mode or (self.site if self.site in ("test", "live") else "test")
        values = {name: _value(self, name, ids or world, mode) for name in self.parameters}
        if "workspace" in values:
            values["workspace"] = world.workspace.slug
        set_script_prefix("/")
        path = reverse(f"{self.site}:{self.name}" if self.site else self.name, kwargs=values)
        return world.base(self.site) + path.removeprefix(f"/{self.site}/") if self.site in ("test", "live") else path


def _value(page: Page, parameter: str, world: World, mode: str) -> object:
    furniture = world.furniture(mode)
    if parameter == "object_id":
        model = page.name.rpartition("_")[0]
        if model == "mails_mail":
            return failed_mail(world).pk
        return {
            "applications_apikey": furniture.key.pk,
            "destinations_destination": furniture.destination.pk,
            "destinations_delivery": furniture.delivery.pk,
            "destinations_bulkaction": furniture.bulk_action.pk,
            "authorizations_patientauthorization": furniture.authorization.pk,
            "syncs_syncjob": furniture.sync_job.pk,
            "audit_auditevent": furniture.event.pk,
            "applications_liveaccessrequest": world.open_request.pk,
            "applications_application": world.application.pk,
            "workspaces_workspace": world.workspace.pk,
            "directory_endpoint": furniture.endpoint.pk,
        }[model]
    return {
        "workspace": world.workspace.slug,
        "key_id": furniture.key.pk,
        "destination_id": furniture.destination.pk,
        "delivery_id": furniture.delivery.pk,
        "authorization_id": furniture.authorization.pk,
        "request_id": world.open_request.pk,
        "uri_id": furniture.redirect_uri.pk,
        "origin_id": furniture.allowed_origin.pk,
        "invitation_id": world.workspace.invitations.get().pk,
        "membership_id": world.workspace.memberships.get(user=world.people[Role.VIEWER]).pk,
    }[parameter]


def failed_mail(world: World) -> Mail:
    """Return a mail of the world that did not leave, made when it is first asked for."""
    place = {"workspace_id": str(world.workspace.pk), "application_id": str(world.application.pk), "mode": "live"}
    ended = {"state": "FAILED", "ended_at": NOW, "next_attempt_at": NOW, "error_code": "smtp-550"}
    return Mail.objects.get_or_create(kind="key_issued", recipient="gone@acme.example", **place, defaults=ended)[0]


def list_pages() -> list[Page]:
    return sorted(set(_walk(get_resolver(), "", ())), key=str)


def _walk(resolver: URLResolver, site: str, parameters: tuple[str, ...]) -> Iterator[Page]:
    for each in resolver.url_patterns:
        found = (*parameters, *each.pattern.converters)
        if isinstance(each, URLResolver):
            yield from _walk(each, each.namespace or site, found)
        elif isinstance(each, URLPattern) and each.name and (site or _is_ours(each)):
            yield Page(site, each.name, found)


def _is_ours(pattern: URLPattern) -> bool:
    view = pattern.callback
    return view.__module__.startswith(OURS) and not view.__module__.endswith("api")
