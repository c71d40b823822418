-- Which routes are there, of this kind (null: of any)? Locks nothing.

CREATE FUNCTION api.list_routes(p_kind text, p_after bigint, p_limit integer)
RETURNS TABLE (
    route_id   integer,
    code       text,
    name       text,
    kind       text,
    headway_s  integer
)
LANGUAGE sql
STABLE
AS $function$
    SELECT r.route_id, r.code, r.name, r.kind, r.headway_s
    FROM transit.routes AS r
    WHERE r.route_id > coalesce(p_after, 0)
        AND (p_kind IS NULL OR r.kind = p_kind)
    ORDER BY r.route_id
    LIMIT p_limit;
$function$;

COMMENT ON FUNCTION api.list_routes(text, bigint, integer) IS
'Routes in the order of their ids, after p_after';
