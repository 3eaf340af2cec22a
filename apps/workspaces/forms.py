"""Forms of the workspace pages."""

from __future__ import annotations

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


class AddMemberForm(forms.Form):
    email = forms.EmailField(label="E-mail", help_text="Of somebody who has signed up here.")
    role = forms.ChoiceField(choices=Role.choices, initial=Role.DEVELOPER)


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)


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
