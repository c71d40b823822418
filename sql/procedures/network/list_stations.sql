-- Which stations are there, of this kind, on this corridor, in this locality, of this name?
-- A filter that is null lets everything through. p_q is looked for in names and codes; it and the
-- locality ignore case and accents. Locks nothing.

CREATE FUNCTION api.list_stations(
    p_kind      text,
    p_corridor  text,
    p_locality  text,
    p_q         text,
    p_after     bigint,
    p_limit     integer
)
RETURNS TABLE (
    station_id  integer,
    code        text,
    name        text,
    kind        text,
    corridor    text,
    locality    text,
    latitude    double precision,
    longitude   double precision,
    active      boolean
)
LANGUAGE sql
STABLE
AS $function$
    SELECT
        s.station_id, s.code, s.name, s.kind, s.corridor, s.locality, s.latitude, s.longitude,
        s.active
    FROM transit.stations AS s
    WHERE s.station_id > coalesce(p_after, 0)
        AND (p_kind IS NULL OR s.kind = p_kind)
        AND (p_corridor IS NULL OR s.corridor = upper(p_corridor))
        AND (p_locality IS NULL OR api.fold_text(s.locality) = api.fold_text(p_locality))
        AND (
            p_q IS NULL
            OR strpos(api.fold_text(s.name), api.fold_text(p_q)) > 0
            OR strpos(lower(s.code), lower(p_q)) > 0
        )
    ORDER BY s.station_id
    LIMIT p_limit;
$function$;

COMMENT ON FUNCTION api.list_stations(text, text, text, text, bigint, integer) IS
'Stations in the order of their ids, after p_after, filtered by what is not null';
