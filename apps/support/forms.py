"""Forms of the console."""

from __future__ import annotations

from django import forms

from apps.directory.models import EndpointStatus

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
