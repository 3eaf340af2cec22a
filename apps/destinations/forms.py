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
from .options import DEFAULTS
from .states import Contents


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

    def fields_given(self) -> dict[str, Any]:
        """Return what to hand to the service: an empty prefix means the default."""
        given = dict(self.cleaned_data)
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


class OptionsForm(forms.Form):
    """What a delivery holds beside the documented layout."""

    contents = forms.ChoiceField(
        label="What does each delivery hold?",
        choices=[
            (Contents.SNAPSHOT.value, "Everything that is there after the sync. Each object stands for itself."),
            (
                Contents.DELTA.value,
                "What has changed since the last delivery that arrived. This turns on the two below: changes mean"
                " little without knowing what is gone and that none is missing.",
            ),
        ],
        widget=forms.RadioSelect,
        required=False,
    )
    manifest = forms.BooleanField(
        label="Manifest",
        required=False,
        help_text="A further object, .manifest.json instead of .ndjson, written last: size, SHA-256 and lines of the"
        " others, and the hash of the manifest before it. Where it lies, the delivery is whole.",
    )
    tombstones = forms.BooleanField(
        label="Deletions",
        required=False,
        help_text="A further object, .deleted.ndjson, when something is gone at the source, and one that takes"
        " everything back when a patient stops sharing.",
    )

    def options_given(self) -> dict[str, Any]:
        """Return what to hand to the service: what a delta needs is turned on with it, ticked or not."""
        given = {name: self.cleaned_data[name] for name in DEFAULTS}
        if not given["contents"]:  # a form without the options leaves them as they are
            return {}
        return {"contents": given["contents"]} if given["contents"] == Contents.DELTA else given

    @property
    def option_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in DEFAULTS]


class DestinationForm(WhereForm, RoleForm, OptionsForm):
    """All that can be changed of a destination that is set up."""

    field_order = ("name", "bucket", "region", "role_arn", "prefix", "kms_key_arn", "expected_bucket_owner")

    def fields_given(self) -> dict[str, Any]:
        settings = {name: value for name, value in super().fields_given().items() if name not in DEFAULTS}
        return {**settings, **self.options_given()}

    @property
    def setting_fields(self) -> list[forms.BoundField]:
        return [field for field in self if field.name not in DEFAULTS]


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
