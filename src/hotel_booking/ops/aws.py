"""AWS, as operations ask it: a client per service and region, patience with throttling, and every failure a
refusal that says what to do. boto3 is the extra `aws`; it is loaded when something is asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from hotel_booking.ops.refusals import Refused, WrongUse

SERVICES = ("cloudfront", "cloudwatch", "elbv2", "iam", "rds", "route53", "secretsmanager", "sts")
"""What is asked, and so what the image keeps of botocore's data (a test compares)."""

ATTEMPTS = 8  # of a call that is throttled or not answered; botocore waits between them, up to 20 s
_CONNECT_SECONDS, _READ_SECONDS = 5, 30
_NOT_SIGNED_IN = {
    *("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"),
    *("SignatureDoesNotMatch", "AuthFailure", "InvalidAccessKeyId"),
}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_THROTTLED = {
    *("Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded", "TooManyRequests"),
    *("PriorRequestNotComplete", "SlowDown", "RequestThrottled", "TooManyRequestsException"),
}
_SIGN_IN = ("Sign in, and run this again:", "  aws sso login", "or name who you are: export AWS_PROFILE=…")


class NotThere(Refused):
    """AWS knows no such thing in that region."""


class Aws:
    """AWS in one region, which is said and never guessed from the environment."""

    def __init__(self, region: str, *, environ: Mapping[str, str], attempts: int = ATTEMPTS) -> None:
        self.region = region
        self._environ, self._attempts = environ, attempts
        self._session: Any = None  # it has read what AWS's services are like
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """boto3's client of one of `SERVICES`."""
        if service not in SERVICES:
            raise ValueError(f"{service} is not among SERVICES")
        if service not in self._clients:
            try:
                import boto3
                from botocore.config import Config
            except ModuleNotFoundError:
                raise Refused(
                    "boto3 is not installed",
                    "It comes with the extra `aws`:",
                    "  pip install 'hotel-booking[aws]'",
                ) from None
            with asking(f"{service} in {self.region}"):
                if self._session is None:
                    profile = self._environ.get("AWS_PROFILE") or None
                    self._session = boto3.session.Session(profile_name=profile, region_name=self.region)
                self._clients[service] = self._session.client(
                    service,
                    config=Config(
                        connect_timeout=_CONNECT_SECONDS,
                        read_timeout=_READ_SECONDS,
                        retries={"mode": "standard", "total_max_attempts": self._attempts},
                    ),
                )
        return self._clients[service]

    def call(self, service: str, verb: str, **words: Any) -> Any:
        """What AWS answers to `verb` (boto3's name of it). Raises `NotThere` and `Refused`."""
        client = self.client(service)
        with asking(f"{service} {verb} in {self.region}"):
            return getattr(client, verb)(**words)

    def all_of(self, service: str, verb: str, key: str, **words: Any) -> list[Any]:
        """Every item under `key`, of however many pages."""
        client = self.client(service)
        with asking(f"{service} {verb} in {self.region}"):
            pages = client.get_paginator(verb).paginate(**words)
            return [item for page in pages for item in page.get(key, ())]

    def account(self) -> str:
        """Whose account it is; who is not signed in is told here."""
        return str(self.call("sts", "get_caller_identity")["Account"])


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Turn what boto3 raises inside into a refusal."""
    from botocore import exceptions

    try:
        yield
    except (
        exceptions.NoCredentialsError,
        exceptions.PartialCredentialsError,
        exceptions.ProfileNotFound,
        exceptions.TokenRetrievalError,
        exceptions.CredentialRetrievalError,
        exceptions.UnauthorizedSSOTokenError,
        exceptions.SSOTokenLoadError,
    ) as error:
        raise WrongUse(f"AWS does not know who you are: {error}", *_SIGN_IN) from None
    except exceptions.ClientError as error:
        raise _refusal(error.response.get("Error", {}), what) from None
    except (exceptions.ParamValidationError, exceptions.UnknownServiceError):
        raise  # a mistake of ours
    except exceptions.BotoCoreError as error:
        raise Refused(
            f"AWS did not answer ({what}): {error}",
            "Is the network there? Is the region well (https://health.aws.amazon.com)?",
            "What was done so far stays; run this again: it begins with what is there.",
        ) from None


def _refusal(error: Mapping[str, Any], what: str) -> Refused:
    code, said = str(error.get("Code", "")), str(error.get("Message", ""))
    if code in _NOT_SIGNED_IN:
        return WrongUse(f"AWS does not know you any more: {said}", *_SIGN_IN)
    if code in _DENIED:
        return Refused(
            f"you may not do that ({what}): {said}",
            "Nothing of it was done. Take the role that may, and run this again:",
            "  aws sts get-caller-identity",
        )
    if code in _THROTTLED:
        return Refused(
            f"AWS takes no more calls for now ({what}): {said}",
            "What was done so far stays. Run this again in a minute: it begins with what is there.",
        )
    if "NotFound" in code or code in {"NoSuchHostedZone", "NoSuchHealthCheck", "NoSuchDistribution"}:
        return NotThere(f"AWS knows no such thing ({what}): {said}")
    return Refused(
        f"AWS refused ({what}): {code}: {said}", "What was done so far stays; it can be run again."
    )


def wait_for(done: Callable[[], bool], *, what: str, seconds: float, every: float) -> None:
    """Return once it is `done`, asked every so many seconds. Raises `Refused` after `seconds`."""
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() >= until:
            raise Refused(
                f"{what} took longer than {seconds / 60:.0f} min",
                "It may still become so. Run this again: it begins with what is there.",
            )
        time.sleep(every)
