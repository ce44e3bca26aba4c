"""update-dns.sh: guests are led to the other region and back, on a double of AWS and a real small name server
that serves what Route 53 holds."""

from __future__ import annotations

import os
import socketserver
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import boto3
import dns.flags
import dns.message
import dns.rrset
import pytest

from hotel_booking.ops.dr import cdn
from hotel_booking.ops.dr.dns import Move
from hotel_booking.ops.dr.resolvers import Resolver, named
from hotel_booking.ops.environments import place_of
from hotel_booking.ops.refusals import Refused, WrongUse
from tests.deployment.aws_double import Way, environ, gone, reset, throttled
from tests.deployment.checkers import ROOT

pytestmark = pytest.mark.deploy

PLACES = {"primary": place_of("production"), "dr": place_of("dr")}
DOMAIN = PLACES["dr"].domain
ADDRESSES = {"primary": "192.0.2.1", "dr": "192.0.2.2"}


class NameServer(socketserver.ThreadingUDPServer):
    """Answers for what Route 53 holds, but keeps an answer for `keeps` seconds, as a resolver does."""

    daemon_threads = True

    def __init__(self, world: World, keeps: float = 0) -> None:
        super().__init__(("127.0.0.1", 0), _Question)
        self.world, self.keeps, self.kept = world, keeps, dict[str, tuple[float, str]]()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def answer(self, name: str) -> str | None:
        """The address of a name."""
        at, found = self.kept.get(name, (0.0, ""))
        if found and time.monotonic() - at < self.keeps:
            return found
        for target, balancer in self.world.balancers.items():
            if name == balancer.lower():
                return ADDRESSES[target]
        if name == f"origin.{DOMAIN}":
            (leads,) = [target for target, weight in self.world.weights().items() if weight]
            self.kept[name] = time.monotonic(), ADDRESSES[leads]
            return ADDRESSES[leads]
        return None


class _Question(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        data, socket = self.request
        server = self.server
        assert isinstance(server, NameServer)
        asked = dns.message.from_wire(data)
        answer = dns.message.make_response(asked)
        name = asked.question[0].name
        if found := server.answer(name.to_text().rstrip(".").lower()):
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "A", found))
        socket.sendto(answer.to_wire(), self.client_address)


class World:
    """Route 53, two load balancers and two databases, as Terraform and a promotion leave them."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self.environ = environ(way.port)
        self.balancers: dict[str, str] = {}
        self.said: list[str] = []
        self.answers: dict[str, str] = {}
        for target, place in PLACES.items():
            self.balancers[target] = self._balancer(place.name, place.region)
            self.client("rds", place.region).create_db_instance(
                DBInstanceIdentifier=place.name, Engine="postgres", AllocatedStorage=20,
                MasterUsername="hotel_operator", MasterUserPassword="x" * 12, DBInstanceClass="db.m7g.large",
            )  # fmt: skip
        route53 = self.client("route53", "us-east-1")
        zone = route53.create_hosted_zone(Name=DOMAIN, CallerReference=str(time.time_ns()))["HostedZone"][
            "Id"
        ]
        self.zone = zone
        for target, weight in (("primary", 100), ("dr", 0)):
            self.record(target, self.balancers[target], weight)
        route53.create_health_check(
            CallerReference=str(time.time_ns()),
            HealthCheckConfig={
                "Type": "HTTPS",
                "FullyQualifiedDomainName": DOMAIN,
                "Port": 443,
                "ResourcePath": "/health/ready",
            },
        )

    def client(self, service: str, region: str) -> Any:
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.environ["AWS_ENDPOINT_URL"],
            aws_access_key_id="none",
            aws_secret_access_key="none",
        )

    def record(self, target: str, balancer: str, weight: int) -> None:
        self.client("route53", "us-east-1").change_resource_record_sets(
            HostedZoneId=self.zone,
            ChangeBatch={
                "Changes": [
                    {
                        "Action": "UPSERT",
                        "ResourceRecordSet": {
                            "Name": f"origin.{DOMAIN}",
                            "Type": "A",
                            "SetIdentifier": target,
                            "Weight": weight,
                            "AliasTarget": {
                                "HostedZoneId": "Z32O12XQLNTSW2",
                                "DNSName": balancer,
                                "EvaluateTargetHealth": False,
                            },
                        },
                    }
                ]
            },
        )

    def _balancer(self, name: str, region: str) -> str:
        ec2, elbv2 = self.client("ec2", region), self.client("elbv2", region)
        subnets = ec2.describe_subnets()["Subnets"]
        made = elbv2.create_load_balancer(
            Name=name, Type="application", Subnets=[one["SubnetId"] for one in subnets][:2]
        )["LoadBalancers"][0]
        group = elbv2.create_target_group(
            Name=name, Protocol="HTTPS", Port=30443, VpcId=subnets[0]["VpcId"], TargetType="ip"
        )["TargetGroups"][0]["TargetGroupArn"]
        elbv2.create_listener(
            LoadBalancerArn=made["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
        )
        elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": "172.31.0.10", "Port": 30443}])
        return str(made["DNSName"])

    def weights(self) -> dict[str, int]:
        found = self.client("route53", "us-east-1").list_resource_record_sets(HostedZoneId=self.zone)
        return {one["SetIdentifier"]: one["Weight"] for one in found["ResourceRecordSets"] if "Weight" in one}

    def ask(self, variable: str, what: str, example: str) -> str:
        if variable not in self.answers:
            raise WrongUse(f"{what} is needed, and {variable} is not set", f"{variable}={example}")
        return self.answers[variable]

    def move(self, target: str, *resolvers: Resolver) -> Move:
        return Move(
            target,
            PLACES,
            environ=self.environ,
            resolvers=resolvers,
            say=self.said.append,
            ask=self.ask,
            every=0.05,
        )

    def run(self, target: str, *resolvers: Resolver) -> None:
        move = self.move(target, *resolvers)
        move.run(move.look())


@pytest.fixture
def world(port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    reset(port)
    way = Way(port)
    for name, value in environ(way.port).items():
        monkeypatch.setenv(name, value)
    try:
        yield World(way)
    finally:
        way.close()


@pytest.fixture
def resolver(world: World) -> Iterator[Resolver]:
    with NameServer(world) as server:
        yield Resolver(server.address)
        server.shutdown()


def test_guests_are_led_there_and_back(world: World, resolver: Resolver) -> None:
    assert resolver.addresses(f"origin.{DOMAIN}") == {ADDRESSES["primary"]}
    world.run("dr", resolver)
    assert world.weights() == {"primary": 0, "dr": 100}
    assert resolver.addresses(f"origin.{DOMAIN}") == {ADDRESSES["dr"]}
    assert f"https://{DOMAIN} is healthy from outside" in world.said
    assert "the way back: ./deployment/scripts/update-dns.sh --target primary" in world.said
    world.answers["HOTEL_DATA_IS_BACK"] = "yes"
    world.run("primary", resolver)
    assert world.weights() == {"primary": 100, "dr": 0}


@pytest.mark.nightly
def test_it_ends_when_resolvers_that_keep_an_answer_have_let_go_of_it(world: World) -> None:
    with NameServer(world, keeps=3) as server:
        resolver = Resolver(server.address)
        resolver.addresses(f"origin.{DOMAIN}")
        world.run("dr", resolver)
        assert resolver.addresses(f"origin.{DOMAIN}") == {ADDRESSES["dr"]}
        server.shutdown()


@pytest.mark.nightly
def test_a_resolver_that_does_not_answer_is_told_and_not_waited_for(
    world: World, resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hotel_booking.ops.dr.resolvers._SECONDS", 0.2)
    with NameServer(world) as gone_one:
        silent = Resolver(gone_one.address)
        gone_one.shutdown()
    world.run("dr", silent, resolver)
    assert f"{silent.name}: does not answer" in world.said
    assert f"{resolver.name}: leads to dr" in world.said


@pytest.mark.nightly
def test_a_second_run_changes_no_record(world: World, resolver: Resolver) -> None:
    world.run("dr", resolver)
    world.said.clear()
    world.run("dr", resolver)
    assert f"Route 53: origin.{DOMAIN} leads to dr already" in world.said


@pytest.mark.nightly
def test_a_standby_that_still_follows_gets_no_guests(world: World, resolver: Resolver) -> None:
    rds = world.client("rds", PLACES["dr"].region)
    rds.delete_db_instance(DBInstanceIdentifier=PLACES["dr"].name, SkipFinalSnapshot=True)
    arn = f"arn:aws:rds:{PLACES['primary'].region}:123456789012:db:{PLACES['primary'].name}"
    rds.create_db_instance_read_replica(
        DBInstanceIdentifier=PLACES["dr"].name,
        SourceDBInstanceIdentifier=arn,
        DBInstanceClass="db.m7g.large",
    )
    with pytest.raises(Refused, match="follows the other one and takes no bookings") as refused:
        world.run("dr", resolver)
    assert "  ./deployment/scripts/dr-restore.sh --environment dr" in refused.value.lines
    assert world.weights() == {"primary": 100, "dr": 0}


def test_a_database_that_is_not_there_gets_no_guests(world: World, resolver: Resolver) -> None:
    rds = world.client("rds", PLACES["dr"].region)
    rds.delete_db_instance(DBInstanceIdentifier=PLACES["dr"].name, SkipFinalSnapshot=True)
    with pytest.raises(Refused, match="is not there: nobody could book"):
        world.run("dr", resolver)
    assert world.weights() == {"primary": 100, "dr": 0}


@pytest.mark.nightly
def test_a_region_without_a_healthy_node_gets_no_guests(world: World, resolver: Resolver) -> None:
    elbv2 = world.client("elbv2", PLACES["dr"].region)
    group = elbv2.describe_target_groups(Names=[PLACES["dr"].name])["TargetGroups"][0]["TargetGroupArn"]
    elbv2.deregister_targets(TargetGroupArn=group, Targets=[{"Id": "172.31.0.10"}])
    with pytest.raises(Refused, match=r"no node behind hotel-booking-dr is healthy"):
        world.run("dr", resolver)
    assert world.weights() == {"primary": 100, "dr": 0}


@pytest.mark.nightly
def test_a_record_that_leads_elsewhere_is_for_terraform(world: World, resolver: Resolver) -> None:
    world.record("dr", "old.elb.amazonaws.com", 0)
    with pytest.raises(Refused, match=r"leads to old\.elb\.amazonaws\.com, and not to"):
        world.run("dr", resolver)
    assert world.weights() == {"primary": 100, "dr": 0}


@pytest.mark.nightly
def test_going_back_asks_for_the_data_first(world: World, resolver: Resolver) -> None:
    world.run("dr", resolver)
    with pytest.raises(WrongUse, match="what was booked there since is not in hotel-booking-production"):
        world.run("primary", resolver)
    assert world.weights() == {"primary": 0, "dr": 100}


@pytest.mark.nightly
def test_production_s_region_may_be_gone(world: World, resolver: Resolver) -> None:
    world.way.faults.append(gone(PLACES["primary"].region))
    world.run("dr", resolver)
    assert world.weights() == {"primary": 0, "dr": 100}


@pytest.mark.nightly
def test_throttled_calls_are_made_again(world: World, resolver: Resolver) -> None:
    world.way.faults.append(throttled("DescribeDBInstances", 2))
    world.run("dr", resolver)
    assert world.weights() == {"primary": 0, "dr": 100}


def test_another_account_is_said(world: World, resolver: Resolver) -> None:
    route53 = world.client("route53", "us-east-1")
    for record in route53.list_resource_record_sets(HostedZoneId=world.zone)["ResourceRecordSets"]:
        if "Weight" in record:
            route53.change_resource_record_sets(
                HostedZoneId=world.zone,
                ChangeBatch={"Changes": [{"Action": "DELETE", "ResourceRecordSet": record}]},
            )
    with pytest.raises(Refused, match="has no record dr and primary: Terraform makes them"):
        world.run("dr", resolver)
    route53.delete_hosted_zone(Id=world.zone)
    with pytest.raises(Refused, match=f"Route 53 has 0 public zones {DOMAIN} in this account"):
        world.run("dr", resolver)


@pytest.mark.nightly
def test_cloudfront_forgets_what_it_kept(world: World, resolver: Resolver) -> None:
    cloudfront = world.client("cloudfront", "us-east-1")
    made = cloudfront.create_distribution(
        DistributionConfig={
            "CallerReference": "1",
            "Aliases": {"Quantity": 1, "Items": [DOMAIN]},
            "Origins": {
                "Quantity": 1,
                "Items": [
                    {
                        "Id": "o",
                        "DomainName": f"origin.{DOMAIN}",
                        "CustomOriginConfig": {
                            "HTTPPort": 80,
                            "HTTPSPort": 443,
                            "OriginProtocolPolicy": "https-only",
                        },
                    }
                ],
            },
            "DefaultCacheBehavior": {
                "TargetOriginId": "o",
                "ViewerProtocolPolicy": "redirect-to-https",
                "MinTTL": 0,
                "ForwardedValues": {"QueryString": True, "Cookies": {"Forward": "none"}},
            },
            "Comment": "",
            "Enabled": True,
        }
    )["Distribution"]["Id"]
    world.run("dr", resolver)
    listed = cloudfront.list_invalidations(DistributionId=made)["InvalidationList"]["Items"]
    assert len(listed) == 1
    assert any(line.startswith(f"CloudFront {made} forgets") for line in world.said)


class _CloudFlare(BaseHTTPRequestHandler):
    heard: ClassVar[list[str]] = []
    zones: ClassVar[str] = '[{"id": "z1"}]'

    def do_GET(self) -> None:
        self._answer(f'{{"result": {self.zones}}}')

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.heard.append(f"{self.headers['Authorization']} {self.path} {body}")
        self._answer("{}")

    def _answer(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_args: object) -> None:
        """Nobody reads it."""


@pytest.mark.nightly
def test_cloudflare_forgets_where_its_token_is_set(world: World) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _CloudFlare) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        told = {
            "CLOUDFLARE_API_TOKEN": "secret",
            "HOTEL_CLOUDFLARE_URL": f"http://127.0.0.1:{server.server_port}",
        }
        aws = world.move("dr").aws
        assert list(cdn.purge(DOMAIN, aws, told)) == [f"CloudFlare forgets what it kept of {DOMAIN}"]
        assert _CloudFlare.heard == ['Bearer secret /zones/z1/purge_cache {"purge_everything":true}']
        _CloudFlare.zones = "[]"
        with pytest.raises(Refused, match="CloudFlare knows no zone"):
            list(cdn.purge(DOMAIN, aws, told))
        server.shutdown()
    with pytest.raises(Refused, match="CloudFlare did not purge its cache"):
        list(cdn.purge(DOMAIN, aws, told))
    assert list(cdn.purge(DOMAIN, aws, {})) == [f"no CDN is configured for {DOMAIN}: nothing to purge"]


@pytest.mark.nightly
def test_resolvers_are_addresses() -> None:
    assert [one.name for one in named("")] == ["1.1.1.1", "8.8.8.8", "9.9.9.9"]
    assert [one.name for one in named("127.0.0.1:5353, ::1")] == ["127.0.0.1:5353", "::1"]
    with pytest.raises(WrongUse, match="is no resolver's address"):
        named("dns.example")


@pytest.mark.nightly
def test_the_script_runs_from_anywhere(world: World, resolver: Resolver, tmp_path: Path) -> None:
    done = subprocess.run(
        [ROOT / "deployment" / "scripts" / "update-dns.sh", "--target", "dr"],
        cwd=tmp_path,
        env={
            **os.environ,
            **world.environ,
            "HOTEL_DNS_RESOLVERS": resolver.name,
            "HOTEL_OPS_DIR": str(tmp_path / "ops"),
            "HOTEL_SPOOL_DIR": str(tmp_path / "spool"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert f"{resolver.name}: leads to dr" in done.stdout
    assert world.weights() == {"primary": 0, "dr": 100}
