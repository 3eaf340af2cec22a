"""Addresses of the pages above any application."""

from django.urls import path

from . import views

urlpatterns = [
    path("", views.home, name="home"),
    path("workspaces/new/", views.create, name="workspace_create"),
    path("appearance/", views.change_appearance, name="appearance"),
    path("styleguide/", views.styleguide, name="styleguide"),
    path("invite/<str:token>/", views.accept, name="invitation"),
    path("w/<slug:workspace>/members/", views.members, name="workspace_members"),
    path("w/<slug:workspace>/members/invite/", views.invite, name="workspace_invite"),
    path("w/<slug:workspace>/members/leave/", views.leave, name="workspace_leave"),
    path("w/<slug:workspace>/members/<int:membership_id>/role/", views.set_role, name="workspace_member_role"),
    path("w/<slug:workspace>/members/<int:membership_id>/remove/", views.remove, name="workspace_member_remove"),
    path(
        "w/<slug:workspace>/invitations/<uuid:invitation_id>/resend/",
        views.resend,
        name="workspace_invitation_resend",
    ),
    path(
        "w/<slug:workspace>/invitations/<uuid:invitation_id>/withdraw/",
        views.withdraw,
        name="workspace_invitation_withdraw",
    ),
    path("w/<slug:workspace>/settings/", views.settings_page, name="workspace_settings"),
    path("w/<slug:workspace>/settings/name/", views.rename, name="workspace_rename"),
    path(
        "w/<slug:workspace>/settings/second-factor/",
        views.change_second_factor_rule,
        name="workspace_second_factor",
    ),
]
