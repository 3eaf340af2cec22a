"""Forms of the workspace pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from .models import ONE_LINE, SLUG, Role


class NewWorkspaceForm(forms.Form):
    name = forms.CharField(max_length=100, validators=[ONE_LINE], help_text="Your team or company.")
    slug = forms.CharField(
        label="Short name",
        max_length=40,
        validators=[SLUG],
        help_text="For addresses: a-z, 0-9 and hyphens. It cannot be changed.",
    )


class WorkspaceForm(forms.Form):
    name = forms.CharField(max_length=100, validators=[ONE_LINE], help_text="Your team or company.")


# What each role is for, in one line; the table on the members page has the rest.
ROLE_TEXTS = {
    Role.OWNER: "Owner: everything, other owners included",
    Role.ADMIN: "Admin: members, settings, keys and destinations, in test and live",
    Role.DEVELOPER: "Developer: everything in test; in live looks, syncs, tests and retries",
    Role.VIEWER: "Viewer: looks, and changes nothing",
}


class RoleForm(forms.Form):
    """A role out of those that the person who gives it may give."""

    role = forms.ChoiceField(widget=forms.RadioSelect)

    def __init__(self, *args: Any, offered: Sequence[Role], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = [(role.value, ROLE_TEXTS[role]) for role in offered]  # type: ignore[attr-defined]


class InvitationForm(RoleForm):
    email = forms.EmailField(
        label="E-mail", help_text="The link goes to this address, and only whoever signs in with it can use the link."
    )
    field_order = ("email", "role")


class AppearanceForm(forms.Form):
    """One field for each of `scoped_admin.preferences.PREFERENCES`, with its values."""

    theme = forms.ChoiceField(
        label="Colours",
        choices=[("system", "As my system"), ("light", "Light"), ("dark", "Dark")],
        widget=forms.RadioSelect,
    )
    density = forms.ChoiceField(
        label="Rows of lists", choices=[("roomy", "Roomy"), ("compact", "Compact")], widget=forms.RadioSelect
    )
    times = forms.ChoiceField(
        label="Times",
        choices=[("utc", "UTC, local time on hover"), ("local", "Local time, UTC on hover")],
        widget=forms.RadioSelect,
    )
    keys = forms.ChoiceField(
        label="Keyboard shortcuts", choices=[("on", "On"), ("off", "Off")], widget=forms.RadioSelect
    )


class StyleguideForm(forms.Form):
    """A field of each kind, for the style guide; nothing takes what it is given."""

    name = forms.CharField(label="Bucket", help_text="In your own AWS account.", max_length=63)
    region = forms.ChoiceField(choices=[("us-east-1", "us-east-1"), ("eu-central-1", "eu-central-1")], required=False)
    purpose = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False)
    kind = forms.ChoiceField(choices=[("s3", "Amazon S3"), ("sftp", "SFTP")], widget=forms.RadioSelect)
    sure = forms.BooleanField(label="I have read the checklist")
