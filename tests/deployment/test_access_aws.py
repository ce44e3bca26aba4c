"""The session of AWS that access by the hour gives, of moto, a double of AWS: as long as the grant, in the
person's name, and denied everything once it is revoked."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from hotel_booking.ops.access import aws as access
from hotel_booking.ops.access.terms import Grant
from tests.deployment.test_terraform_applied import aws, program

pytestmark = pytest.mark.deploy

__all__ = ["aws", "program"]  # fixtures

JOHN = "john.doe@company.com"
_TRUST = {"Version": "2012-10-17", "Statement": []}


@pytest.fixture
def environ(aws: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The double, with the role that is meant for read-only; boto3 reads the process's own environment."""
    import boto3

    for name, value in aws.items():
        monkeypatch.setenv(name, value)
    boto3.setup_default_session()
    boto3.client("iam", region_name="eu-central-1").create_role(
        RoleName="hotel-access-read-only", AssumeRolePolicyDocument=json.dumps(_TRUST)
    )
    return {**aws, access.ROLE: "arn:aws:iam::123456789012:role/hotel-access-{role}"}


def grant(hours: float) -> Grant:
    now = datetime.now(UTC)
    return Grant(person=JOHN, role="read-only", granted_at=now, until=now + timedelta(hours=hours))


def test_a_session_is_as_long_as_the_grant_and_in_the_persons_name(environ: dict[str, str]) -> None:
    import boto3

    for hours in (0.25, 4, 12):
        given = grant(hours)
        session = access.begin(given, environ)
        assert abs(session.until - given.until) < timedelta(seconds=30)
    who = boto3.client(
        "sts",
        region_name="eu-central-1",
        aws_access_key_id=session.key,
        aws_secret_access_key=session.secret,
        aws_session_token=session.token,
    ).get_caller_identity()
    assert who["Arn"].endswith(f":assumed-role/hotel-access-read-only/{JOHN}")


def test_revoking_denies_what_began_before_and_forgets_what_has_ended(environ: dict[str, str]) -> None:
    import boto3

    now = datetime.now(UTC)
    access.deny("old@company.com", "read-only", environ, now=now - timedelta(hours=13))
    access.deny("other@company.com", "read-only", environ, now=now - timedelta(hours=1))
    access.deny(JOHN, "read-only", environ, now=now)
    iam = boto3.client("iam", region_name="eu-central-1")
    policy = iam.get_role_policy(RoleName="hotel-access-read-only", PolicyName="revoked-sessions")
    statements = policy["PolicyDocument"]["Statement"]
    assert {one["Effect"] for one in statements} == {"Deny"}
    names = [one["Condition"]["StringLike"]["aws:userid"] for one in statements]
    assert names == ["*:other@company.com", f"*:{JOHN}"]
    until = datetime.fromisoformat(statements[-1]["Condition"]["DateLessThan"]["aws:TokenIssueTime"])
    assert now < until <= now + timedelta(seconds=2), "a session that begins later is not concerned"


def test_what_aws_is_not_is_one_sentence(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for told, said in (
        ("", "no AWS is configured: HOTEL_ACCESS_AWS_ROLE is not set"),
        ("hotel-access", "is not such as arn:aws:iam"),
    ):
        with pytest.raises(access.AwsRefused, match=said):
            access.begin(grant(1), {access.ROLE: told})
    with pytest.raises(access.AwsRefused, match=r"AWS does not do it: .*NoSuchEntity"):
        access.deny(JOHN, "operator", environ, now=datetime.now(UTC))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(access.AwsRefused, match="AWS does not do it: Could not connect"):
        access.begin(grant(1), environ)
