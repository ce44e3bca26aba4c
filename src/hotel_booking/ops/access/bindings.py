"""Access to Kubernetes: RoleBindings of one person to the Roles of deployment/kubernetes/base/access, which
say in annotations until when. Kubernetes knows no end of a binding: until somebody removes it, it holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote

import msgspec

from hotel_booking.ops.access.terms import Grant, Role
from hotel_booking.ops.kubectl import Kubectl, Metadata

LABEL = "hotelbooking.com/access"
_OURS = {LABEL: "granted"}
# Before the address: EKS wants a colon before a session's name, and nobody else's users are called so.
USER = "access:"
_NOTES = "access.hotelbooking.com/"
_API = "rbac.authorization.k8s.io"


class Binding(msgspec.Struct, frozen=True):
    """One RoleBinding. `until` is None where what it says cannot be read: that one has no end to wait for."""

    name: str
    person: str
    role: str
    until: datetime | None
    notes: dict[str, str]

    @property
    def grant(self) -> Grant | None:
        """The grant that it is a part of, as its annotations tell it."""
        if self.until is None:
            return None
        try:
            since = datetime.fromisoformat(self.notes.get("since", ""))
        except ValueError:
            since = self.until
        return Grant(
            person=self.person,
            role=self.role,
            granted_at=since,
            until=self.until,
            reason=self.notes.get("reason", ""),
            requested_by=self.notes.get("requested-by", ""),
            approved_by=self.notes.get("approved-by", ""),
            approval=self.notes.get("approval", ""),
        )


class Bindings(Protocol):
    """Where the bindings are asked for and removed: by kubectl, or from a pod."""

    def all(self) -> list[Binding]:
        """Every binding that was granted here. Raises a `Refused`."""

    def remove(self, name: str) -> None:
        """Have it gone; it may be gone already. Raises a `Refused`."""


class Item(msgspec.Struct, frozen=True):
    """A RoleBinding, as far as it is looked at."""

    metadata: Metadata


def read(item: Item) -> Binding:
    """What a RoleBinding says of itself."""
    notes = {
        name.removeprefix(_NOTES): text
        for name, text in item.metadata.annotations.items()
        if name.startswith(_NOTES)
    }
    try:
        until = datetime.fromisoformat(notes.get("until", ""))
    except ValueError:
        until = None
    if until is not None and until.tzinfo is None:
        until = None
    return Binding(item.metadata.name, notes.get("person", ""), notes.get("role", ""), until, notes)


class ByKubectl:
    """As the person who runs the command may."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl

    def all(self) -> list[Binding]:
        """Every binding that was granted here."""
        selector = f"{LABEL}={_OURS[LABEL]}"
        return [read(item) for item in self._kubectl.select("rolebindings", Item, selector)]

    def remove(self, name: str) -> None:
        """Have it gone."""
        self._kubectl.delete("rolebinding", name)

    def give(self, grant: Grant, role: Role) -> None:
        """Bind the person to all Roles of the role; again with another end where they are bound."""
        for body in bodies(grant, role, self._kubectl.namespace):
            self._kubectl.apply(body, manager="hotel-booking-access")


def bodies(grant: Grant, role: Role, namespace: str) -> Sequence[dict[str, Any]]:
    """The RoleBindings of a grant."""
    notes = {
        "person": grant.person,
        "role": grant.role,
        "since": grant.granted_at.isoformat(),
        "until": grant.until.isoformat(),
        "reason": grant.reason,
        "requested-by": grant.requested_by,
        "approved-by": grant.approved_by,
        "approval": grant.approval,
    }
    return [
        {
            "apiVersion": f"{_API}/v1",
            "kind": "RoleBinding",
            "metadata": {
                "name": f"access:{grant.person}:{bound.removeprefix('hotel-booking-')}",
                "namespace": namespace,
                "labels": _OURS,
                "annotations": {f"{_NOTES}{name}": text for name, text in notes.items() if text},
            },
            "roleRef": {"apiGroup": _API, "kind": "Role", "name": bound},
            "subjects": [{"apiGroup": _API, "kind": "User", "name": f"{USER}{grant.person}"}],
        }
        for bound in role.binds
    ]


def path(namespace: str, name: str = "") -> str:
    """Where the API server has them; all of ours without a name."""
    where = f"/apis/{_API}/v1/namespaces/{quote(namespace, safe='')}/rolebindings"
    return f"{where}/{quote(name, safe='')}" if name else f"{where}?labelSelector={LABEL}%3D{_OURS[LABEL]}"
