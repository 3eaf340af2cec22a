"""Pages above any application: my workspaces, a new one, its members."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from .authentication import actor_of
from .forms import AddMemberForm, AppearanceForm, NewWorkspaceForm, RoleForm, StyleguideForm
from .models import Membership, Role, User, Workspace
from .scoped_admin import Crumb, Fresh, Need, cells, may, membership_of, render_page, styleguide_samples, workspace_page
from .scoped_admin.guards import takes
from .scoped_admin.preferences import keep_preferences, read_preferences
from .services import LastOwner, add_member, change_role, create_workspace, remove_member

OWNERS_ONLY = "Only an owner can make, change or remove an owner."


@never_cache
@login_required
@takes("GET")
def home(request: HttpRequest) -> HttpResponse:
    mine = (
        Membership.objects.filter(user=request.user.pk)
        .select_related("workspace")
        .prefetch_related("workspace__applications")
        .order_by("workspace__name", "pk")
    )
    memberships = [{"membership": each, "administers": may(each.role, Need.ADMINISTER)} for each in mine]
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
                made = create_workspace(name=name, slug=slug, owner=_person(request), by=actor_of(request))
        except IntegrityError:
            form.add_error("slug", "This short name is taken. Choose another.")
        else:
            return HttpResponseRedirect(reverse("application_create", args=[made.slug]))
    crumbs: list[Crumb] = [("My workspaces", reverse("home")), ("New workspace", "")]
    context = {"form": form, "submit": "Create workspace", "cancel": reverse("home")}
    return render_page(request, "form.html", context, title="New workspace", crumbs=crumbs)


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


@workspace_page(Need.READ)
def members(request: HttpRequest) -> HttpResponse:
    return _show_members(request, AddMemberForm())


@workspace_page(Need.ADMINISTER, methods=("POST",), fresh=Fresh.ALWAYS)
def add(request: HttpRequest) -> HttpResponse:
    mine = membership_of(request)
    form = AddMemberForm(request.POST)
    if form.is_valid():
        role = Role(form.cleaned_data["role"])
        user = User.objects.filter(email__iexact=form.cleaned_data["email"], is_active=True).first()
        if role == Role.OWNER and mine.role != Role.OWNER:
            form.add_error("role", OWNERS_ONLY)
        elif user is None:
            form.add_error("email", "Nobody has signed up with this address. Ask them to sign up first.")
        elif Membership.objects.filter(workspace=mine.workspace, user=user).exists():
            form.add_error("email", "This person is a member already.")
        else:
            add_member(workspace=mine.workspace, user=user, role=role, by=actor_of(request))
            messages.success(request, f"{user.email} is now a member.")
            return HttpResponseRedirect(_members_url(mine.workspace))
    return _show_members(request, form)


@workspace_page(Need.ADMINISTER, methods=("POST",), fresh=Fresh.ALWAYS)
def set_role(request: HttpRequest, membership_id: int) -> HttpResponse:
    mine = membership_of(request)
    member = _member(mine, membership_id)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose one of the four roles.")
    elif mine.role != Role.OWNER and Role.OWNER in (member.role, form.cleaned_data["role"]):
        messages.error(request, OWNERS_ONLY)
    else:
        try:
            change_role(membership=member, role=Role(form.cleaned_data["role"]), by=actor_of(request))
        except LastOwner as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, f"{member.user.email} now has the role {member.get_role_display()}.")
    return HttpResponseRedirect(_members_url(mine.workspace))


@workspace_page(Need.ADMINISTER, methods=("POST",), fresh=Fresh.ALWAYS)
def remove(request: HttpRequest, membership_id: int) -> HttpResponse:
    mine = membership_of(request)
    member = _member(mine, membership_id)
    if member.role == Role.OWNER and mine.role != Role.OWNER:
        messages.error(request, OWNERS_ONLY)
    else:
        try:
            remove_member(membership=member, by=actor_of(request))
        except LastOwner as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, f"{member.user.email} is no longer a member.")
    return HttpResponseRedirect(_members_url(mine.workspace))


def _show_members(request: HttpRequest, form: AddMemberForm) -> HttpResponse:
    mine = membership_of(request)
    factors = Authenticator.objects.filter(user=OuterRef("user")).exclude(type=Authenticator.Type.RECOVERY_CODES)
    everybody = mine.workspace.memberships.select_related("user").annotate(has_second_factor=Exists(factors))
    everybody = everybody.order_by("created_at", "pk")
    context = {"members": everybody, "form": form, "roles": Role.choices}
    crumbs: list[Crumb] = [(mine.workspace.name, reverse("home")), ("Members", "")]
    return render_page(request, "workspaces/members.html", context, title="Members", crumbs=crumbs)


def _member(mine: Membership, membership_id: int) -> Membership:
    return get_object_or_404(Membership.objects.select_related("user"), pk=membership_id, workspace=mine.workspace_id)


def _members_url(workspace: Workspace) -> str:
    return reverse("workspace_members", args=[workspace.slug])


def _person(request: HttpRequest) -> User:
    user = request.user
    if not isinstance(user, User):
        raise TypeError("login_required lets persons only through")
    return user
