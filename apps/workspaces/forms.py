"""Forms of the workspace pages."""

from __future__ import annotations

from django import forms

from .models import SLUG, Role


class NewWorkspaceForm(forms.Form):
    name = forms.CharField(max_length=100, help_text="Your team or company.")
    slug = forms.CharField(
        label="Short name",
        max_length=40,
        validators=[SLUG],
        help_text="For addresses: a-z, 0-9 and hyphens. It cannot be changed.",
    )


class AddMemberForm(forms.Form):
    email = forms.EmailField(label="E-mail", help_text="Of somebody who has signed up here.")
    role = forms.ChoiceField(choices=Role.choices, initial=Role.DEVELOPER)


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)
