"""Access to AWS: a session of the role that is meant for it, just as long as the grant. It ends by itself, in
every case; before its end it can only be denied everything, by a policy of the role."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from hotel_booking.ops.access.terms import ROLES, Grant
from hotel_booking.ops.refusals import Refused, plainly

ROLE = "HOTEL_ACCESS_AWS_ROLE"
_POLICY = "revoked-sessions"
_LONGEST = max(role.longest for role in ROLES.values())


class AwsRefused(Refused):
    """AWS does not do it, or cannot be asked; nothing was given there."""


class Session(msgspec.Struct, frozen=True):
    """Keys that end at `until`."""

    key: str
    secret: str
    token: str
    until: datetime


def begin(grant: Grant, environ: Mapping[str, str]) -> Session:
    """A session in the person's name from now to the grant's end. Raises `AwsRefused`, also where no AWS is
    configured."""
    arn = _arn(grant.role, environ)
    seconds = int((grant.until - grant.granted_at).total_seconds())
    with _Translated():
        answer = _client("sts", environ).assume_role(
            RoleArn=arn, RoleSessionName=grant.person, DurationSeconds=seconds
        )["Credentials"]
    return Session(
        answer["AccessKeyId"],
        answer["SecretAccessKey"],
        answer["SessionToken"],
        answer["Expiration"].astimezone(UTC),
    )


def deny(person: str, role: str, environ: Mapping[str, str], *, now: datetime) -> None:
    """Deny everything to the sessions that the person has of the role; ones that begin later are not
    concerned. Raises `AwsRefused`."""
    name = _arn(role, environ).rpartition("/")[2]
    with _Translated():
        iam = _client("iam", environ)
        try:
            document = iam.get_role_policy(RoleName=name, PolicyName=_POLICY)["PolicyDocument"]
            statements = (
                document["Statement"] if isinstance(document, dict) else json.loads(document)["Statement"]
            )
        except iam.exceptions.NoSuchEntityException:
            statements = []
        # A policy has 10,240 letters: sessions that have ended by themselves need no word in it.
        since = (now - _LONGEST).strftime(_TIME)
        statements = [
            statement
            for statement in statements
            if statement["Condition"]["DateLessThan"]["aws:TokenIssueTime"] > since
        ]
        statements.append(
            {
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": {
                    "StringLike": {"aws:userid": f"*:{person}"},
                    "DateLessThan": {"aws:TokenIssueTime": (now + timedelta(seconds=1)).strftime(_TIME)},
                },
            }
        )
        iam.put_role_policy(
            RoleName=name,
            PolicyName=_POLICY,
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
        )


_TIME = "%Y-%m-%dT%H:%M:%SZ"


def _arn(role: str, environ: Mapping[str, str]) -> str:
    pattern = environ.get(ROLE, "").strip()
    if not pattern:
        raise AwsRefused(f"no AWS is configured: {ROLE} is not set (docs/CONFIGURATION.md)")
    if not pattern.startswith("arn:") or "{role}" not in pattern:
        raise AwsRefused(
            f"{ROLE} is not such as arn:aws:iam::111122223333:role/hotel-booking-production-{{role}}"
        )
    return pattern.replace("{role}", role)


def _client(service: str, environ: Mapping[str, str]) -> Any:
    try:
        import boto3
        from botocore.config import Config
    except ModuleNotFoundError:
        raise AwsRefused("the extra `aws` (boto3) is not installed here") from None
    patience = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "eu-central-1"
    return boto3.client(service, region_name=region, config=patience)


class _Translated:
    """AWS's failures as refusals with its own words."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if error is None or isinstance(error, Refused):
            return
        if kind is not None and kind.__module__.startswith(("botocore", "boto3")):
            raise AwsRefused(f"AWS does not do it: {plainly(error)[:400]}") from None
