"""What the standby's pods are told: production's secrets, copied here by AWS, and two of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta

from hotel_booking.ops.aws import Aws, NotThere
from hotel_booking.ops.environments import Place
from hotel_booking.ops.refusals import Refused

_COPIED = ("generated", "shared", "third-parties", "alerting")
_CERTIFICATE_DAYS = 1825


class Secrets:
    """Secrets Manager in the standby's region."""

    def __init__(self, place: Place, aws: Aws, say: Callable[[str], None]) -> None:
        self._place, self._aws, self._say = place, aws, say

    def missing(self) -> list[str]:
        """Which of production's secrets are not here, or empty."""
        names = [f"hotel-booking/{self._place.stands_in_for}/{name}" for name in _COPIED]
        return [name for name in names if self._value(name) is None]

    def check(self) -> None:
        """Raise `Refused` where one of production's is missing: the platform would not start."""
        if missing := self.missing():
            raise Refused(
                f"in {self._place.region} these secrets are missing: {', '.join(missing)}",
                "Production's are copied here by Secrets Manager; put what you have of them:",
                *(
                    f"  aws secretsmanager put-secret-value --region {self._place.region} --secret-id {name}"
                    " --secret-string file://…"
                    for name in missing
                ),
            )

    def point_to(self, host: str) -> bool:
        """Have `addresses` name this database; whether it did not. Redis and the rest stay as Terraform wrote
        them. Raises `Refused` where Terraform has written none."""
        name = f"hotel-booking/{self._place.environment}/addresses"
        value = self._value(name)
        if value is None:
            raise Refused(
                f"{name} is empty: Terraform writes where database and Redis of this region are",
                "  cd deployment/terraform",
                f"  terraform apply -var-file=environments/{self._place.environment}.tfvars",
            )
        addresses = json.loads(value)
        if addresses.get("DB_HOST") == host:
            return False
        self._put(name, json.dumps({**addresses, "DB_HOST": host}))
        self._say(f"{name} names {host}")
        return True

    def have_certificate(self, now: datetime) -> bool:
        """Have the gateway's certificate, which signs itself: nobody between load balancer and nodes asks
        whose it is. Whether there was none."""
        name = f"hotel-booking/{self._place.environment}/gateway"
        if self._value(name) is not None:
            return False
        self._put(name, json.dumps(_certificate(now)))
        self._say(f"{name} has a new certificate")
        return True

    def words(self, secret: str) -> dict[str, str]:
        """What a secret holds. Never printed."""
        value = self._value(secret)
        return dict(json.loads(value)) if value else {}

    def _value(self, name: str) -> str | None:
        try:
            secret = self._aws.call("secretsmanager", "get_secret_value", SecretId=name)
        except NotThere:
            return None
        return secret.get("SecretString") or None

    def _put(self, name: str, value: str) -> None:
        try:
            self._aws.call("secretsmanager", "put_secret_value", SecretId=name, SecretString=value)
        except NotThere:
            self._aws.call("secretsmanager", "create_secret", Name=name, SecretString=value)


def _certificate(now: datetime) -> dict[str, str]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gateway")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=_CERTIFICATE_DAYS))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {"tls.crt": certificate.public_bytes(pem).decode(), "tls.key": private.decode()}
