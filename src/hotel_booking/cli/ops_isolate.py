"""hotel-booking ops isolate pod | person | key: what may be an attacker's is taken out, and kept as it is."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any, NamedTuple

import typer

from hotel_booking.cli.ops_access import KEEPERS, PLACES, Namespace, Without, places
from hotel_booking.cli.ops_inputs import DryRun, check_values, report_to_audit_log, value_of
from hotel_booking.core.integers import LARGEST_INTEGER
from hotel_booking.ops.asking import Want

app = typer.Typer(
    no_args_is_help=True, help="Take a pod, a person or an API key out, for an incident of security."
)

_PRODUCTION = "hotel-booking-production"
_YOU = Want("HOTEL_OPERATOR", "your own e-mail address", "you@company.com")
_WHY = Want("HOTEL_REASON", "the reason", "'it asks for other guests’ bookings'")
_APPROVER = Want("HOTEL_APPROVER", "who has approved that it is let in", "ana@company.com")
INCIDENT = Want("HOTEL_INCIDENT", "the incident's number", "12")
Incident = Annotated[
    int | None,
    typer.Option(
        "--incident",
        envvar="HOTEL_INCIDENT",
        min=0,
        max=LARGEST_INTEGER,
        help="The incident's number; 0 while the tracker is down.",
    ),
]
Reason = Annotated[str, typer.Option("--reason", envvar="HOTEL_REASON", help="Why.")]
Undo = Annotated[
    bool, typer.Option("--undo", help="Let it back in; needs an --approver, who is somebody else.")
]
Approver = Annotated[
    str, typer.Option("--approver", envvar="HOTEL_APPROVER", help="Who has approved an --undo.")
]


@app.command()
def pod(
    name: Annotated[str, typer.Argument(help="The pod, as `kubectl get pods` names it.")],
    incident: Incident = None,
    reason: Reason = "",
    namespace: Namespace = _PRODUCTION,
    undo: Undo = False,
    approver: Approver = "",
    dry_run: DryRun = False,
) -> None:
    """Take a pod out of service and off the network, and keep it as it is: another one takes its place. Exit
    code 1 where a NetworkPolicy still lets something in or out."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops import quarantine
    from hotel_booking.ops.kubectl import Kubectl
    from hotel_booking.ops.operation import operation
    from hotel_booking.ops.refusals import Refused

    name, kubectl = quarantine.named(name), Kubectl(namespace, environ=os.environ)
    case = _case(incident, reason, kubectl, approver if undo else None)
    with operation("isolate.pod", target=name, dry_run=dry_run, environ=os.environ, clock=utc_now) as act:
        act.tell(**case.record, undo=undo)
        if dry_run:
            there = kubectl.get("pod", name, quarantine.Pod)
            open_ways = [] if undo else quarantine.ways(kubectl, case.incident)
            print(f"{name} {'is' if there.isolated else 'is not'} in quarantine; it would be{' out' * undo}.")
            for way in open_ways:
                print(f"  {way}")
            return
        if undo:
            before = quarantine.give_back(kubectl, name)
            act.tell(outcome="given back" if before.isolated else "nothing to do")
            said = f"{name} serves again" if before.isolated else f"{name} was not in quarantine"
        else:
            notes = {"incident": str(case.incident), "by": case.who, "reason": case.reason}
            before = quarantine.isolate(kubectl, name, notes=notes, incident=case.incident, now=utc_now())
            act.tell(outcome="isolated", was=before.isolated, address=before.status.pod_ip)
            said = f"{name} is {'already ' * before.isolated}in quarantine"
        print(f"{said}.")
        if before.isolated == undo:
            case.note(f"{said}: {case.reason}")
        left = [] if undo else quarantine.ways(kubectl, case.incident)
        if left:
            act.tell(outcome="isolated, and not off the network", ways=left)
            raise Refused(
                f"{name} is out of service, and the network is not closed: {'; '.join(left)}",
                f"Where deployment/kubernetes/base/network is not what runs in {namespace}, apply it.",
                "Or end the pod, with what is in it:",
                f"  kubectl delete pod {name} -n {namespace}",
            )
    if not undo:
        address = before.status.pod_ip or "POD-ADDRESS"
        print("New connections are closed. One to the database that was open may go on; end it by:")
        query = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE client_addr = '{address}'"
        print(f'  psql -h $DB_HOST -U $DB_USER -c "{query}"')
        print(f"Look into it: kubectl exec -it {name} -n {namespace} -- sh")
        print(f"Its evidence: hotel-booking ops evidence collect --incident {case.incident}")
    report_to_audit_log()


@app.command()
def person(
    email: Annotated[str, typer.Argument(help="Their e-mail address.")],
    incident: Incident = None,
    reason: Reason = "",
    namespace: Namespace = _PRODUCTION,
    without: Without = None,
    undo: Undo = False,
    approver: Approver = "",
    dry_run: DryRun = False,
) -> None:
    """Lock somebody out of everything: their staff account with its sessions, and access for hours in
    Kubernetes, the database and at AWS. With --undo the account is open again; access is granted anew."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.access.terms import person_of
    from hotel_booking.ops.operation import operation

    who = person_of(email)
    missing = {*(without or ())}
    locks = not undo and missing != {*PLACES}
    lacking = _lacking(incident, reason, approver if undo else None)
    keeper = [KEEPERS] if locks and "database" not in missing else []
    check_values((*keeper, *lacking))
    given = places(namespace, without) if locks else None
    case = _case(incident, reason, _kubectl(namespace, missing), approver if undo else None)
    with operation("isolate.person", target=who, dry_run=dry_run, environ=os.environ, clock=utc_now) as act:
        act.tell(**case.record, undo=undo)
        if dry_run:
            print(f"{who} would be {'let in again' if undo else 'locked out of everything'}.")
            return
        done, failed, nothing = _locked(who, case.commands, given, undo=undo)
        for line in done:
            print(line)
        act.tell(done=done, failed=failed, outcome="failed" if failed else "done" if done else "nobody")
        if done:
            case.note(f"{' '.join(done)} {case.reason}")
        _refuse(who, done, failed, nothing)
    report_to_audit_log()


@app.command()
def key(
    number: Annotated[int, typer.Argument(help="The API key, as `hotel-booking api-key list` shows it.")],
    incident: Incident = None,
    reason: Reason = "",
    namespace: Namespace = _PRODUCTION,
    without: Without = None,
    dry_run: DryRun = False,
) -> None:
    """Close an API key at once and for good: what others may know comes back under no name. Whoever it was of
    gets a new one (`hotel-booking api-key create`)."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.operation import operation

    case = _case(incident, reason, _kubectl(namespace, {*(without or ())}), None)
    with operation(
        "isolate.key", target=str(number), dry_run=dry_run, environ=os.environ, clock=utc_now
    ) as act:
        act.tell(**case.record)
        if dry_run:
            print(f"Key {number} would open nothing any more.")
            return
        print(case.commands.run("api-key", "revoke", "--", str(number)))
        act.tell(outcome="revoked")
        case.note(f"API key {number} opens nothing any more. {case.reason}")
    report_to_audit_log()


class Case(NamedTuple):
    """What is done for which incident, by whom, and why."""

    incident: int
    reason: str
    who: str
    approver: str
    commands: Any

    @property
    def record(self) -> dict[str, Any]:
        """For the audit log."""
        by = {"approved_by": self.approver} if self.approver else {}
        return {"incident": self.incident, "why": self.reason, **by}

    def note(self, text: str) -> None:
        """In the incident's timeline; where it cannot be told, the line that does so later."""
        import shlex

        from hotel_booking.ops.refusals import Refused

        by = f" (approved by {self.approver})" if self.approver else ""
        words = ("incident", "note", str(self.incident), f"{text}{by}", "--by", self.who)
        try:
            if self.incident:
                self.commands.run(*words)
        except Refused as refusal:
            print(
                f"the incident's timeline was not told: {refusal.detail}\nLater:\n"
                f"  hotel-booking {shlex.join(words)}",
                file=sys.stderr,
            )


def _case(incident: int | None, reason: str, kubectl: Any, approver: str | None) -> Case:
    """Everything, from the flags, the environment or the terminal; of the incident whether it is there.
    `approver` is None where none is needed. Raises `WrongUse`."""
    from hotel_booking.ops.command_runner import CommandRunner
    from hotel_booking.ops.operation import operator
    from hotel_booking.ops.refusals import WrongUse

    commands = CommandRunner(kubectl, os.environ)
    check_values(_lacking(incident, reason, approver))
    who = value_of(_YOU, operator(os.environ))
    why = value_of(_WHY, reason)
    by = ""
    if approver is not None:
        by = value_of(_APPROVER, approver)
        if by.casefold() == who.casefold():
            raise WrongUse(f"{by} cannot approve what they do themselves", "Ask somebody else; name them.")
    number = of_incident(incident, commands)
    return Case(number, " ".join(why.split())[:500], who, by, commands)


def _lacking(incident: int | None, reason: str, approver: str | None) -> list[Want]:
    """What no flag said; `approver` is None where none is needed."""
    from hotel_booking.ops.operation import operator

    flags = (
        (_YOU, operator(os.environ)),
        (_WHY, reason),
        (_APPROVER, "-" if approver is None else approver),
        (INCIDENT, "" if incident is None else "-"),
    )
    return [want for want, flag in flags if not flag.strip()]


def of_incident(number: int | None, commands: Any) -> int:
    """The incident's number, once the tracker knows it; 0 and a tracker that does not answer go together.
    Raises `WrongUse`."""
    from hotel_booking.ops.refusals import Refused, WrongUse

    declared = ("Declare it; that pages whoever is on call:",
                "  hotel-booking incident declare 'Somebody is in' --severity P1")  # fmt: skip
    if number is None:
        typed = value_of(INCIDENT)
        if not typed.isdecimal() or len(typed) > 9:
            raise WrongUse(f"{typed!r} is no incident's number", *declared)
        number = int(typed)
    try:
        commands.run(*(("incident", "show", str(number)) if number else ("incident", "list")))
    except Refused as refusal:
        if "there is no incident" in refusal.detail:
            raise WrongUse(f"there is no incident {number}", *declared) from None
        print(f"the incident tracker does not answer: {refusal.detail}", file=sys.stderr)
        return number
    if not number:
        raise WrongUse("the incident tracker answers, so this needs the number of an incident", *declared)
    return number


def _kubectl(namespace: str, missing: set[str]) -> Any:
    from hotel_booking.ops.kubectl import Kubectl

    return None if "kubernetes" in missing else Kubectl(namespace, environ=os.environ)


def _locked(who: str, commands: Any, given: Any, *, undo: bool) -> tuple[list[str], list[str], int]:
    """What was done, what could not be, and in how many places there was nothing of theirs."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.access import revoking
    from hotel_booking.ops.access.credentials import forget
    from hotel_booking.ops.operation import home
    from hotel_booking.ops.refusals import Refused

    done: list[str] = []
    failed: list[str] = []
    nothing = 0
    try:
        done.append(commands.run("staff", "unlock" if undo else "lock", "--email", who))
    except Refused as refusal:
        if "nobody has an account" in refusal.detail:
            nothing += 1
        else:
            failed.append(f"the staff account: {refusal.detail}")
    if given is None:
        return done, failed, nothing + 1
    try:
        taken = revoking.revoke(who, given, now=utc_now())
        done.append("Access for hours is taken back.")
        print("\n".join(taken))
        forget(home(os.environ), who)
    except revoking.NoAccess:
        nothing += 1
    except Refused as refusal:
        failed.append(refusal.detail)
    return done, failed, nothing


def _refuse(who: str, done: list[str], failed: list[str], nothing: int) -> None:
    """Raise `Refused` where something is left, or there was nothing."""
    from hotel_booking.ops.refusals import Refused

    if failed:
        raise Refused(
            f"{who} is {'not quite' if done else 'not'} out: {'; '.join(failed)}",
            "Run this again: what is done stays so.",
        )
    if not done and nothing:
        raise Refused(f"{who} has neither a staff account nor access for hours: nothing was changed")
