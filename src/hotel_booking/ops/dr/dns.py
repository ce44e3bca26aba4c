"""`update-dns.sh`: which region guests reach. The five hosts are the CDN's and stay; what moves is the weight
of two records of one name behind it, `origin.<domain>`: `primary` and `dr` (deployment/terraform/edge.tf).

Both weights change in one batch, so no moment has none or both. It is reversible by naming the other target.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hotel_booking.ops.aws import Aws, NotThere, wait_for
from hotel_booking.ops.dr.resolvers import Resolver
from hotel_booking.ops.environments import Place
from hotel_booking.ops.refusals import Refused

TTL = 60  # seconds that a resolver may keep a record which is no alias; of an alias AWS says 60
_INSYNC_SECONDS = 5 * 60.0
_RESOLVERS_SECONDS = 10 * 60.0
_SITE_SECONDS = 10 * 60.0
_GLOBAL = "us-east-1"  # where Route 53 and CloudFront are asked, whichever region is down
Say = Callable[[str], None]
Ask = Callable[[str, str, str], str]


class Records:
    """The two records of a name in Route 53, by their set identifiers."""

    def __init__(self, domain: str, aws: Aws) -> None:
        self._aws, self.name = aws, f"origin.{domain}"
        zones = aws.call("route53", "list_hosted_zones_by_name", DNSName=f"{domain}.", MaxItems="10")
        mine = [
            zone["Id"].rpartition("/")[2]
            for zone in zones["HostedZones"]
            if zone["Name"].rstrip(".") == domain and not zone["Config"].get("PrivateZone")
        ]
        if len(mine) != 1:
            raise Refused(
                f"Route 53 has {len(mine)} public zones {domain} in this account, and there must be one",
                "Is it the right account? Look: aws sts get-caller-identity; aws route53 list-hosted-zones",
            )
        self.zone = mine[0]

    def read(self) -> dict[str, dict[str, Any]]:
        """Both, as Route 53 has them."""
        records = self._aws.all_of(
            "route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=self.zone
        )
        return {
            record["SetIdentifier"]: record
            for record in records
            if record["Name"].rstrip(".") == self.name and record["Type"] == "A" and "Weight" in record
        }

    def move(self, target: str, records: Mapping[str, Mapping[str, Any]], every: float) -> None:
        """Have the target's weight be 100 and every other's 0, in one batch; returns when all of Route 53's
        own servers say so."""
        changes = []
        for name, record in records.items():
            low = {} if "AliasTarget" in record else {"TTL": min(TTL, record.get("TTL", TTL))}
            new = {**record, **low, "Weight": 100 if name == target else 0}
            changes.append({"Action": "UPSERT", "ResourceRecordSet": new})
        change = self._aws.call(
            "route53",
            "change_resource_record_sets",
            HostedZoneId=self.zone,
            ChangeBatch={"Comment": f"update-dns.sh --target {target}", "Changes": changes},
        )["ChangeInfo"]
        wait_for(
            lambda: (
                self._aws.call("route53", "get_change", Id=change["Id"])["ChangeInfo"]["Status"] == "INSYNC"
            ),
            what="Route 53's change",
            seconds=_INSYNC_SECONDS,
            every=every,
        )


class Move:
    """One run. `target` is a record's identifier, `primary` or `dr`; `places` are both environments by it."""

    def __init__(
        self,
        target: str,
        places: Mapping[str, Place],
        *,
        environ: Mapping[str, str],
        resolvers: Sequence[Resolver],
        say: Say,
        ask: Ask,
        every: float = 10.0,
    ) -> None:
        self._target, self._places, self._resolvers = target, places, resolvers
        self._say, self._ask, self._every = say, ask, every
        self.aws = Aws(_GLOBAL, environ=environ)
        self._regions = {name: Aws(place.region, environ=environ) for name, place in places.items()}
        # Two tries: the one that is left may be the one that is gone.
        self._left = Aws(self._other.region, environ=environ, attempts=2)
        self.records: Records | None = None

    @property
    def _place(self) -> Place:
        return self._places[self._target]

    @property
    def _other(self) -> Place:
        (other,) = [place for name, place in self._places.items() if name != self._target]
        return other

    def look(self) -> dict[str, dict[str, Any]]:
        """Everything that can be known before anything is touched: the records are there, and the target's
        database takes writes and its load balancer has healthy nodes. Both records."""
        self._say(f"account {self.aws.account()}, domain {self._place.domain}")
        self.records = Records(self._place.domain, self.aws)
        records = self.records.read()
        if missing := {"primary", "dr"} - records.keys():
            raise Refused(
                f"{self.records.name} has no record {' and '.join(sorted(missing))}: Terraform makes them",
                "  cd deployment/terraform",
                f"  terraform apply -var-file=environments/{self._place.environment}.tfvars",
            )
        self._check_database()
        self._check_balancer(records[self._target])
        return records

    def run(self, records: Mapping[str, Mapping[str, Any]]) -> None:
        """Move it, and return when resolvers say so, the CDN has forgotten what it kept, and the site answers
        from outside. Running it again repeats only what is not so."""
        assert self.records is not None  # noqa: S101  # `look` came first
        began = time.monotonic()
        weights = {name: record["Weight"] for name, record in records.items()}
        if weights == {name: 100 if name == self._target else 0 for name in records}:
            self._say(f"Route 53: {self.records.name} leads to {self._target} already")
        else:
            self.records.move(self._target, records, self._every)
            self._say(f"Route 53: {self.records.name} leads to {self._target}; all its servers know")
        self._await_resolvers(records)
        self._purge()
        self._await_site()
        self._say(f"done after {(time.monotonic() - began) / 60:.1f} min")
        back = "primary" if self._target == "dr" else "dr"
        self._say(f"the way back: ./deployment/scripts/update-dns.sh --target {back}")

    def _check_database(self) -> None:
        place = self._place
        found = self._database(self._regions[self._target], place)
        if found is None or found["DBInstanceStatus"] != "available":
            state = found["DBInstanceStatus"] if found else "not there"
            raise Refused(
                f"{place.name}, the database of {self._target}, is {state}: nobody could book there",
                f"  aws rds describe-db-instances --region {place.region}",
            )
        if found.get("ReadReplicaSourceDBInstanceIdentifier"):
            raise Refused(
                f"{place.name}, the database of {self._target}, follows the other one and takes no bookings",
                "Have it take over first:",
                f"  ./deployment/scripts/dr-restore.sh --environment {place.environment}",
            )
        if self._target == "primary":
            self._check_way_back()

    def _check_way_back(self) -> None:
        """Going back to a database that did not follow would forget what the standby sold."""
        other = self._database(self._left, self._other)
        if other is None or other.get("ReadReplicaSourceDBInstanceIdentifier"):
            return  # gone, or it never took over
        answer = self._ask(
            "HOTEL_DATA_IS_BACK",
            f"{self._other.name} was promoted, and what was booked there since is not in {self._place.name}"
            ' by itself (docs/DISASTER_RECOVERY.md, "Going back"); that it was brought there, and the standby'
            " is closed",
            "yes",
        )
        if answer != "yes":
            raise Refused("the data is not said to be back: nothing was touched")

    def _database(self, aws: Aws, place: Place) -> dict[str, Any] | None:
        try:
            found = aws.call("rds", "describe_db_instances", DBInstanceIdentifier=place.name)
        except NotThere:
            return None
        return dict(found["DBInstances"][0])

    def _check_balancer(self, record: Mapping[str, Any]) -> None:
        """Raise `Refused` where no node behind the target's load balancer is healthy."""
        aws, place = self._regions[self._target], self._place
        try:
            balancer = aws.call("elbv2", "describe_load_balancers", Names=[place.name])["LoadBalancers"][0]
        except NotThere:
            raise Refused(
                f"there is no load balancer {place.name} in {place.region}",
                f"  terraform apply -var-file=environments/{place.environment}.tfvars",
            ) from None
        leads_to = record.get("AliasTarget", {}).get("DNSName", "").rstrip(".").removeprefix("dualstack.")
        if leads_to.lower() != balancer["DNSName"].lower():
            raise Refused(
                f"the record {self._target} leads to {leads_to or 'no load balancer'}, and not to"
                f" {balancer['DNSName']}: Terraform has not been applied since it was made",
                f"  terraform apply -var-file=environments/{place.environment}.tfvars",
            )
        groups = aws.call("elbv2", "describe_target_groups", LoadBalancerArn=balancer["LoadBalancerArn"])
        states = [
            target["TargetHealth"]["State"]
            for group in groups["TargetGroups"]
            for target in aws.call("elbv2", "describe_target_health", TargetGroupArn=group["TargetGroupArn"])[
                "TargetHealthDescriptions"
            ]
        ]
        if "healthy" not in states:
            raise Refused(
                f"no node behind {place.name} is healthy ({', '.join(states) or 'there is none'}): guests"
                " would get 503",
                f"  kubectl get pods -n istio-ingress    (of the cluster {place.name})",
            )
        self._say(f"{place.name}: {states.count('healthy')} healthy nodes, the database takes writes")

    def _await_resolvers(self, records: Mapping[str, Mapping[str, Any]]) -> None:
        """Return when every resolver that answers leads to the target and to nothing else."""
        assert self.records is not None  # noqa: S101  # `look` came first
        name = self.records.name
        waits: dict[str, str] = {}

        def agree() -> bool:
            waits.clear()
            answered = 0
            for resolver in self._resolvers:
                addresses = resolver.addresses(name)
                if addresses is None:
                    waits[resolver.name] = "does not answer"
                    continue
                answered += 1
                if wrong := self._wrong(resolver, addresses, records):
                    waits[resolver.name] = wrong
            silent = [wait for wait in waits.values() if wait == "does not answer"]
            return answered > 0 and len(waits) == len(silent)

        try:
            wait_for(agree, what="resolvers", seconds=_RESOLVERS_SECONDS, every=self._every)
        except Refused:
            raise Refused(
                f"{_RESOLVERS_SECONDS / 60:.0f} minutes later resolvers still do not lead to {self._target}:",
                *(f"  {who}: {what}" for who, what in waits.items()),
                "Route 53 has changed; these keep an old answer, or are not reached from here.",
                "Run this again.",
            ) from None
        for resolver in self._resolvers:
            self._say(f"{resolver.name}: {waits.get(resolver.name, f'leads to {self._target}')}")

    def _wrong(self, resolver: Resolver, found: set[str], records: Mapping[str, Mapping[str, Any]]) -> str:
        """What is wrong with an answer; empty where it is the target's. By the balancers' own names, asked at
        the same resolver: their addresses change."""
        wanted, unwanted = set[str](), set[str]()
        for name, record in records.items():
            to = record["AliasTarget"]["DNSName"].rstrip(".")
            (wanted if name == self._target else unwanted).update(resolver.addresses(to) or ())
        if found & wanted and not found & (unwanted - wanted):
            return ""
        return f"says {', '.join(sorted(found)) or 'nothing'}"

    def _purge(self) -> None:
        """Have the CDN forget what it kept of the other region."""
        from hotel_booking.ops.dr import cdn

        for line in cdn.purge(self._place.domain, self.aws):
            self._say(line)

    def _await_site(self) -> None:
        """Return when Route 53's health check, which asks as a guest does, is content."""
        checks = [
            check["Id"]
            for check in self.aws.all_of("route53", "list_health_checks", "HealthChecks")
            if check["HealthCheckConfig"].get("FullyQualifiedDomainName") == self._place.domain
        ]
        if not checks:
            self._say(f"no health check of {self._place.domain}: nobody looked from outside")
            return

        def content() -> bool:
            seen = self.aws.call("route53", "get_health_check_status", HealthCheckId=checks[0])
            reports = [status["StatusReport"]["Status"] for status in seen["HealthCheckObservations"]]
            content = sum(str(status).startswith("Success") for status in reports)
            return content * 2 > len(reports)

        try:
            wait_for(content, what=f"https://{self._place.domain}", seconds=_SITE_SECONDS, every=self._every)
        except Refused:
            raise Refused(
                f"DNS leads to {self._target}, but from outside https://{self._place.domain} is not healthy",
                "Is the platform closed or not ready there? Look, or go back:",
                f"  aws route53 get-health-check-status --health-check-id {checks[0]}",
            ) from None
        self._say(f"https://{self._place.domain} is healthy from outside")
