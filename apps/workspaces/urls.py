"""Addresses of the pages above any application."""

from django.urls import path

from . import views

urlpatterns = [
    path("", views.home, name="home"),
    path("workspaces/new/", views.create, name="workspace_create"),
    path("appearance/", views.change_appearance, name="appearance"),
    path("styleguide/", views.styleguide, name="styleguide"),
    path("w/<slug:workspace>/members/", views.members, name="workspace_members"),
    path("w/<slug:workspace>/members/add/", views.add, name="workspace_member_add"),
    path("w/<slug:workspace>/members/<int:membership_id>/role/", views.set_role, name="workspace_member_role"),
    path("w/<slug:workspace>/members/<int:membership_id>/remove/", views.remove, name="workspace_member_remove"),
]
