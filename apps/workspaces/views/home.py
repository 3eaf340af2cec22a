"""My workspaces, and a new one."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.cache import never_cache

from ..authentication import actor_of, person_of
from ..forms import NewWorkspaceForm
from ..models import Membership
from ..scoped_admin import Crumb, Need, may, render_page
from ..scoped_admin.guards import takes
from ..selectors import has_second_factor
from ..services import create_workspace


@never_cache
@login_required
@takes("GET")
def home(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    mine = (
        Membership.objects.filter(user=person)
        .select_related("workspace")
        .prefetch_related("workspace__applications")
        .order_by("workspace__name", "pk")
    )
    has_factor = has_second_factor(person.pk)
    memberships = [
        {
            "membership": each,
            "administers": may(each.role, Need.ADMINISTER),
            "is_closed": each.workspace.requires_second_factor and not has_factor,
        }
        for each in mine
    ]
    return render_page(request, "workspaces/home.html", {"memberships": memberships}, title="My workspaces", crumbs=[])


@never_cache
@login_required
@takes("GET", "POST")
def create(request: HttpRequest) -> HttpResponse:
    form = NewWorkspaceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        name, slug = form.cleaned_data["name"], form.cleaned_data["slug"]
        try:
            with transaction.atomic():
                made = create_workspace(name=name, slug=slug, owner=person_of(request), by=actor_of(request))
        except IntegrityError:
            form.add_error("slug", "This short name is taken. Choose another.")
        else:
            return HttpResponseRedirect(reverse("application_create", args=[made.slug]))
    crumbs: list[Crumb] = [("My workspaces", reverse("home")), ("New workspace", "")]
    context = {"form": form, "submit": "Create workspace", "cancel": reverse("home")}
    return render_page(request, "form.html", context, title="New workspace", crumbs=crumbs)
