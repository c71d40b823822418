"""Monthly passes."""

from __future__ import annotations

from transit_api.schemas.fields import Identifier, Instant, Pesos, Whole
from transit_api.schemas.strict import ResponseSchema


class MonthlyPassResponse(ResponseSchema):
    """A pass in force; `expires_at` is null until it is first used."""

    pass_id = Identifier()
    card_id = Identifier()
    price = Pesos(0)
    trips_left = Whole(0, 1000)
    expires_at = Instant(allow_none=True)
    balance = Pesos(0)

    example = {
        "pass_id": 25200001,
        "card_id": 8400001,
        "price": 160000,
        "trips_left": 65,
        "expires_at": None,
        "balance": 12450,
    }
