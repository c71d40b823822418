-- noqa: disable=LT02,CP02
-- What the service's role may do: these lines, and nothing else.
--
-- Run after the functions were rebuilt; what a release no longer names is taken back. A function
-- that a request or a chore of the workers calls is added here by name. If it writes, it acts for
-- its owner (SECURITY DEFINER), and what it calls needs no line; if it only reads, what it calls
-- and the columns it reads need theirs. `set_clock` is granted where a simulated clock was started.

GRANT USAGE ON SCHEMA transit, api TO transit_service;

ALTER DEFAULT PRIVILEGES IN SCHEMA transit REVOKE SELECT ON TABLES FROM transit_service;
REVOKE ALL ON ALL TABLES IN SCHEMA transit FROM transit_service;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA transit FROM transit_service;
REVOKE ALL ON ALL ROUTINES IN SCHEMA api FROM PUBLIC, transit_service;

-- What changes something, as its owner
GRANT EXECUTE ON FUNCTION
    api.block_card,
    api.buy_monthly_passes,
    api.change_user,
    api.close_alert,
    api.create_alert,
    api.create_users,
    api.end_trip,
    api.end_trips,
    api.erase_user,
    api.fold_rollups,
    api.issue_cards,
    api.prune_idempotency_records,
    api.prune_refused_taps,
    api.prune_silent_vehicles,
    api.recharge_cards,
    api.record_vehicle_positions,
    api.replace_cards,
    api.start_trips,
    api.unblock_card
TO transit_service;

-- What is asked
GRANT EXECUTE ON FUNCTION
    api.explain_trip,
    api.list_alerts,
    api.list_cards,
    api.list_entries,
    api.list_recharges,
    api.list_routes,
    api.list_stations,
    api.list_user_cards,
    api.list_user_trips,
    api.read_active_users,
    api.read_alert,
    api.read_alerts,
    api.read_arrivals,
    api.read_balances,
    api.read_card,
    api.read_clock,
    api.identify_deny_list,
    api.read_deny_list,
    api.read_localities,
    api.read_missing_parts,
    api.read_monthly_pass,
    api.read_revenue,
    api.read_route,
    api.read_station,
    api.read_top_stations,
    api.read_trip,
    api.read_trip_totals,
    api.read_trips_hourly,
    api.read_user
TO transit_service;

-- What those ask in turn
GRANT EXECUTE ON FUNCTION
    api.clock_now,
    api.count_free_trips,
    api.count_pass_use,
    api.describe_tariff,
    api.explain_rules,
    api.explain_transfer,
    api.fail_unlocked,
    api.find_pass,
    api.find_pass_in_force,
    api.fold_text,
    api.format_time,
    api.list_corrections,
    api.read_fare_terms,
    api.read_tapped_account,
    api.require_locked,
    api.service_day,
    api.start_of_day,
    api.trip_status
TO transit_service;

GRANT SELECT ON
    api.card,
    api.day_activity,
    api.hour_activity,
    api.station_activity,
    api.trip
TO transit_service;

GRANT SELECT ON
    transit.accounts,
    transit.alerts,
    transit.card_inactive_periods,
    transit.cards,
    transit.clock,
    transit.deny_list,
    transit.deny_list_version,
    transit.ledger_entries,
    transit.monthly_passes,
    transit.profiles,
    transit.recharges,
    transit.route_stops,
    transit.routes,
    transit.rule_changes,
    transit.schema_migrations,
    transit.stations,
    transit.tariffs,
    transit.trips,
    transit.vehicles
TO transit_service;

-- Of a person only what a request may show: no document, address or phone.
GRANT SELECT (user_id, full_name, created_at, erased_at) ON transit.users TO transit_service;

-- Where the owner started a simulated clock, the service moves it; the real one nobody does.
DO $$
BEGIN
    IF EXISTS (SELECT FROM transit.clock) THEN
        GRANT EXECUTE ON FUNCTION api.set_clock TO transit_service;
    END IF;
END;
$$;
