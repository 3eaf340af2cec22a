"""Forms of the console."""

from __future__ import annotations

from django import forms

from apps.directory.models import LEAST_PER_MINUTE, EndpointStatus

from .services import Proof


class ResetForm(forms.Form):
    proof = forms.ChoiceField(
        label="How did you make sure who they are?",
        choices=[
            (Proof.CALL.value, "I called them on a number that we knew before"),
            (Proof.OWNER.value, "An owner of their workspace vouched for them, in a way I could check"),
            (Proof.DOCUMENT.value, "I saw an identity document"),
        ],
        widget=forms.RadioSelect,
    )


class EndpointStatusForm(forms.Form):
    status = forms.ChoiceField(
        label="What is it?",
        choices=[
            (EndpointStatus.CONNECTED.value, "Connected: patients can choose it"),
            (EndpointStatus.BROKEN.value, "Broken: it fails, and nobody can choose it"),
            (EndpointStatus.UNAVAILABLE.value, "Unavailable: nobody can choose it"),
        ],
        widget=forms.RadioSelect,
    )


class EndpointLimitsForm(forms.Form):
    concurrent_syncs = forms.IntegerField(
        label="Syncs at once",
        min_value=1,
        max_value=1000,
        help_text="Of all teams together. Further ones wait; other endpoints' syncs go on.",
    )
    requests_per_minute = forms.IntegerField(
        label="Requests per minute",
        min_value=LEAST_PER_MINUTE,
        max_value=1_000_000,
        required=False,
        help_text="Of all syncs together. Empty: no limit.",
    )
