"""What every manifest of ours has to keep, beyond being valid: one function a subject, each yielding what is
wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.deployment.documents import Object, called, chosen, containers, pod_of, walk, wave

_USER = 10001
_FINISHES = 15  # seconds that a web process takes at most after SIGTERM (cli/serve.py, workers_kill_timeout)
_LOOKS = {"get", "list", "watch"}
_METADATA = "169.254.0.0/16"  # where a machine of AWS tells its role's keys


def problems(objects: Sequence[Object], *, tags: bool) -> list[str]:
    """Everything that is wrong with what is applied together. `tags`: images have to have one."""
    found: list[str] = []
    for one in objects:
        name = f"{one['kind']} {one['metadata']['name']}"
        if (pod := pod_of(one)) is not None:
            found += [f"{name}: {what}" for what in _pods(one, pod, objects, tags=tags)]
        found += [f"{name}: {what}" for check in _CHECKS.get(one["kind"], ()) for what in check(one, objects)]
    found += [*_guarded(objects), *_ordered(objects)]
    return found


def _pods(one: Object, pod: Object, objects: Sequence[Object], *, tags: bool) -> Iterator[str]:
    spec = pod["spec"]
    if spec.get("enableServiceLinks") is not False:
        yield "enableServiceLinks is not false: HOTEL_BOOKING_PORT would be an unknown setting"
    if spec.get("automountServiceAccountToken") is not False:
        yield "gets a token of the Kubernetes API"
    accounts = called(objects, "ServiceAccount")
    if spec.get("serviceAccountName") not in accounts:
        yield "has no ServiceAccount of its own"
    context = spec.get("securityContext", {})
    if context.get("runAsNonRoot") is not True or context.get("runAsUser") != _USER:
        yield f"does not run as {_USER}"
    if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "has no seccomp profile"
    if not {"app", "app.kubernetes.io/name", "app.kubernetes.io/component"} <= set(pod["metadata"]["labels"]):
        yield "its pods lack labels"
    yield from _shared(spec)
    for container in containers(pod):
        for what in (*_confined(container), *_container(container, objects, tags=tags)):
            yield f"{container['name']}: {what}"


def _shared(spec: Object) -> Iterator[str]:
    """What a pod has of its machine."""
    if any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")):
        yield "shares the machine's network or processes"
    for volume in spec.get("volumes", []):
        if "hostPath" in volume:
            yield f"volume {volume['name']} is the machine's"
        if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
            yield f"volume {volume['name']} may fill the machine's disk"


def _confined(container: Object) -> Iterator[str]:
    confined = container.get("securityContext", {})
    if confined.get("allowPrivilegeEscalation") is not False:
        yield "may gain privileges"
    if confined.get("readOnlyRootFilesystem") is not True:
        yield "may write to its image"
    if confined.get("capabilities") != {"drop": ["ALL"]}:
        yield "keeps capabilities"


def _container(container: Object, objects: Sequence[Object], *, tags: bool) -> Iterator[str]:
    image = container["image"]
    tag = image.rpartition("/")[2].partition(":")[2]
    if tag == "latest" or (tags and not tag and "@sha256:" not in image):
        yield f"image {image} has no tag that stays"
    resources = container.get("resources", {})
    for bound in ("requests", "limits"):
        if not {"cpu", "memory"} <= resources.get(bound, {}).keys():
            yield f"has no {bound} of cpu and memory"
    if resources.get("requests", {}).get("memory") != resources.get("limits", {}).get("memory"):
        yield "may be promised memory that it is then killed for using"
    mounts = {mount["mountPath"] for mount in container.get("volumeMounts", [])}
    if "/tmp" not in mounts and image.rpartition("/")[2].startswith("hotel-booking"):
        yield "has no /tmp to write to"
    maps = {name.rpartition("-")[0] if tags else name for name in called(objects, "ConfigMap")}
    secrets = {one["spec"]["target"]["name"] for one in called(objects, "ExternalSecret").values()}
    for source in container.get("envFrom", []):
        if "configMapRef" in source:
            name = source["configMapRef"]["name"]
            if (name.rpartition("-")[0] if tags else name) not in maps:
                yield f"ConfigMap {name} is not there"
        elif source["secretRef"]["name"] not in secrets:
            yield f"Secret {source['secretRef']['name']} is not there"


def _deployment(one: Object, objects: Sequence[Object]) -> Iterator[str]:
    spec, pod = one["spec"], one["spec"]["template"]
    labels = pod["metadata"]["labels"]
    if not chosen(spec["selector"]["matchLabels"], labels):
        yield "does not select its own pods"
    autoscalers = called(objects, "HorizontalPodAutoscaler").values()
    scaled = any(auto["spec"]["scaleTargetRef"]["name"] == one["metadata"]["name"] for auto in autoscalers)
    if scaled == ("replicas" in spec):
        yield "replicas are either the autoscaler's or written here"
    if spec.get("replicas", 2) > 1:
        keys = {rule["topologyKey"] for rule in pod["spec"].get("topologySpreadConstraints", [])}
        if not {"topology.kubernetes.io/zone", "kubernetes.io/hostname"} <= keys:
            yield "is not spread over zones and machines"
        if not any(
            _budget_chooses(budget, labels) for budget in called(objects, "PodDisruptionBudget").values()
        ):
            yield "has no PodDisruptionBudget"
    grace = pod["spec"].get("terminationGracePeriodSeconds", 30)
    for container in pod["spec"]["containers"]:
        if not container.get("ports"):
            continue
        yield from _probes(container)
        stop = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", [])
        if any(port["name"] == "http" for port in container["ports"]):
            if stop[:1] != ["sleep"] or int(stop[1]) < 5:
                yield f"{container['name']}: stops before the gateway has heard of it"
            elif grace < int(stop[1]) + _FINISHES:
                yield f"{container['name']}: is killed before it has answered what it was asked"


def _probes(container: Object) -> Iterator[str]:
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        if probe not in container:
            yield f"{container['name']}: has no {probe}"
    if container.get("livenessProbe", {}).get("httpGet", {}).get("path") == "/health/ready":
        yield f"{container['name']}: would be restarted because its database is away"


def _budget_chooses(budget: Object, labels: Object) -> bool:
    return chosen(budget["spec"]["selector"]["matchLabels"], labels)


def _budget(one: Object, objects: Sequence[Object]) -> Iterator[str]:
    spec = one["spec"]
    if "minAvailable" in spec or not spec.get("maxUnavailable"):
        yield "a drain may wait for ever: say maxUnavailable, at least 1"
    if spec.get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
        yield "a pod that is not ready holds up a drain"
    templates = [pod for other in objects if (pod := pod_of(other)) is not None]
    if not any(_budget_chooses(one, pod["metadata"]["labels"]) for pod in templates):
        yield "guards no pod"


def _job(one: Object, objects: Sequence[Object]) -> Iterator[str]:
    if "activeDeadlineSeconds" not in one["spec"] or "backoffLimit" not in one["spec"]:
        yield "may run, or be tried, for ever"


def _cron_job(one: Object, objects: Sequence[Object]) -> Iterator[str]:
    spec = one["spec"]
    if spec.get("concurrencyPolicy") != "Forbid":
        yield "may run beside itself"
    if spec.get("timeZone") != "Etc/UTC" or "startingDeadlineSeconds" not in spec:
        yield "has no time zone, or no time until which a missed run is made up for"
    yield from _job(spec["jobTemplate"], objects)


def _service(one: Object, objects: Sequence[Object]) -> Iterator[str]:
    selector = one["spec"].get("selector", {})
    pods = [pod for other in objects if (pod := pod_of(other)) is not None]
    reached = [pod for pod in pods if chosen(selector, pod["metadata"]["labels"])]
    if not selector or not reached:
        yield "leads to no pod"
    ports = [port for pod in reached for each in containers(pod) for port in each.get("ports", [])]
    names = {port["name"] for port in ports}
    for port in one["spec"]["ports"]:
        if port["targetPort"] not in names:
            yield f"port {port['targetPort']} is not named by a pod"


def _namespace(one: Object, objects: Sequence[Object]) -> Iterator[str]:
    labels = one["metadata"].get("labels", {})
    for mode in ("enforce", "audit", "warn"):
        if labels.get(f"pod-security.kubernetes.io/{mode}") != "restricted":
            yield f"Pod Security: {mode} is not restricted"


def _role(one: Object, objects: Sequence[Object]) -> Iterator[str]:
    for rule in one["rules"]:
        if "*" in rule["verbs"] or "*" in rule["apiGroups"]:
            yield "allows everything"
        if "*" in rule["resources"] and not all(group.endswith(".istio.io") for group in rule["apiGroups"]):
            yield "allows every resource"
        if "secrets" in rule["resources"]:
            yield "reads secrets"
        if "read-only" in one["metadata"]["name"] and not set(rule["verbs"]) <= _LOOKS:
            yield f"does more than look: {rule['verbs']}"
        if {"escalate", "bind", "impersonate"} & set(rule["verbs"]):
            yield "can give itself more"


def _network_policy(one: Object, objects: Sequence[Object]) -> Iterator[str]:
    for key, value in walk(one["spec"]):
        if key != "ipBlock" or not isinstance(value, dict) or value["cidr"] != "0.0.0.0/0":
            continue
        if _METADATA not in value.get("except", []):
            yield "lets pods ask for the machine's own keys"


def _virtual_service(one: Object, objects: Sequence[Object]) -> Iterator[str]:
    gateways = called(objects, "Gateway")
    for name in one["spec"].get("gateways", []):
        hosts = {host for server in gateways[name]["spec"]["servers"] for host in server["hosts"]}
        if not set(one["spec"]["hosts"]) <= hosts:
            yield f"the gateway {name} does not listen for {one['spec']['hosts']}"
    for route in one["spec"]["http"]:
        if "hosts" not in one["spec"]:
            yield from _led(route, objects)
        elif "redirect" not in route:
            yield from (f"{route['name']}: {what}" for what in _route(route, objects))


def _route(route: Object, objects: Sequence[Object]) -> Iterator[str]:
    """Of one that guests come by."""
    if route.get("retries") != {"attempts": 0}:
        yield "a booking may be sent twice"
    if "timeout" not in route:
        yield "may wait for ever"
    if "delegate" in route:
        to = called(objects, "VirtualService").get(route["delegate"]["name"])
        if to is None or "hosts" in to["spec"]:
            yield "nothing takes what it delegates"
        if "x-forwarded-for" not in route["headers"]["request"]["set"]:
            yield "believes what clients say of their address"
    elif any("." not in to["destination"]["host"] for to in route["route"]):
        yield "leads to pods by itself, past a canary"


def _led(route: Object, objects: Sequence[Object]) -> Iterator[str]:
    """Of one that others delegate to: they say the rest."""
    for to in route["route"]:
        if to["destination"]["host"] not in called(objects, "Service"):
            yield f"Service {to['destination']['host']} is not there"


def _gateway(one: Object, objects: Sequence[Object]) -> Iterator[str]:
    for server in one["spec"]["servers"]:
        if server["port"]["protocol"] == "HTTP" and not server.get("tls", {}).get("httpsRedirect"):
            yield "answers in clear"
        if "*" in server["hosts"]:
            yield "answers for any host"


def _peer_authentication(one: Object, objects: Sequence[Object]) -> Iterator[str]:
    if one["spec"]["mtls"]["mode"] != "STRICT":
        yield "lets in who shows no certificate"


def _service_monitor(one: Object, objects: Sequence[Object]) -> Iterator[str]:
    for endpoint in one["spec"]["endpoints"]:
        matching = [
            service
            for service in called(objects, "Service").values()
            if chosen(one["spec"]["selector"]["matchLabels"], service["metadata"].get("labels", {}))
            and any(port["name"] == endpoint["port"] for port in service["spec"]["ports"])
        ]
        if len(matching) != 1:
            yield f"finds {len(matching)} Services with a port {endpoint['port']}: told never, or twice"


def _guarded(objects: Sequence[Object]) -> Iterator[str]:
    """In a namespace of ours nothing may be reached but what is listed."""
    if not called(objects, "Namespace") or not any(pod_of(one) for one in objects):
        return
    denies = [
        one
        for one in called(objects, "NetworkPolicy").values()
        if not one["spec"]["podSelector"]
        and set(one["spec"]["policyTypes"]) == {"Ingress", "Egress"}
        and not {"ingress", "egress"} & one["spec"].keys()
    ]
    if not denies:
        yield "no NetworkPolicy denies everything by default"


def _ordered(objects: Sequence[Object]) -> Iterator[str]:
    """What a pod needs is there in an earlier wave, and the schema before the pods that use it."""
    jobs = called(objects, "Job")
    if "hotel-booking-migrate" not in jobs:
        return
    migrated = wave(jobs["hotel-booking-migrate"])
    for one in objects:
        name = f"{one['kind']} {one['metadata']['name']}"
        needed = one["kind"] in ("Namespace", "ServiceAccount", "ExternalSecret", "NetworkPolicy")
        if (needed or "settings" in one["metadata"]["name"]) and wave(one) >= migrated:
            yield f"{name}: comes after the migration that needs it"
        if one["kind"] in ("Deployment", "CronJob") and wave(one) <= migrated:
            yield f"{name}: starts before the schema is there"


_CHECKS = {
    "Deployment": (_deployment,),
    "Job": (_job,),
    "CronJob": (_cron_job,),
    "PodDisruptionBudget": (_budget,),
    "Service": (_service,),
    "Namespace": (_namespace,),
    "Role": (_role,),
    "ClusterRole": (_role,),
    "NetworkPolicy": (_network_policy,),
    "VirtualService": (_virtual_service,),
    "Gateway": (_gateway,),
    "PeerAuthentication": (_peer_authentication,),
    "ServiceMonitor": (_service_monitor,),
}
