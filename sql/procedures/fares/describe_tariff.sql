-- A tariff version as clients see it; the window in minutes.
CREATE FUNCTION api.describe_tariff(p_tariff_id integer) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
SELECT jsonb_build_object(
    'tariff_id', f.tariff_id,
    'valid_from', api.format_time(f.valid_from),
    'trunk_fare', f.trunk_fare,
    'zonal_fare', f.zonal_fare,
    'cable_fare', f.cable_fare,
    'transfer_window_min', extract(EPOCH FROM f.transfer_window)::integer / 60,
    'max_transfers', f.max_transfers,
    'zonal_to_trunk_transfer_fare', f.zonal_to_trunk_transfer_fare,
    'other_transfer_fare', f.other_transfer_fare
)
FROM transit.tariffs AS f
WHERE f.tariff_id = p_tariff_id
$$;
COMMENT ON FUNCTION api.describe_tariff(integer) IS 'A tariff version as JSON';
