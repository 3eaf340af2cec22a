"""`manage.py urls`: the address of every page, with ids of what is in the database, for those who look at all of them.

Prints `name=/path`, one a line. What has no sample (an empty list has no object page) is named on standard error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from apps.applications.models import Application
from apps.workspaces.scoped_admin import scope_url

PARTS = ("entrance", "account", "workspace", "test", "live", "support")
ENTRANCE = ("account_login", "account_signup", "account_reset_password", "account_reset_password_done")
ACCOUNT = (
    "home", "workspace_create", "search", "appearance", "styleguide", "account_email", "account_change_password",
    "account_logout", "account_reauthenticate", "mfa_index", "mfa_list_webauthn",
)  # fmt: skip


class NoSample(Exception):
    """The database has no object for this page."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where samples are taken from. `mode` is "" for the console and the pages above any application."""

    application: Application
    mode: str
    in_workspace: bool = False

    def sample(self, page: str, parameter: str) -> object:
        """Return the id of an object for a page's parameter. Raises: NoSample"""
        if parameter == "workspace":
            return self.application.workspace.slug
        model = _model_of(page, parameter)
        names = {field.name for field in model._meta.get_fields()}
        owner = {"application": self.application, "workspace": self.application.workspace}
        within: dict[str, Any] = {name: value for name, value in owner.items() if name in names and self.mode != ""}
        if self.mode and "mode" in names:
            within["mode"] = self.mode
        if self.in_workspace:
            within |= {"workspace": self.application.workspace} if "workspace" in names else {}
            within |= {"workspace_id": str(self.application.workspace_id)} if "workspace_id" in names else {}
        if "application_id" in names:  # the audit trail has no foreign keys
            within |= {"application_id": str(self.application.pk)} if self.mode else {}
        found = model._default_manager.filter(**within).order_by("-pk").values_list("pk", flat=True).first()
        if found is None:
            raise NoSample
        return found


class Command(BaseCommand):
    help = "Print the address of every page, with ids of what is there."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", help="its short name; by default the oldest that has an application")
        parser.add_argument("--part", action="append", choices=PARTS, help="only these pages; may be repeated")

    def handle(self, *args: Any, workspace: str | None, part: list[str] | None, **options: Any) -> None:
        applications = Application.objects.select_related("workspace").order_by("created_at", "pk")
        if workspace:
            applications = applications.filter(workspace__slug=workspace)
        application = applications.first()
        if application is None:
            raise CommandError("There is no application. `make demo` makes one.")
        for name in part or PARTS:
            for line in self._lines(name, application):
                self.stdout.write(line)

    def _lines(self, part: str, application: Application) -> Iterator[str]:
        if part in ("entrance", "account"):
            names = ENTRANCE if part == "entrance" else ACCOUNT
            yield from (f"{part}-{name}={reverse(name)}" for name in names)
            return
        place = Place(application, part if part in ("test", "live") else "", in_workspace=part == "workspace")
        for site, name, parameters in sorted(set(_walk(get_resolver(), "", ()))):
            if site != ("" if part == "workspace" else part) or (part == "workspace" and "workspace" not in parameters):
                continue
            try:
                values = [place.sample(name, parameter) for parameter in parameters]
            except NoSample:
                self.stderr.write(f"no sample for {part}:{name}")
                continue
            yield f"{part}-{name}={_address(application, site, name, values)}"


def _address(application: Application, site: str, name: str, values: list[object]) -> str:
    if site in ("test", "live"):
        return scope_url(application.workspace.slug, application.slug, site, name, *values)
    return reverse(f"{site}:{name}" if site else name, args=values)


def _walk(resolver: URLResolver, site: str, parameters: tuple[str, ...]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for each in resolver.url_patterns:
        found = (*parameters, *each.pattern.converters)
        if isinstance(each, URLResolver):
            yield from _walk(each, each.namespace or site, found)
        elif isinstance(each, URLPattern) and each.name and _is_page(each):
            yield site, each.name, found


def _is_page(pattern: URLPattern) -> bool:
    view = pattern.callback
    return "GET" in getattr(view, "methods", ("GET",)) and not hasattr(view, "cls") and not hasattr(view, "view_class")


def _model_of(page: str, parameter: str) -> type[Model]:
    """Find the model of `destination_id`, or of the `object_id` of `destinations_destination_change`."""
    stem = page.rpartition("_")[0].rpartition("_")[2] if parameter == "object_id" else parameter.removesuffix("_id")
    ours = [model for model in apps.get_models() if model.__module__.startswith("apps.")]
    named = [model for model in ours if (model._meta.model_name or "").endswith(stem)]
    exact = [model for model in named if model._meta.model_name == stem]
    if not named:
        raise NoSample
    return (exact or named)[0]
