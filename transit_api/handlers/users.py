"""/users: registering people, reading, changing and erasing them, and the cards they hold."""

from __future__ import annotations

from aiohttp import web

from transit_api.database.array_functions import Element
from transit_api.database.batching import USERS
from transit_api.database.pools import DB
from transit_api.errors import Problem
from transit_api.http.answers import encode, json_answer
from transit_api.http.endpoint import Endpoint
from transit_api.http.outcomes import Row, decided, refusal, results
from transit_api.http.pagination import list_by_id
from transit_api.http.validation import BODY, path_id
from transit_api.schemas.cards import CardList, CardResponse, UserCardsQuery
from transit_api.schemas.users import (
    UserChanges,
    UserRequest,
    UserResponse,
    UserResult,
    UsersBatchRequest,
    UsersBatchResponse,
)

READ = "SELECT * FROM api.read_user(%s)"
CHANGE = "SELECT * FROM api.change_user(%s, %s::jsonb)"
ERASE = "SELECT * FROM api.erase_user(%s)"
LIST_CARDS = "SELECT * FROM api.list_user_cards(%s, %s, %s)"


@Endpoint(
    summary="Register a user",
    tag="Users",
    body=UserRequest,
    answer=UserResponse,
    status=201,
    refusals=("user_exists",),
)
async def create_user(request: web.Request) -> web.Response:
    """One person."""
    row = await request.app[USERS].submit(_element(request[BODY]))
    return decided(row, 201, UserResponse)


@Endpoint(
    summary="Register many users",
    tag="Users",
    description="Each is decided for itself, in the order of the array.",
    body=UsersBatchRequest,
    answer=UsersBatchResponse,
)
async def create_users(request: web.Request) -> web.Response:
    """1 to 1,000 people."""
    people = [_element(user) for user in request[BODY]["users"]]
    rows = await request.app[USERS].submit_many(people)
    return json_answer({"results": results(rows, UserResult)})


@Endpoint(summary="Read a user", tag="Users", answer=UserResponse, refusals=("user_not_found",))
async def read_user(request: web.Request) -> web.Response:
    """One user."""
    return json_answer(UserResponse.shape(await find_user(request)))


@Endpoint(
    summary="Change a user",
    tag="Users",
    description="The name, the address or the number; a null empties the last two.",
    body=UserChanges,
    answer=UserResponse,
    refusals=("user_not_found",),
)
async def change_user(request: web.Request) -> web.Response:
    """What is absent stays as it is."""
    changes = encode(request[BODY]).decode()
    rows = await request.app[DB].write_all(CHANGE, (path_id(request, "user_id"), changes))
    if not rows:
        raise Problem("user_not_found")
    return json_answer(UserResponse.shape(rows[0]))


@Endpoint(
    summary="Erase a user",
    tag="Users",
    description="Removes what identifies the person and expires the cards; the books are kept. "
    "Afterwards the user is not found and the document may register again.",
    answer=None,
    status=204,
    refusals=("user_not_found", "user_has_balance"),
)
async def erase_user(request: web.Request) -> web.Response:
    """Ley 1581: the person goes, the money that moved stays countable."""
    row = await request.app[DB].write_one(ERASE, (path_id(request, "user_id"),))
    if row["outcome"] != "accepted":
        raise refusal(row)
    return web.Response(status=204)


@Endpoint(
    summary="List the cards of a user",
    tag="Users",
    description="Newest first.",
    query=UserCardsQuery,
    answer=CardList,
    refusals=("user_not_found",),
)
async def list_user_cards(request: web.Request) -> web.Response:
    """All cards that were ever issued to the user."""
    user = await find_user(request)
    filters = (user["user_id"],)
    return await list_by_id(request, UserCardsQuery, LIST_CARDS, filters, CardResponse)


async def find_user(request: web.Request) -> Row:
    """The user of the path; erased ones are not found."""
    row = await request.app[DB].fetch_one(READ, (path_id(request, "user_id"),))
    if row is None:
        raise Problem("user_not_found")
    return row


def _element(user: Row) -> Element:
    return user["document_id"], user["full_name"], user["email"], user["phone"]
