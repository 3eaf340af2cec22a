"""Short sessions in customers' roles and the S3 clients that hold them, shared by the whole process.

Owns assuming a customer's role and when to do it again; refuses sessions wider than one prefix.
Not botocore's own refreshing: it renews fifteen minutes ahead, a session of fifteen minutes at every call.
Source: aws-and-sftp sections 3 and 4.2; STS AssumeRole.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from ...policies import compact, reading_session_policy, session_policy
from .config import S3Config
from .failures import failure, request_id_of
from .identity import Clock, Credentials, OurIdentity, utc_now
from .write import watch_writes

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sts.type_defs import AssumeRoleRequestTypeDef, AssumeRoleResponseTypeDef

SESSION_SECONDS = 900
STAGE = "assume_role"
_STS_NOT_ACTIVE = frozenset({"RegionDisabledException", "InvalidClientTokenId"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One session in a customer's role."""

    client: S3Client = field(repr=False)
    credentials: Credentials
    request_id: str


@dataclass(slots=True)
class _Slot:
    lock: Lock = field(default_factory=Lock)
    session: Session | None = None


class Sessions:
    """Sessions per destination and configuration version, the least recently used thrown out first."""

    def __init__(
        self,
        identity: OurIdentity,
        *,
        endpoint_url_s3: str | None = None,
        capacity: int = 200,
        now: Clock = utc_now,
    ) -> None:
        self.identity = identity
        self._endpoint_url_s3 = endpoint_url_s3
        self._capacity = capacity
        self._now = now
        self._lock = Lock()
        self._slots: OrderedDict[tuple[str, int], _Slot] = OrderedDict()

    def get(self, config: S3Config) -> Session:
        """Return a session with five minutes or more left; one thread assumes, the others wait.

        Raises: S3Failure.
        """
        slot = self._slot(config)
        with slot.lock:
            if slot.session is None or not slot.session.credentials.is_fresh(self._now()):
                slot.session = self._begin(config)
            return slot.session

    def renew(self, config: S3Config) -> Session:
        """Assume the role now, whatever is cached. Raises: S3Failure."""
        slot = self._slot(config)
        with slot.lock:
            slot.session = None
            slot.session = self._begin(config)
            return slot.session

    def forget(self, config: S3Config, session: Session) -> None:
        """Drop `session`, if nobody has renewed it yet."""
        slot = self._slot(config)
        with slot.lock:
            if slot.session is session:
                slot.session = None

    def assume(self, config: S3Config, *, external_id: str | None) -> AssumeRoleResponseTypeDef:
        """Ask for a session with this external ID, or with none. Raises: S3Failure."""
        return self._ask(config, _narrowed(config, external_id))

    def begin_unnarrowed(self, config: S3Config) -> Session:
        """Begin a session that may do all that the role may, to see how wide it is; it is not kept.

        Raises: S3Failure.
        """
        return self._session(config, self._ask(config, _request(config, config.external_id)))

    def begin_reading(self, config: S3Config) -> Session:
        """Begin a session that can list and read below the prefix at most; it is not kept. Raises: S3Failure."""
        policy = reading_session_policy(config.bucket, config.prefix, config.kms_key_arn)
        request = _request(config, config.external_id)
        return self._session(config, self._ask(config, {**request, "Policy": compact(policy)}))

    def _ask(self, config: S3Config, request: AssumeRoleRequestTypeDef) -> AssumeRoleResponseTypeDef:
        """Assume a role. Raises: S3Failure.

        Where STS is not active in the bucket's region, our own region's is asked; a session of ours that
        ended is renewed once.
        """
        region = config.region
        renewed = False
        while True:
            sts = self.identity.sts(region)
            try:
                return sts.assume_role(**request)
            except (ClientError, BotoCoreError) as error:
                refused = failure(error, stage=STAGE, config=config, our_arn=self.identity.principal_arn())
            if refused.code == "ExpiredTokenException" and not renewed:
                renewed = True
                self.identity.forget(sts)
            elif refused.code in _STS_NOT_ACTIVE and region != self.identity.home_region:
                region = self.identity.home_region
            else:
                raise refused

    def _begin(self, config: S3Config) -> Session:
        return self._session(config, self.assume(config, external_id=config.external_id))

    def _session(self, config: S3Config, answer: AssumeRoleResponseTypeDef) -> Session:
        credentials = Credentials.of(answer)
        client = self.identity.s3_client(config.region, credentials, self._endpoint_url_s3)
        watch_writes(client)
        return Session(client=client, credentials=credentials, request_id=request_id_of(answer))

    def _slot(self, config: S3Config) -> _Slot:
        key = (config.destination_id, config.config_version)
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            while len(self._slots) > self._capacity:
                self._slots.popitem(last=False)
            return slot


def _narrowed(config: S3Config, external_id: str | None) -> AssumeRoleRequestTypeDef:
    """Build the call for a session that can write below the prefix at most, however wide the role is."""
    policy = session_policy(config.bucket, config.prefix, config.kms_key_arn)
    return {**_request(config, external_id), "Policy": compact(policy)}


def _request(config: S3Config, external_id: str | None) -> AssumeRoleRequestTypeDef:
    """Build the call. No session tags: they would need more of the trust policy."""
    request: AssumeRoleRequestTypeDef = {
        "RoleArn": config.role_arn,
        "RoleSessionName": f"dst-{config.destination_id}",
        "DurationSeconds": SESSION_SECONDS,
    }
    if external_id is not None:
        request["ExternalId"] = external_id
    return request
