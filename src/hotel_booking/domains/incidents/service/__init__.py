"""Acts on incidents: each notes itself in the timeline, and leaves rows for what others are told."""

from hotel_booking.domains.incidents.service.actions import add_action, finish_action, reopen_action
from hotel_booking.domains.incidents.service.alerts import receive
from hotel_booking.domains.incidents.service.declare import declare
from hotel_booking.domains.incidents.service.ending import close, reopen, resolve, write_post_mortem
from hotel_booking.domains.incidents.service.rollbacks import ask_for_git, note_rollback
from hotel_booking.domains.incidents.service.updates import publish
from hotel_booking.domains.incidents.service.watch import watch
from hotel_booking.domains.incidents.service.work import (
    acknowledge,
    assess,
    escalate_finding,
    give_role,
    move_to,
    note,
)

__all__ = [
    "acknowledge",
    "add_action",
    "ask_for_git",
    "assess",
    "close",
    "declare",
    "escalate_finding",
    "finish_action",
    "give_role",
    "move_to",
    "note",
    "note_rollback",
    "publish",
    "receive",
    "reopen",
    "reopen_action",
    "resolve",
    "watch",
    "write_post_mortem",
]
