-- Metres between two points as the crow flies, on a sphere made flat around the first of them:
-- off by less than 0.1 % within the city. 111,195 m is one degree of a great circle.

CREATE FUNCTION api.distance_m(
    p_from_latitude   double precision,
    p_from_longitude  double precision,
    p_to_latitude     double precision,
    p_to_longitude    double precision
)
RETURNS double precision
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN 111195 * sqrt(
    power(p_to_latitude - p_from_latitude, 2)
    + power((p_to_longitude - p_from_longitude) * cosd(p_from_latitude), 2)
);

COMMENT ON FUNCTION api.distance_m(
    double precision, double precision, double precision, double precision
) IS 'Metres between two points given by latitude and longitude';
