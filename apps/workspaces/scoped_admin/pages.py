"""Render a page of our own with what every page has: title, breadcrumbs, what this role may do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from .guards import Need, may
from .once import issue_ticket

Crumb = tuple[str, str]  # text, address ("" for the page itself)


def page_context(request: HttpRequest, *, title: str, crumbs: list[Crumb]) -> dict[str, Any]:
    """Return what `base.html` reads beside the context processors."""
    return {"title": title, "crumbs": crumbs, "can": rights(request)}


def rights(request: HttpRequest) -> dict[str, bool]:
    """Return which kinds of button this person gets. Shape: {"write": True, "guard": False, …}"""
    scope = getattr(request, "scope", None)
    membership = getattr(request, "membership", None)
    role, mode = (scope.role, str(scope.mode)) if scope else (membership.role if membership else "", "")
    return {need.value: bool(role) and may(role, need, mode) for need in Need}


def render_page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    title: str,
    crumbs: list[Crumb],
    status: int = 200,
) -> HttpResponse:
    """Answer with a page in our layout; a form in it gets its ticket."""
    whole = {**page_context(request, title=title, crumbs=crumbs), **context}
    if "form" in whole:
        whole["ticket"] = issue_ticket(request)
    return render(request, template, whole, status=status)


def field_errors(form: forms.Form, errors: Mapping[str, list[str]]) -> None:
    """Put a service's complaints beside the fields they speak of."""
    for name, messages in errors.items():
        for message in messages:
            form.add_error(name if name in form.fields else None, message)
