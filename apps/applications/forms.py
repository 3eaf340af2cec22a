"""Forms of the portal's pages on keys, settings and live access."""

from __future__ import annotations

from typing import Any

from django import forms

from apps.workspaces.models import ONE_LINE, SLUG

from .keys import DEFAULT_OVERLAP_SECONDS, KeyKind, Mode
from .models import SyncFrequency

KINDS = [
    (KeyKind.SECRET.value, "Secret key: exchanges tokens and reads records, on your server"),
    (KeyKind.MANAGEMENT.value, "Management key: changes destinations, deliveries and keys by API; guard it best"),
    (KeyKind.PUBLISHABLE.value, "Publishable key: names your application to patients, may be public"),
]
OVERLAPS = [("0", "Now"), ("3600", "In 1 hour"), ("86400", "In 24 hours"), ("604800", "In 7 days")]


class NoteForm(forms.Form):
    note = forms.CharField(
        label="Where is it stored?",
        max_length=200,
        required=False,
        validators=[ONE_LINE],
        help_text="For whoever has to roll it one day, like “Vault, care/prod” or “nightly job on server 3”.",
    )


class NewKeyForm(NoteForm):
    kind = forms.ChoiceField(choices=KINDS, widget=forms.RadioSelect, initial=KeyKind.SECRET.value)
    field_order = ("kind", "note")


class RollKeyForm(forms.Form):
    overlap_seconds = forms.TypedChoiceField(
        label="When does the old key end?", choices=OVERLAPS, coerce=int, widget=forms.RadioSelect
    )

    def __init__(self, *args: Any, mode: Mode, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["overlap_seconds"].initial = str(DEFAULT_OVERLAP_SECONDS[mode])


class EndKeyForm(forms.Form):
    """In live, ending a key that has no successor takes its last characters typed in."""

    typed = forms.CharField(max_length=20)

    def __init__(self, *args: Any, last_four: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.last_four = last_four
        self.fields["typed"].label = f"Type its last four characters, {last_four}, to confirm"

    def clean_typed(self) -> str:
        typed = str(self.cleaned_data["typed"]).strip()
        if typed != self.last_four:
            raise forms.ValidationError(f"This is not {self.last_four}.")
        return typed


class ApplicationForm(forms.Form):
    name = forms.CharField(max_length=100, validators=[ONE_LINE], help_text="Patients see this name.")
    sync_frequency = forms.ChoiceField(
        choices=SyncFrequency.choices,
        help_text="How often records of ongoing authorizations are fetched again.",
    )


class RedirectUriForm(forms.Form):
    uri = forms.CharField(label="Redirect URI", max_length=500, help_text="Like https://app.example/callback")


class OriginForm(forms.Form):
    origin = forms.CharField(max_length=300, help_text="Like https://app.example")


class LiveAccessForm(forms.Form):
    purpose = forms.CharField(
        label="Your answers",
        widget=forms.Textarea(attrs={"rows": 8}),
        max_length=4000,
        help_text="Plain sentences, one paragraph for each question. Our support staff read this; patients do not.",
    )


class DecisionForm(forms.Form):
    notes = forms.CharField(widget=forms.Textarea(attrs={"rows": 4}), max_length=4000, help_text="The team reads this.")
    decision = forms.ChoiceField(
        choices=[("granted", "Grant live access"), ("refused", "Refuse")], widget=forms.RadioSelect
    )


class NewApplicationForm(forms.Form):
    name = forms.CharField(max_length=100, validators=[ONE_LINE], help_text="Patients see this name.")
    slug = forms.CharField(
        label="Short name",
        max_length=40,
        validators=[SLUG],
        help_text="For addresses: a-z, 0-9 and hyphens. It cannot be changed.",
    )
