"""Forms of the portal's pages on destinations. The rules of the fields are the service's."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import botocore.session
from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.workspaces.models import ONE_LINE

from .connectors.s3.config import known_regions


@lru_cache(maxsize=1)
def region_names() -> tuple[tuple[str, str], ...]:
    """Return the regions that a bucket may be in. Shape: ("eu-west-1", "Europe (Ireland)")"""
    aws = botocore.session.Session().get_data("endpoints")["partitions"][0]["regions"]
    return tuple((code, str(aws.get(code, {}).get("description", code))) for code in sorted(known_regions()))


class RegionInput(forms.TextInput):
    """A field that offers every region while one types its code or its city."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        field = super().render(name, value, {**(attrs or {}), "list": "regions", "autocomplete": "off"}, renderer)
        offered = format_html_join("", '<option value="{}">{}</option>', region_names())
        return format_html('{}<datalist id="regions">{}</datalist>', field, offered)


class WhereForm(forms.Form):
    """Where objects go: the first step of the set-up."""

    name = forms.CharField(
        max_length=100, validators=[ONE_LINE], help_text="For people: what this storage is for. It can be changed."
    )
    bucket = forms.CharField(
        max_length=63, help_text="The name of a bucket in your AWS account, without s3://. We never create one."
    )
    region = forms.CharField(
        max_length=32, widget=RegionInput, help_text="Where the bucket is. Type a code or a city: us-east-1, Ireland."
    )
    prefix = forms.CharField(  # type: ignore[assignment]  # the field; no form here has a form prefix
        max_length=200,
        required=False,
        help_text="The folder of ours: we write below it and nowhere else. Empty: the default of this server.",
    )
    kms_key_arn = forms.CharField(
        label="KMS key ARN",
        max_length=2048,
        required=False,
        help_text="Only if objects are to be encrypted with a key of yours, of the bucket's region. Empty: SSE-S3.",
    )
    expected_bucket_owner = forms.CharField(
        label="Account that owns the bucket",
        max_length=12,
        required=False,
        help_text="12 digits. Only if the bucket is in another AWS account than the role that writes.",
    )

    def fields_given(self) -> dict[str, str]:
        """Return what to hand to the service: an empty prefix means the default."""
        given = {name: str(value) for name, value in self.cleaned_data.items()}
        if not given["prefix"]:
            del given["prefix"]
        return given


class RoleForm(forms.Form):
    """Which role of the customer's we assume: the third step."""

    role_arn = forms.CharField(
        label="Role ARN",
        max_length=2048,
        help_text="The role in your account that we assume to write: arn:aws:iam::<account>:role/<name>.",
    )


class DestinationForm(WhereForm, RoleForm):
    """All that can be changed of a destination that is set up."""

    field_order = ("name", "bucket", "region", "role_arn", "prefix", "kms_key_arn", "expected_bucket_owner")


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


class RotationForm(forms.Form):
    """When the old external ID stops working."""

    AFTER, NOW = "after", "now"
    ends = forms.ChoiceField(
        label="When does the old one end?",
        choices=[
            (AFTER, "When a test with the new one has passed. Deliveries go on meanwhile."),
            (NOW, "Now. Deliveries wait until a test has passed and the destination is enabled again."),
        ],
        initial=AFTER,
        widget=forms.RadioSelect,
    )
