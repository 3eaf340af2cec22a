"""What people really get wrong about a destination, and the exact words that they read. By API and in the form."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from apps.destinations.models import Destination

from .conftest import Place
from .refusals import Fields, ask
from .routes import Face
from .test_forms import Forms

ROLE = "arn:aws:iam::222222222222:role/relay"
GOOD = {"name": "New lake", "bucket": "clinic-new", "region": "us-east-1", "role_arn": ROLE}
NOT_A_ROLE = "Copy the role's ARN from the IAM console: arn:aws:iam::<account>:role/<name>, the account in 12 digits."
BUT = "This is not the ARN of an IAM role but of"
PLAIN = f"This is not the ARN of an IAM role. {NOT_A_ROLE}"
OTHER_PARTITION = "of this AWS partition is not supported yet: only the commercial AWS regions (arn:aws:…) are."
LETTERS = "A bucket name has only small letters, digits, dots and hyphens, and starts and ends with a letter or digit."
ONLY_NAME = "Enter only the bucket's name, without s3://, without an address and without a folder."
SPECIAL = "AWS keeps this name for special buckets, which are not supported. Use a general one."
POINT = "Enter the bucket's name. ARNs and access points are not supported."
WILDCARD = "A prefix may not contain * ? or $: a policy reads them as wildcards."
KEY_FORM = "Enter the full ARN of the key, arn:aws:kms:<region>:<account>:key/<id>."
KEY_END = "An alias or a bare key ID will not do; the KMS console shows the ARN."
ALIAS = f"{KEY_FORM} This is an alias: it can be pointed at another key. {KEY_END}"
WHERE = "The S3 console shows the bucket's region, for example us-east-1."
UNKNOWN_REGION = "This is not an AWS region that we know."
CASES: list[tuple[str, str, str]] = [
    ("role_arn", "relay", PLAIN),
    ("role_arn", "arn:aws:iam::2222:role/relay", PLAIN),
    ("role_arn", "arn:aws:iam::222222222222:role/", PLAIN),
    ("role_arn", ROLE + "/" * 1900 + "!", PLAIN),
    ("role_arn", "arn:aws:iam::222222222222:role/" + "r" * 2100, PLAIN),
    ("role_arn", "arn:aws:iam::222222222222:user/me", f"{BUT} a user. {NOT_A_ROLE}"),
    ("role_arn", "arn:aws:iam::222222222222:group/us", f"{BUT} a group. {NOT_A_ROLE}"),
    ("role_arn", "arn:aws:sts::222222222222:assumed-role/relay/me",
     f"{BUT} a session of a role. {NOT_A_ROLE}"),
    ("role_arn", "arn:aws:iam::222222222222:instance-profile/x",
     f"{BUT} an instance profile. {NOT_A_ROLE}"),
    ("role_arn", "arn:aws-cn:iam::222222222222:role/relay", f"A role {OTHER_PARTITION}"),
    ("role_arn", "arn:aws-us-gov:iam::222222222222:role/relay", f"A role {OTHER_PARTITION}"),
    ("role_arn", "arn:aws:iam::111111111111:role/mine",
     "This role is in our own AWS account. Enter a role of your account. "
     "Operator: if both are yours, list the role in OWN_ACCOUNT_ROLE_ARNS."),
    ("role_arn", "arn:aws:iam::111111111111:role/record-relay-delivery",
     "This is our own delivery role. Create a role in your account that trusts it."),
    ("bucket", "Clinic", LETTERS),
    ("bucket", "clinic_lake", LETTERS),
    ("bucket", "clinic..lake", "A bucket name has no two dots in a row."),
    ("bucket", "192.168.5.4", "A bucket name is not an IP address."),
    ("bucket", "xn--clinic", SPECIAL),
    ("bucket", "clinic--x-s3", SPECIAL),
    ("bucket", "clinic-s3alias", POINT),
    ("bucket", "arn:aws:s3:us-east-1:222222222222:accesspoint/a", POINT),
    ("bucket", "arn:aws:s3:::clinic-new/in",
     "Enter the bucket's name alone: what stands behind arn:aws:s3:::, up to the first slash."),
    ("bucket", "s3://clinic-new", ONLY_NAME),
    ("bucket", "https://clinic-new.s3.amazonaws.com", ONLY_NAME),
    ("bucket", "clinic-new/in", ONLY_NAME),
    ("bucket", "ab", "A bucket name has 3 to 63 characters."),
    ("region", "us-esat-1", f"{UNKNOWN_REGION} Did you mean us-east-1?"),
    ("region", "US-EAST-1", f"{UNKNOWN_REGION} Did you mean us-east-1?"),
    ("region", "eu-central-1a", f"{UNKNOWN_REGION} Did you mean eu-central-1?"),
    ("region", "Frankfurt", f"{UNKNOWN_REGION} {WHERE}"),
    ("region", "cn-north-1",
     "The region cn-north-1 is not supported yet: only the commercial AWS regions (arn:aws:…) are."),
    ("prefix", "in/*", WILDCARD),
    ("prefix", "in?", WILDCARD),
    ("prefix", "${aws:username}/", WILDCARD),
    ("prefix", "in/../out", "No part of a prefix is empty, . or .."),
    ("prefix", "/in", "A prefix does not start with a slash."),
    ("prefix", "in//", "A prefix ends with one slash."),
    ("prefix", "ü/", "A prefix has only letters, digits and ! - _ . ' ( ) = /."),
    ("kms_key_arn", "alias/clinic", ALIAS),
    ("kms_key_arn", "arn:aws:kms:us-east-1:222222222222:alias/clinic", ALIAS),
    ("kms_key_arn", "1234abcd-12ab-34cd-56ef-1234567890ab", f"{KEY_FORM} {KEY_END}"),
    ("kms_key_arn", "arn:aws:kms:eu-west-1:222222222222:key/1234",
     "The key is in eu-west-1, the bucket in us-east-1. Use a key of the bucket's region."),
    ("kms_key_arn", "arn:aws-cn:kms:cn-north-1:222222222222:key/1234", f"A key {OTHER_PARTITION}"),
    ("expected_bucket_owner", "2222",
     "The bucket's owner is an AWS account: 12 digits. Leave it empty if it is the role's account."),
    ("name", "Analytics lake", "Another destination of this application has that name. Choose another one."),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "sentence"), CASES, ids=lambda text: str(text)[:40])
def test_the_field_is_named_with_the_way_out(place: Place, field: str, value: str, sentence: str) -> None:
    headers = place.headers(Face.API)
    answer = ask(
        place.client(Face.API).post,
        "/api/v1/destinations",
        {**GOOD, field: value},
        content_type="application/json",
        headers=headers,
    )
    assert (answer.status_code, answer.rows_changed) == (400, {})
    assert answer.json()["errors"] == [{"field": field, "message": sentence}]


def test_the_form_says_the_same_words_beside_the_fields(place: Place) -> None:
    client, url = place.client(Face.PORTAL), place.acme.base("test") + "destinations/new/"
    bad = {"bucket": "Clinic", "region": "us-esat-1", "prefix": "/in"}
    (form,) = [each for each in Forms(url, client.get(url).content.decode()).forms if "bucket" in each.values]
    answer = ask(client.post, url, {**form.values, "name": "New lake", **bad})
    page = answer.content.decode()
    assert (answer.status_code, answer.rows_changed) == (200, {})
    for name in bad:
        (sentence,) = [words for field, value, words in CASES if (field, value) == (name, bad[name])]
        assert sentence.replace("'", "&#x27;").replace("<", "&lt;").replace(">", "&gt;") in page
    fields = Fields(page)
    assert (fields.invalid, fields.faults) == (set(bad), [])


def test_a_prefix_that_is_too_long_or_has_control_characters_is_refused(place: Place) -> None:
    headers = place.headers(Face.API)
    for prefix, sentence in (
        ("p" * 300, "A prefix has at most 200 characters."),
        ("in\x07", "Use one line, without control characters."),
    ):
        answer = place.client(Face.API).post(
            "/api/v1/destinations", {**GOOD, "prefix": prefix}, content_type="application/json", headers=headers
        )
        assert {"field": "prefix", "message": sentence} in answer.json()["errors"]


def test_a_role_of_our_account_is_taken_only_when_the_operator_lists_it(place: Place, settings: Settings) -> None:
    """Rulings B6; never our delivery role, whatever is listed."""
    ours, delivery = "arn:aws:iam::111111111111:role/mine", "arn:aws:iam::111111111111:role/record-relay-delivery"
    settings.OWN_ACCOUNT_ROLE_ARNS = [ours, delivery]
    headers = place.headers(Face.API)
    for role_arn, status in ((ours, 201), (delivery, 400), (delivery.replace("role/", "role/path/"), 400)):
        body = {**GOOD, "role_arn": role_arn}
        answer = place.client(Face.API).post(
            "/api/v1/destinations", body, content_type="application/json", headers=headers
        )
        assert answer.status_code == status, role_arn
    assert Destination.objects.filter(name="New lake").count() == 1
