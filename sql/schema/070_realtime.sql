-- What is going on in the city right now: alerts, and where each vehicle was last seen.
--
-- None of this moves money and nothing here is kept for the books: a vehicle has one row, its
-- latest position, and an alert is closed by its time. The words are those of GTFS-Realtime.

CREATE TABLE transit.alerts (
    alert_id        bigint       GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cause           text         NOT NULL,
    effect          text         NOT NULL,
    severity_level  text         NOT NULL,
    header          text         NOT NULL,
    description     text         NOT NULL,
    station_id      integer      REFERENCES transit.stations (station_id) ON DELETE RESTRICT,
    route_id        integer      REFERENCES transit.routes (route_id) ON DELETE RESTRICT,
    active_from     timestamptz  NOT NULL,
    active_until    timestamptz,
    CONSTRAINT alerts_cause_is_known CHECK (cause IN (
        'UNKNOWN_CAUSE', 'OTHER_CAUSE', 'TECHNICAL_PROBLEM', 'STRIKE', 'DEMONSTRATION',
        'ACCIDENT', 'HOLIDAY', 'WEATHER', 'MAINTENANCE', 'CONSTRUCTION', 'POLICE_ACTIVITY',
        'MEDICAL_EMERGENCY'
    )),
    CONSTRAINT alerts_effect_is_known CHECK (effect IN (
        'NO_SERVICE', 'REDUCED_SERVICE', 'SIGNIFICANT_DELAYS', 'DETOUR', 'ADDITIONAL_SERVICE',
        'MODIFIED_SERVICE', 'OTHER_EFFECT', 'UNKNOWN_EFFECT', 'STOP_MOVED', 'NO_EFFECT',
        'ACCESSIBILITY_ISSUE'
    )),
    CONSTRAINT alerts_severity_level_is_known CHECK (severity_level IN (
        'UNKNOWN_SEVERITY', 'INFO', 'WARNING', 'SEVERE'
    ))
);
COMMENT ON TABLE transit.alerts IS
'News for riders: of one station, of one route, of a route at a station, or of the whole system';
COMMENT ON COLUMN transit.alerts.active_until IS
'First moment when it is no longer in force; null while the end is open';

-- Usage: api.read_alerts finds the few alerts in force among all there ever were.
CREATE INDEX alerts_active_until_idx
ON transit.alerts ((coalesce(active_until, 'infinity'::timestamptz)));

-- Half of each page stays free, so that a new position lands beside the old one and no index
-- has to learn of it (a HOT update): every vehicle writes here every 20 to 30 seconds.
CREATE TABLE transit.vehicles (
    vehicle_id        bigint            PRIMARY KEY,
    route_id          integer           NOT NULL,
    stop_sequence     integer           NOT NULL,
    latitude          double precision  NOT NULL,
    longitude         double precision  NOT NULL,
    travelled_s       double precision  NOT NULL,
    recorded_at       timestamptz       NOT NULL,
    occupancy_status  text              NOT NULL,
    FOREIGN KEY (route_id) REFERENCES transit.routes (route_id) ON DELETE CASCADE,
    CONSTRAINT vehicles_stop_sequence_is_positive CHECK (stop_sequence > 0),
    CONSTRAINT vehicles_latitude_is_on_earth CHECK (latitude BETWEEN -90 AND 90),
    CONSTRAINT vehicles_longitude_is_on_earth CHECK (longitude BETWEEN -180 AND 180),
    CONSTRAINT vehicles_travelled_not_negative CHECK (travelled_s >= 0),
    CONSTRAINT vehicles_occupancy_status_is_known CHECK (occupancy_status IN (
        'EMPTY', 'MANY_SEATS_AVAILABLE', 'FEW_SEATS_AVAILABLE', 'STANDING_ROOM_ONLY',
        'CRUSHED_STANDING_ROOM_ONLY', 'FULL', 'NOT_ACCEPTING_PASSENGERS', 'NO_DATA_AVAILABLE',
        'NOT_BOARDABLE'
    ))
) WITH (fillfactor = 50);
COMMENT ON TABLE transit.vehicles IS 'The latest known position of each vehicle';
COMMENT ON COLUMN transit.vehicles.stop_sequence IS 'The stop it is at, or has just left';
COMMENT ON COLUMN transit.vehicles.travelled_s IS
'How far along its route it was, on the scale of route_stops.travel_s';

-- Usage: api.read_arrivals asks for the vehicles of the routes that serve a station.
CREATE INDEX vehicles_route_id_idx ON transit.vehicles (route_id);
