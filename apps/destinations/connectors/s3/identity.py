"""Who we are towards AWS: the credentials of this process and, behind them, the one delivery role.

Owns assuming our own role and keeping it fresh; refuses to hand credentials to anybody but a client.
Customers trust the delivery role alone, so it is assumed first unless the process already is that role.
Source: IAM User Guide "Roles terms and concepts" (role chaining: one hour at most); rulings B6.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .config import account_of
from .failures import S3Failure, failure, request_id_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sts import STSClient
    from mypy_boto3_sts.type_defs import AssumeRoleResponseTypeDef

RENEW_BEFORE = timedelta(minutes=5)
OWN_SESSION_SECONDS = 3600
DEFAULT_REGION = "us-east-1"
STAGE = "our_identity"
CLIENT_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 4},
    connect_timeout=5,
    read_timeout=60,
    tcp_keepalive=True,
    s3={"us_east_1_regional_endpoint": "regional"},
    user_agent_extra="Record-Relay/1",
)
_ASSUMED = re.compile(r"arn:aws:sts::(\d{12}):assumed-role/([^/]+)/.+")

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Temporary credentials of an assumed role."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(repr=False)
    expires_at: datetime

    @classmethod
    def of(cls, answer: AssumeRoleResponseTypeDef) -> Credentials:
        """Take the credentials out of an answer to AssumeRole."""
        given = answer["Credentials"]
        return cls(
            access_key=given["AccessKeyId"],
            secret_key=given["SecretAccessKey"],
            token=given["SessionToken"],
            expires_at=given["Expiration"],
        )

    def is_fresh(self, now: datetime) -> bool:
        return now < self.expires_at - RENEW_BEFORE


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What AWS says about who we are."""

    arn: str
    account_id: str
    request_id: str = ""


class OurIdentity:
    """Makes STS clients that speak as our delivery role. Safe to share between threads; one per process."""

    def __init__(
        self,
        session: boto3.Session,
        delivery_role_arn: str | None,
        *,
        endpoint_url_sts: str | None = None,
        now: Clock = utc_now,
    ) -> None:
        self.delivery_role_arn = delivery_role_arn
        self.home_region = session.region_name or DEFAULT_REGION
        self._session = session
        self._endpoint_url_sts = endpoint_url_sts
        self._now = now
        self._lock = RLock()  # one renewal at a time; boto3 does not promise that a session is thread-safe
        self._base: Caller | None = None
        self._credentials: Credentials | None = None
        self._clients: dict[str, STSClient] = {}

    def sts(self, region: str) -> STSClient:
        """Return an STS client of `region` that speaks as our delivery role. Raises: S3Failure."""
        with self._lock:
            self._renew()
            if region not in self._clients:
                self._clients[region] = self._sts_client(region, self._credentials)
            return self._clients[region]

    def forget(self, client: STSClient) -> None:
        """Drop the session behind `client`, if nobody has renewed it yet."""
        with self._lock:
            if any(known is client for known in self._clients.values()):
                self._credentials = None
                self._clients.clear()

    def whoami(self, region: str) -> Caller:
        """Ask AWS who our delivery identity is; a session of ours that ended is renewed once. Raises: S3Failure."""
        sts = self.sts(region)
        try:
            return self._caller(sts)
        except S3Failure as ended:
            if ended.code != "ExpiredTokenException":
                raise
        self.forget(sts)
        return self._caller(self.sts(region))

    def principal_arn(self) -> str:
        """Return the ARN that a customer's trust policy must name. Raises: S3Failure."""
        if self.delivery_role_arn:
            return self.delivery_role_arn
        arn = self._base_caller().arn
        assumed = _ASSUMED.fullmatch(arn)
        return f"arn:aws:iam::{assumed[1]}:role/{assumed[2]}" if assumed else arn

    def account_id(self) -> str | None:
        """Return our own AWS account. Raises: S3Failure."""
        return account_of(self.principal_arn())

    def s3_client(self, region: str, credentials: Credentials, endpoint_url: str | None) -> S3Client:
        """Make an S3 client for a customer's session."""
        with self._lock:
            return self._session.client(
                "s3",
                region_name=region,
                endpoint_url=endpoint_url,
                aws_access_key_id=credentials.access_key,
                aws_secret_access_key=credentials.secret_key,
                aws_session_token=credentials.token,
                config=CLIENT_CONFIG,
            )

    def _renew(self) -> None:
        if not self.delivery_role_arn or self._is_delivery_role():
            return
        if self._credentials and self._credentials.is_fresh(self._now()):
            return
        try:
            answer = self._sts_client(self.home_region, None).assume_role(
                RoleArn=self.delivery_role_arn,
                RoleSessionName="record-relay",
                DurationSeconds=OWN_SESSION_SECONDS,
            )
        except (ClientError, BotoCoreError) as error:
            raise failure(error, stage=STAGE) from None
        self._clients.clear()
        self._credentials = Credentials.of(answer)

    def _is_delivery_role(self) -> bool:
        assumed = _ASSUMED.fullmatch(self._base_caller().arn)
        role = self.delivery_role_arn or ""
        return assumed is not None and assumed.groups() == (account_of(role), role.rpartition("/")[2])

    def _base_caller(self) -> Caller:
        with self._lock:
            if self._base is None:
                self._base = self._caller(self._sts_client(self.home_region, None))
            return self._base

    def _caller(self, client: STSClient) -> Caller:
        try:
            answer = client.get_caller_identity()
        except (ClientError, BotoCoreError) as error:
            raise failure(error, stage=STAGE) from None
        return Caller(
            arn=answer["Arn"],
            account_id=answer["Account"],
            request_id=request_id_of(answer),
        )

    def _sts_client(self, region: str, credentials: Credentials | None) -> STSClient:
        return self._session.client(
            "sts",
            region_name=region,
            endpoint_url=self._endpoint_url_sts,
            aws_access_key_id=credentials.access_key if credentials else None,
            aws_secret_access_key=credentials.secret_key if credentials else None,
            aws_session_token=credentials.token if credentials else None,
            config=CLIENT_CONFIG,
        )
