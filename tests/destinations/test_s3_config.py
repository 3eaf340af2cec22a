"""The fields of an S3 destination: what is refused, and in which words."""

from __future__ import annotations

import pytest

from apps.destinations.connectors.s3.config import S3Config, known_regions, validate

OUR_ACCOUNT = "111111111111"
DELIVERY_ROLE = f"arn:aws:iam::{OUR_ACCOUNT}:role/service/record-delivery"
GOOD = {
    "bucket": "clinic-lake",
    "region": "eu-central-1",
    "role_arn": "arn:aws:iam::222222222222:role/data/relay_writer",
    "prefix": "flexpa/",
    "kms_key_arn": "arn:aws:kms:eu-central-1:222222222222:key/mrk-1234abcd12ab34cd56ef1234567890ab",
    "expected_bucket_owner": "333333333333",
}


def errors_of(listed: tuple[str, ...] = (), **changes: str) -> dict[str, list[str]]:
    return validate(
        {**GOOD, **changes},
        own_account_id=OUR_ACCOUNT,
        own_account_role_arns=listed,
        regions=known_regions(),
        delivery_role_arn=DELIVERY_ROLE,
    )


def test_good_fields_have_no_errors() -> None:
    assert errors_of() == {}
    assert errors_of(prefix="", kms_key_arn="", expected_bucket_owner="") == {}
    assert errors_of(bucket="  clinic-lake \n") == {}


@pytest.mark.parametrize(
    ("bucket", "words"),
    [
        ("", "Enter the name"),
        ("ab", "3 to 63"),
        ("b" * 64, "3 to 63"),
        ("Clinic", "small letters"),
        ("clinic_lake", "small letters"),
        ("-clinic", "starts and ends"),
        ("clinic-", "starts and ends"),
        ("clinic..lake", "two dots"),
        ("192.168.5.4", "IP address"),
        ("xn--clinic", "special buckets"),
        ("clinic--x-s3", "special buckets"),
        ("clinic-s3alias", "access points"),
        ("arn:aws:s3:us-east-1:222222222222:accesspoint/a", "access points"),
        ("s3://clinic", "only the bucket's name"),
        ("clinic/flexpa", "only the bucket's name"),
        ("klinik-ä", "small letters"),
        ("clinic٣", "small letters"),
        ("*", "3 to 63"),
    ],
)
def test_bucket_name_that_s3_does_not_take_is_refused(bucket: str, words: str) -> None:
    assert words in " ".join(errors_of(bucket=bucket)["bucket"])


@pytest.mark.parametrize(
    ("region", "words"),
    [("", "Choose"), ("mars-1", "not an AWS region"), ("us-gov-west-1", "not supported yet"),
     ("cn-north-1", "not supported yet"), ("eu-central-1a", "not an AWS region")],
)  # fmt: skip
def test_region_that_is_not_known_is_refused(region: str, words: str) -> None:
    assert words in errors_of(region=region, kms_key_arn="")["region"][0]


@pytest.mark.parametrize(
    ("role_arn", "words"),
    [
        ("", "Enter the ARN"),
        ("relay_writer", "not the ARN of an IAM role"),
        ("arn:aws:iam::222222222222:user/relay", "not the ARN of an IAM role"),
        ("arn:aws:sts::222222222222:assumed-role/relay/session", "not the ARN of an IAM role"),
        ("arn:aws:iam::2222:role/relay", "not the ARN of an IAM role"),
        ("arn:aws:iam::222222222222:role/", "not the ARN of an IAM role"),
        ("arn:aws:iam::222222222222:role/re lay", "not the ARN of an IAM role"),
        ("arn:aws:iam::222222222222:role/*", "not the ARN of an IAM role"),
        ("arn:aws:iam::222222222222:role/" + "r" * 65, "not the ARN of an IAM role"),
        ("arn:aws-us-gov:iam::222222222222:role/relay", "not supported yet"),
        ("arn:aws-cn:iam::222222222222:role/relay", "not supported yet"),
        (f"arn:aws:iam::{OUR_ACCOUNT}:role/relay", "our own AWS account"),
        (DELIVERY_ROLE, "our own delivery role"),
        (f"arn:aws:iam::{OUR_ACCOUNT}:role/record-delivery", "our own delivery role"),
    ],
)
def test_role_that_cannot_be_is_refused(role_arn: str, words: str) -> None:
    assert words in errors_of(role_arn=role_arn)["role_arn"][0]


def test_role_of_our_account_is_taken_when_the_operator_lists_it() -> None:
    role_arn = f"arn:aws:iam::{OUR_ACCOUNT}:role/relay"
    assert errors_of((role_arn,), role_arn=role_arn) == {}


def test_our_delivery_role_is_refused_even_when_listed() -> None:
    assert "our own delivery role" in errors_of((DELIVERY_ROLE,), role_arn=DELIVERY_ROLE)["role_arn"][0]


@pytest.mark.parametrize(
    "prefix",
    ["/flexpa/", "a*/", "a?", "a$b", "a//b", "a//", "../a", "a/./b", ".", "a b", "a\n", "ü/", "p" * 201, "/"],
)
def test_prefix_that_is_not_clean_is_refused(prefix: str) -> None:
    if prefix == "a\n":
        prefix = "a\nb"  # white space around a value is cut off
    assert errors_of(prefix=prefix)["prefix"]


@pytest.mark.parametrize(
    ("kms_key_arn", "words"),
    [
        ("alias/clinic", "full ARN"),
        ("arn:aws:kms:eu-central-1:222222222222:alias/clinic", "full ARN"),
        ("arn:aws:kms:us-east-1:222222222222:key/1234", "Use a key of the bucket's region"),
        ("arn:aws-cn:kms:cn-north-1:222222222222:key/1234", "not supported yet"),
    ],
)
def test_key_that_cannot_be_is_refused(kms_key_arn: str, words: str) -> None:
    assert words in errors_of(kms_key_arn=kms_key_arn)["kms_key_arn"][0]


def test_owner_that_is_no_account_and_an_external_id_of_the_customer_are_refused() -> None:
    assert set(errors_of(expected_bucket_owner="clinic", external_id="mine")) == {
        "expected_bucket_owner",
        "external_id",
    }


def test_config_of_short_fields_gets_prefix_and_owner() -> None:
    fields = {**GOOD, "prefix": "lake/in", "kms_key_arn": "", "expected_bucket_owner": " "}
    config = S3Config.from_fields(fields, external_id="id", destination_id="d", config_version=1)
    assert (config.prefix, config.kms_key_arn, config.expected_bucket_owner) == (
        "lake/in/",
        None,
        "222222222222",
    )
    assert config.encryption == "AES256"


def test_config_of_an_empty_prefix_gets_the_usual_one_and_reads_back() -> None:
    config = S3Config.from_fields({**GOOD, "prefix": ""}, external_id="id", destination_id="d", config_version=1)
    assert config.as_fields() == GOOD
