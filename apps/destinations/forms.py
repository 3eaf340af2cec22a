"""Forms of the portal's pages on destinations. The rules of the fields are the service's."""

from __future__ import annotations

from typing import Any

from django import forms

from apps.workspaces.models import ONE_LINE


class DestinationForm(forms.Form):
    name = forms.CharField(max_length=100, validators=[ONE_LINE], help_text="For people: what this storage is for.")
    bucket = forms.CharField(max_length=63, help_text="The name of your S3 bucket, without s3://.")
    region = forms.CharField(max_length=32, help_text="Where the bucket is, us-east-1 for example.")
    role_arn = forms.CharField(
        label="Role ARN", max_length=2048, help_text="The role in your account that we assume to write."
    )
    prefix = forms.CharField(  # type: ignore[assignment]  # the field; no form here has a form prefix
        max_length=200,
        required=False,
        help_text="Objects are written below it. Empty: the default of this server.",
    )
    kms_key_arn = forms.CharField(
        label="KMS key ARN", max_length=2048, required=False, help_text="Empty: SSE-S3, no key of yours."
    )
    expected_bucket_owner = forms.CharField(
        label="Account that owns the bucket",
        max_length=12,
        required=False,
        help_text="12 digits. Empty: the account of the role.",
    )

    def fields_given(self) -> dict[str, str]:
        """Return what to hand to the service: an empty prefix means the default."""
        given = {name: str(value) for name, value in self.cleaned_data.items()}
        if not given["prefix"]:
            del given["prefix"]
        return given


class TypedConfirmation(forms.Form):
    """A destructive act asks for a word: the object's name, in live mode."""

    typed = forms.CharField(max_length=200)

    def __init__(self, *args: Any, word: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.word = word
        self.fields["typed"].label = f"Type {word} to confirm"

    def clean_typed(self) -> str:
        typed = str(self.cleaned_data["typed"]).strip()
        if typed != self.word:
            raise forms.ValidationError(f"This is not {self.word}.")
        return typed


class PlainConfirmation(forms.Form):
    """In test mode one press is enough."""
