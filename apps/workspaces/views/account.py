"""How pages look, and all their parts."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from ..forms import AppearanceForm, StyleguideForm
from ..scoped_admin import Crumb, cells, render_page, styleguide_samples
from ..scoped_admin.guards import takes
from ..scoped_admin.preferences import keep_preferences, read_preferences


@never_cache
@takes("GET", "POST")
def change_appearance(request: HttpRequest) -> HttpResponse:
    """How pages look in this browser; open before sign-in too."""
    form = AppearanceForm(request.POST or None, initial=read_preferences(request))
    if request.method == "POST" and form.is_valid():
        response = HttpResponseRedirect(reverse("appearance"))
        keep_preferences(request, response, form.cleaned_data)
        messages.success(request, "Saved in this browser.")
        return response
    return render_page(request, "workspaces/appearance.html", {"form": form}, title="Appearance", crumbs=[])


@never_cache
@login_required
@takes("GET")
def styleguide(request: HttpRequest) -> HttpResponse:
    """Every part of our pages in every state, for those who build or check them."""
    context = {
        "form": StyleguideForm({"name": "", "kind": "s3", "sure": ""}),
        "good_form": StyleguideForm(auto_id="good_%s"),
        "states": sorted(cells.STATES),
        "now": timezone.now(),
        **styleguide_samples.SAMPLES,
    }
    crumbs: list[Crumb] = [("My workspaces", reverse("home")), ("Style guide", "")]
    return render_page(request, "styleguide/page.html", context, title="Style guide", crumbs=crumbs)
