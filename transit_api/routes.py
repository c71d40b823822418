"""The whole HTTP surface on one screen."""

from __future__ import annotations

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

V1 = "/api/v1"
USER = f"{V1}/users/{{user_id:[0-9]+}}"
CARD = f"{V1}/cards/{{card_id:[0-9]+}}"
TRIP = f"{V1}/trips/{{trip_id:[0-9]+}}"
STATION = f"{V1}/stations/{{station_id:[0-9]+}}"

ROUTES = [
    web.post(f"{V1}/users", users.create_user),
    web.post(f"{V1}/users/batch", users.create_users),
    web.get(USER, users.read_user),
    web.delete(USER, users.erase_user),
    web.get(f"{USER}/cards", users.list_user_cards),
    web.get(f"{V1}/cards", cards.list_cards),
    web.post(f"{V1}/cards", cards.issue_card),
    web.post(f"{V1}/cards/batch", cards.issue_cards),
    web.get(f"{V1}/cards/deny-list", deny_list.read_deny_list),
    web.post(f"{V1}/cards/recharge", recharges.recharge_card),
    web.post(f"{V1}/cards/recharge/batch", recharges.recharge_cards),
    web.get(CARD, cards.read_card),
    web.get(f"{CARD}/balance", cards.read_balance),
    web.get(f"{CARD}/history", recharges.list_recharges),
    web.get(f"{CARD}/statement", cards.list_entries),
    web.post(f"{CARD}/block", cards.block_card),
    web.post(f"{CARD}/unblock", cards.unblock_card),
    web.post(f"{CARD}/replace", cards.replace_card),
    web.get(f"{CARD}/monthly-pass", passes.read_monthly_pass),
    web.post(f"{CARD}/monthly-pass", passes.buy_monthly_pass),
    web.post(f"{V1}/trips/start", trips.start_trip),
    web.post(f"{V1}/trips/end", trips.end_trip),
    web.get(TRIP, trips.read_trip),
    web.get(f"{TRIP}/explanation", trips.explain_trip),
    web.get(f"{V1}/trips/user/{{user_id:[0-9]+}}", trips.list_user_trips),
    web.post(f"{V1}/taps/batch", taps.upload_taps),
    web.get(f"{V1}/stations", stations.list_stations),
    web.get(STATION, stations.read_station),
    web.get(f"{STATION}/arrivals", arrivals.read_arrivals),
    web.get(f"{STATION}/alerts", alerts.read_alerts),
    web.get(f"{V1}/routes", routes.list_routes),
    web.get(f"{V1}/routes/{{route_id:[0-9]+}}", routes.read_route),
    web.post(f"{V1}/alerts", alerts.create_alert),
    web.post(f"{V1}/alerts/{{alert_id:[0-9]+}}/close", alerts.close_alert),
    web.post(f"{V1}/vehicles/positions", vehicles.record_vehicle_positions),
    web.get(f"{V1}/analytics/trips/total", analytics.read_trip_totals),
    web.get(f"{V1}/analytics/revenue", analytics.read_revenue),
    web.get(f"{V1}/analytics/users/active", analytics.read_active_users),
    web.get(f"{V1}/analytics/trips/hourly", analytics.read_trips_hourly),
    web.get(f"{V1}/analytics/stations/top", analytics.read_top_stations),
    web.get(f"{V1}/analytics/localities", analytics.read_localities),
    web.get(f"{V1}/clock", operations.read_clock),
    web.put(f"{V1}/clock", operations.set_clock),
    web.get("/health", operations.health),
    web.get("/health/db", operations.database_health),
    web.get("/health/cache", operations.cache_health),
    web.get("/health/live", operations.live),
    web.get("/health/ready", operations.ready),
    web.get("/metrics", operations.metrics),
    web.get("/docs", documents.show_docs),
    web.get("/openapi.json", documents.read_openapi),
    documents.static_files,
]
