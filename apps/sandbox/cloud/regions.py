"""Regions of buckets: where one is, where a request was sent to, and where a new one may be made.

Owns the three refusals of a wrong region: AuthorizationHeaderMalformed for a signature of another region,
PermanentRedirect for a request to another region's (or the global) endpoint, and those of a new bucket's place. Our
own address is everybody's endpoint; a Host header of AWS says which one was meant. TemporaryRedirect only as a fault.
Source: S3 API, "Error responses", "CreateBucket"; S3 User Guide, "Request routing", "Making requests".
"""

from __future__ import annotations

import re
from xml.sax.saxutils import quoteattr

from apps.sandbox.cloud.errors import AwsError, NotModelledError
from apps.sandbox.cloud.messages import AwsRequest
from apps.sandbox.cloud.services import Visit
from apps.sandbox.cloud.storehouse import Bucket

GLOBAL_REGION = "us-east-1"
_ENDPOINT = re.compile(r"s3(?:[.-](?P<region>[a-z]{2}(?:-[a-z]+)+-\d))?\.amazonaws\.com(?::\d+)?")
_CONFIGURATION = re.compile(
    r"(<\?xml[^>]*\?>\s*)?<CreateBucketConfiguration[^>]*>\s*"
    r"<LocationConstraint>(?P<region>[^<]*)</LocationConstraint>\s*</CreateBucketConfiguration>\s*"
)


def _addressed_region(request: AwsRequest) -> str | None:
    """Read out of the Host header which region's endpoint was meant; None for our own address."""
    match = _ENDPOINT.fullmatch(request.headers.get("host", ""))
    return (match["region"] or GLOBAL_REGION) if match else None


def check_region(visit: Visit, bucket: Bucket) -> None:
    """Check that a request went to the bucket's region and was signed for it. Raises: AwsError."""
    headers = {"x-amz-bucket-region": bucket.region}
    if _addressed_region(visit.request) not in (None, bucket.region):
        text = (
            "The bucket you are attempting to access must be addressed using the specified endpoint. "
            "Please send all future requests to this endpoint."
        )
        fields = {"Endpoint": f"s3.{bucket.region}.amazonaws.com", "Bucket": bucket.name}
        raise AwsError(301, "PermanentRedirect", text, fields=fields, headers=headers)
    signed_for = visit.scope.region
    if signed_for != bucket.region:
        raise AwsError(
            400,
            "AuthorizationHeaderMalformed",
            f"The authorization header is malformed; the region {quoteattr(signed_for)} is wrong; "
            f"expecting {quoteattr(bucket.region)}",
            fields={"Region": bucket.region},
            headers=headers,
        )


def check_location(visit: Visit) -> None:
    """Check where a new bucket is asked for: the endpoint's own region, or from us-east-1 any that exists.

    Raises: AwsError("IllegalLocationConstraintException" or "InvalidLocationConstraint"), NotModelledError.
    """
    wanted, endpoint = "", visit.scope.region
    if visit.request.body:
        match = _CONFIGURATION.fullmatch(visit.request.body.decode("utf-8", "replace"))
        if match is None:
            raise NotModelledError("this configuration of a new bucket")
        wanted = match["region"]
    if endpoint != GLOBAL_REGION and wanted != endpoint:
        text = f"The {wanted or 'unspecified'} location constraint is incompatible for the region specific endpoint"
        raise AwsError(400, "IllegalLocationConstraintException", f"{text} this request was sent to.")
    if wanted == GLOBAL_REGION or not visit.stores.storehouse.has_region(wanted or GLOBAL_REGION):
        raise AwsError(400, "InvalidLocationConstraint", "The specified location-constraint is not valid")
