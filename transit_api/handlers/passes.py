"""/cards/{card_id}/monthly-pass: buying a pass and seeing what is left of it."""

from __future__ import annotations

from aiohttp import web

from transit_api.database.batching import PASSES
from transit_api.database.pools import DB
from transit_api.http.endpoint import Endpoint
from transit_api.http.outcomes import decided
from transit_api.http.validation import idempotency_key, path_id
from transit_api.schemas.passes import MonthlyPassResponse

READ = "SELECT * FROM api.read_monthly_pass(%s)"


@Endpoint(
    summary="Buy a monthly pass",
    tag="Monthly pass",
    description="Paid from the balance; personalised cards only; one in force at a time.",
    bodiless_post=True,
    answer=MonthlyPassResponse,
    status=201,
    refusals=(
        "card_not_found",
        "card_not_personalised",
        "card_not_active",
        "no_tariff",
        "pass_in_force",
        "insufficient_balance",
        "idempotency_key_reused",
    ),
    keyed=True,
)
async def buy_monthly_pass(request: web.Request) -> web.Response:
    """A bundle of trips, in force at once."""
    purchase = (path_id(request, "card_id"), idempotency_key(request))
    row = await request.app[PASSES].submit(purchase)
    return decided(row, 201, MonthlyPassResponse)


@Endpoint(
    summary="Read the monthly pass in force",
    tag="Monthly pass",
    answer=MonthlyPassResponse,
    refusals=("card_not_found", "pass_not_found"),
)
async def read_monthly_pass(request: web.Request) -> web.Response:
    """What is left of the bundle."""
    row = await request.app[DB].fetch_one(READ, (path_id(request, "card_id"),))
    assert row is not None
    return decided(row, 200, MonthlyPassResponse)
