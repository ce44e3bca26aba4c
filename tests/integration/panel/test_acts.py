"""What a form of the panel asks for is done whole or not at all."""

from __future__ import annotations

from litestar import Litestar, Response
from litestar.datastructures import State
from litestar.testing import RequestFactory

from hotel_booking.admin.acts import carry_out
from hotel_booking.core.db import Database
from hotel_booking.core.errors import DomainError, Invalid
from tests.clients.http_client import settings_for


async def test_what_is_refused_halfway_is_undone_and_shown(db: Database) -> None:
    app = Litestar(state=State({"settings": settings_for("postgresql://unused")}))
    request = RequestFactory(app=app).post("/admin/desk")
    refuses = True
    async with db.transaction() as tx:
        await tx.execute("CREATE TEMPORARY TABLE done (what text) ON COMMIT DROP")

        async def act() -> str:
            await tx.execute("INSERT INTO done VALUES ('half')")
            if refuses:
                raise Invalid("the other half cannot be done")
            return "All of it is done."

        async def refused(error: DomainError) -> Response[str]:
            assert await tx.fetchval("SELECT count(*) FROM done") == 0
            return Response(error.detail, status_code=422)

        answer = await carry_out(request, tx, act, to="/admin/desk", refused=refused)
        assert (answer.status_code, answer.content) == (422, "the other half cannot be done")
        refuses = False
        answer = await carry_out(request, tx, act, to="/admin/desk", refused=refused)
        assert (answer.status_code, answer.headers["location"]) == (303, "/admin/desk")
        assert await tx.fetchval("SELECT count(*) FROM done") == 1
