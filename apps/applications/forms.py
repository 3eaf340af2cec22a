"""Forms of the portal's pages on keys, settings and live access."""

from __future__ import annotations

from typing import Any

from django import forms

from apps.workspaces.models import SLUG

from .keys import KeyKind
from .models import SyncFrequency

KINDS = [
    (KeyKind.SECRET.value, "Secret key: exchanges tokens and reads records, on your server"),
    (KeyKind.MANAGEMENT.value, "Management key: changes destinations, keys and webhooks by API"),
    (KeyKind.PUBLISHABLE.value, "Publishable key: names your application to patients, may be public"),
]
OVERLAPS = [("0", "Now"), ("3600", "In 1 hour"), ("86400", "In 24 hours"), ("604800", "In 7 days")]


class NewKeyForm(forms.Form):
    kind = forms.ChoiceField(choices=KINDS, widget=forms.RadioSelect, initial=KeyKind.SECRET.value)
    note = forms.CharField(max_length=200, required=False, help_text="Where you will store it, for example.")


class RollKeyForm(forms.Form):
    overlap_seconds = forms.TypedChoiceField(
        label="When does the old key end?", choices=OVERLAPS, coerce=int, widget=forms.RadioSelect
    )

    def __init__(self, *args: Any, live: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["overlap_seconds"].initial = "86400" if live else "0"


class ApplicationForm(forms.Form):
    name = forms.CharField(max_length=100, help_text="Patients see this name.")
    sync_frequency = forms.ChoiceField(
        choices=SyncFrequency.choices,
        help_text="How often records of ongoing authorizations are fetched again.",
    )


class RedirectUriForm(forms.Form):
    uri = forms.CharField(label="Redirect URI", max_length=500)


class LiveAccessForm(forms.Form):
    purpose = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=4000,
        help_text="What your application does, who its patients are, and what you use their records for.",
    )


class DecisionForm(forms.Form):
    notes = forms.CharField(widget=forms.Textarea(attrs={"rows": 4}), max_length=4000, help_text="The team reads this.")
    decision = forms.ChoiceField(
        choices=[("granted", "Grant live access"), ("refused", "Refuse")], widget=forms.RadioSelect
    )


class NewApplicationForm(forms.Form):
    name = forms.CharField(max_length=100, help_text="Patients see this name.")
    slug = forms.CharField(
        label="Short name",
        max_length=40,
        validators=[SLUG],
        help_text="For addresses: a-z, 0-9 and hyphens. It cannot be changed.",
    )
