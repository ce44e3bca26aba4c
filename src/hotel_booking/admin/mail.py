"""Mail in the panel: what was sent, what failed, once more, and how each message reads. In the demo, the
messages that it would have sent, for everybody to see."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from jinja2 import UndefinedError
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.params import Parameter

from hotel_booking.core.config import Settings
from hotel_booking.core.db import Transaction
from hotel_booking.core.languages import LANGUAGES
from hotel_booking.core.links import signed
from hotel_booking.domains.bookings.queries import id_of_reference
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.notifications import queries, rendering, service
from hotel_booking.domains.notifications.errors import MessageNotFound
from hotel_booking.domains.notifications.samples import SAMPLES
from hotel_booking.domains.notifications.types import Link, Message, Rendered
from hotel_booking.http import pages
from hotel_booking.http.access import public, staff
from hotel_booking.http.ui.forms import Form
from hotel_booking.http.ui.render import page, see_other

_PAGE = 50
_LONGEST_SEARCH = 254  # an address
_VIEW = staff(Permission.MAIL_VIEW)
_STATES = ("trouble", "waiting", "sending", "sent", "failed", "uncertain")
# A message is shown in a frame of its own: nothing in it runs, leads anywhere by itself or is fetched.
_POLICY = (
    f"default-src 'none'; style-src '{rendering.STYLE_HASH}'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)
Template = Annotated[str, Parameter(max_length=60)]
Language = Annotated[str, Parameter(max_length=10)]


@get("/mail", opt=_VIEW)
async def list_mail(
    request: Request[Any, Any, State],
    tx: Transaction,
    caller: Caller,
    settings: Settings,
    status: Annotated[str, Parameter(max_length=20)] = "",
    q: str = "",
    cursor: str | None = None,
) -> Response[str]:
    """Newest first; `q` is a recipient's whole address or a booking's reference."""
    form = Form.of(q=q.replace("\x00", ""))
    asked = form.text("q", longest=_LONGEST_SEARCH)
    booking_id = await id_of_reference(tx, asked) if asked and "@" not in asked else None
    found: list[Message] = []
    if not form.errors and (not asked or "@" in asked or booking_id is not None):
        found = await queries.list_messages(
            tx,
            within=caller.properties_for(Permission.MAIL_VIEW),
            status=status if status in _STATES else None,
            recipient=asked if "@" in asked else None,
            booking_id=booking_id,
            before=pages.decode(cursor, tuple[datetime, UUID]),
            limit=_PAGE + 1,
        )
    last = found[_PAGE - 1] if len(found) > _PAGE else None
    return page(
        request,
        "mail/list.html",
        status=422 if form.errors else 200,
        form=form,
        messages=found[:_PAGE],
        next_cursor=pages.encode((last.created_at, last.id)) if last is not None else None,
        first=cursor is None,
        shown=status,
        q=q,
        sending=settings.smtp_url is not None or settings.environment == "demo",
    )


@get("/mail/templates", opt=_VIEW)
async def list_templates(
    request: Request[Any, Any, State], template: Template = "booking_confirmed", language: Language = "en"
) -> Response[str]:
    """Every message in every language, with made-up values."""
    sample = _sample(template, language)
    return page(
        request,
        "mail/templates.html",
        names=rendering.names(),
        languages=LANGUAGES,
        template=template,
        language=language,
        sample=sample,
    )


@get("/mail/templates/{template:str}/{language:str}/preview", opt=_VIEW)
async def preview_template(template: Template, language: Language) -> Response[str]:
    """The HTML part of a message with made-up values, for the frame."""
    return _framed(_sample(template, language))


@get("/mail/{message_id:uuid}", opt=_VIEW)
async def show_mail(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, message_id: UUID
) -> Response[str]:
    """One message with its attempts."""
    message = await _in_sight(tx, caller, message_id)
    return page(
        request,
        "mail/message.html",
        message=message,
        languages=LANGUAGES,
        rendered=_rendered(message),
        attempts=await queries.attempts(tx, message_id),
    )


@get("/mail/{message_id:uuid}/body", opt=_VIEW)
async def show_body(tx: Transaction, caller: Caller, message_id: UUID) -> Response[str]:
    """The HTML part of a message, for the frame."""
    rendered = _rendered(await _in_sight(tx, caller, message_id))
    if rendered is None:
        raise MessageNotFound("this message can’t be shown")
    return _framed(rendered)


@post("/mail/{message_id:uuid}/send-again", opt=staff(Permission.MAIL_SEND))
async def send_again(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, message_id: UUID
) -> Response[bytes]:
    """Let a message that failed, or of which nobody knows, go out once more."""
    within = caller.properties_for(Permission.MAIL_SEND)
    await service.send_again(tx, message_id=message_id, within=within, now=now)
    return see_other(request, f"/admin/mail/{message_id}", notice="The message is being sent again.")


@get("/demo/mail", opt=public(), include_in_schema=False)
async def demo_mail(request: Request[Any, Any, State], tx: Transaction, settings: Settings) -> Response[str]:
    """The newest messages of the demo, which sends none. There is no such page anywhere else."""
    if settings.environment != "demo":
        raise MessageNotFound("there is nothing at this address")
    return page(request, "mail/demo.html", messages=await queries.list_messages(tx, limit=_PAGE))


@get("/demo/mail/{message_id:uuid}", opt=public(), include_in_schema=False)
async def demo_message(tx: Transaction, settings: Settings, message_id: UUID) -> Response[str]:
    """One of them, as its reader sees it, with links that work."""
    message = await queries.find(tx, message_id)
    if settings.environment != "demo" or message is None:
        raise MessageNotFound("there is no such message")
    rendered = _written(message, partial(signed, settings.public_url, settings.secret_key))
    if rendered is None:
        raise MessageNotFound("this message can’t be shown")
    return _framed(rendered)


async def _in_sight(tx: Transaction, caller: Caller, message_id: UUID) -> Message:
    message = await queries.find(tx, message_id, within=caller.properties_for(Permission.MAIL_VIEW))
    if message is None:
        raise MessageNotFound("there is no such message")
    return message


def _rendered(message: Message) -> Rendered | None:
    """The message as staff may see it: its links open somebody's booking or account, so they lead nowhere."""
    if "link" in message.data or message.staff_id is not None:
        message.data["link"] = "#"
    return _written(message, lambda _path, _reader="": "#")


def _written(message: Message, link: Link) -> Rendered | None:
    """None for one that this release cannot write."""
    try:
        return rendering.rendered_message(message, link)
    except (KeyError, UndefinedError, ValueError, TypeError):
        return None


def _sample(template: str, language: str) -> Rendered:
    if template not in SAMPLES or language not in LANGUAGES:
        raise MessageNotFound("there is no such message")
    sample = SAMPLES[template]
    return rendering.render(template, language, sample, sender=sample.get("property", ""))


def _framed(rendered: Rendered) -> Response[str]:
    return Response(
        rendered.html,
        media_type="text/html",
        headers={"content-security-policy": _POLICY, "x-frame-options": "SAMEORIGIN"},
    )


handlers = [
    list_mail,
    list_templates,
    preview_template,
    show_mail,
    show_body,
    send_again,
]
demo_handlers = [demo_mail, demo_message]
