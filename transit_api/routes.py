"""The whole HTTP surface on one screen."""

from __future__ import annotations

from functools import partial

from aiohttp import web

from transit_api.handlers import (
    alerts,
    analytics,
    arrivals,
    cards,
    deny_list,
    documents,
    operations,
    passes,
    recharges,
    routes,
    stations,
    taps,
    trips,
    users,
    vehicles,
)
from transit_api.http.aiohttp_errors import continue_when_asked

get = partial(web.get, expect_handler=continue_when_asked)
post = partial(web.post, expect_handler=continue_when_asked)
patch = partial(web.patch, expect_handler=continue_when_asked)
put = partial(web.put, expect_handler=continue_when_asked)
delete = partial(web.delete, expect_handler=continue_when_asked)

V1 = "/api/v1"
USER = f"{V1}/users/{{user_id:[0-9]+}}"
CARD = f"{V1}/cards/{{card_id:[0-9]+}}"
TRIP = f"{V1}/trips/{{trip_id:[0-9]+}}"
STATION = f"{V1}/stations/{{station_id:[0-9]+}}"

# Paths that begin alike are tried in this order: those that are asked for most stand first.
ROUTES = [
    post(f"{V1}/users", users.create_user),
    post(f"{V1}/users/batch", users.create_users),
    get(USER, users.read_user),
    patch(USER, users.change_user),
    delete(USER, users.erase_user),
    get(f"{USER}/cards", users.list_user_cards),
    get(f"{CARD}/balance", cards.read_balance),
    get(f"{V1}/cards", cards.list_cards),
    post(f"{V1}/cards", cards.issue_card),
    post(f"{V1}/cards/batch", cards.issue_cards),
    get(f"{V1}/cards/deny-list", deny_list.read_deny_list),
    post(f"{V1}/cards/recharge", recharges.recharge_card),
    post(f"{V1}/cards/recharge/batch", recharges.recharge_cards),
    get(CARD, cards.read_card),
    get(f"{CARD}/history", recharges.list_recharges),
    get(f"{CARD}/statement", cards.list_entries),
    post(f"{CARD}/block", cards.block_card),
    post(f"{CARD}/unblock", cards.unblock_card),
    post(f"{CARD}/replace", cards.replace_card),
    get(f"{CARD}/monthly-pass", passes.read_monthly_pass),
    post(f"{CARD}/monthly-pass", passes.buy_monthly_pass),
    post(f"{V1}/trips/start", trips.start_trip),
    post(f"{V1}/trips/end", trips.end_trip),
    get(TRIP, trips.read_trip),
    get(f"{TRIP}/explanation", trips.explain_trip),
    get(f"{V1}/trips/user/{{user_id:[0-9]+}}", trips.list_user_trips),
    post(f"{V1}/taps/batch", taps.upload_taps),
    get(f"{STATION}/arrivals", arrivals.read_arrivals),
    get(f"{STATION}/alerts", alerts.read_alerts),
    get(f"{V1}/stations", stations.list_stations),
    get(STATION, stations.read_station),
    get(f"{V1}/routes", routes.list_routes),
    get(f"{V1}/routes/{{route_id:[0-9]+}}", routes.read_route),
    get(f"{V1}/alerts", alerts.list_alerts),
    post(f"{V1}/alerts", alerts.create_alert),
    get(f"{V1}/alerts/{{alert_id:[0-9]+}}", alerts.read_alert),
    post(f"{V1}/alerts/{{alert_id:[0-9]+}}/close", alerts.close_alert),
    post(f"{V1}/vehicles/positions", vehicles.record_vehicle_positions),
    get(f"{V1}/analytics/trips/total", analytics.read_trip_totals),
    get(f"{V1}/analytics/revenue", analytics.read_revenue),
    get(f"{V1}/analytics/users/active", analytics.read_active_users),
    get(f"{V1}/analytics/trips/hourly", analytics.read_trips_hourly),
    get(f"{V1}/analytics/stations/top", analytics.read_top_stations),
    get(f"{V1}/analytics/localities", analytics.read_localities),
    get("/health", operations.health),
    get("/health/db", operations.database_health),
    get("/health/cache", operations.cache_health),
    get("/health/live", operations.live),
    get("/health/ready", operations.ready),
    get("/metrics", operations.metrics),
    get("/docs", documents.show_docs),
    get("/openapi.json", documents.read_openapi),
    documents.static_files,
]

# Only of a service on a simulated clock; elsewhere there is nothing at this path.
CLOCK_ROUTES = [
    get(f"{V1}/clock", operations.read_clock),
    put(f"{V1}/clock", operations.set_clock),
]
