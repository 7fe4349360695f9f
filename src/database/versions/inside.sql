-- The extension vector of one database as one JSON document; no row where it is not there. $1: names of functions whose
-- signatures matter. Nothing here opens a vector index, which fails where the library is missing.
WITH extension AS (
    SELECT e.oid, e.extversion, e.extnamespace, n.nspname, pg_get_userbyid(e.extowner)::text AS owner
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname = 'vector'
)
SELECT json_build_object(
    'version', x.extversion,
    'schema', x.nspname,
    'owner', x.owner,
    'is_updatable', EXISTS (
        SELECT FROM pg_extension_update_paths('vector') p JOIN pg_available_extensions a ON a.name = 'vector'
        WHERE p.source = x.extversion AND p.target = a.default_version AND p.path IS NOT NULL),
    'strangers', ARRAY(
        SELECT p.proname || '(' || coalesce((SELECT string_agg(ty.typname, ',' ORDER BY place)
            FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS argument (type, place)
            JOIN pg_type ty ON ty.oid = argument.type), '') || ')'
        FROM pg_proc p
        WHERE p.pronamespace = x.extnamespace AND p.proname = ANY ($1)
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
                AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = x.oid AND d.deptype = 'e')
        UNION ALL
        SELECT ty.typname::text
        FROM pg_type ty
        WHERE ty.typnamespace = x.extnamespace AND ty.typname = ANY ($1)
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = ty.oid
                AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = x.oid AND d.deptype = 'e')
        ORDER BY 1),
    'indexes', (
        SELECT coalesce(json_agg(json_build_object(
            'oid', ic.oid::int8,
            'schema', n.nspname,
            'table', c.relname,
            'name', ic.relname,
            'method', am.amname,
            'valid', i.indisvalid AND i.indisready AND i.indislive,
            'type', ty.typname,
            'dimensions', CASE WHEN a.atttypmod > 0 THEN a.atttypmod ELSE 0 END,
            'rows', greatest(c.reltuples, 0)::int8,
            'options', (SELECT coalesce(json_object_agg(option_name, option_value), '{}')
                        FROM pg_options_to_table(ic.reloptions))
            ) ORDER BY n.nspname, ic.relname), '[]')
        FROM pg_index i
        JOIN pg_class ic ON ic.oid = i.indexrelid AND ic.relkind = 'i' AND ic.relpersistence <> 't'
        JOIN pg_class c ON c.oid = i.indrelid
        JOIN pg_namespace n ON n.oid = ic.relnamespace
        JOIN pg_am am ON am.oid = ic.relam AND am.amname IN ('hnsw', 'ivfflat')
        JOIN pg_attribute a ON a.attrelid = ic.oid AND a.attnum = 1
        JOIN pg_type ty ON ty.oid = a.atttypid)
)::text
FROM extension x
