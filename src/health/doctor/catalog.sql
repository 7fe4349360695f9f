-- Everything that the catalogs say about one table with an embedding column, as one JSON document.
-- $1 schema, $2 table, $3 embedding column. Nothing here needs the extension, the table or the column to exist, and
-- nothing opens a vector index: that calls the access method's handler, and fails where the library is missing.
WITH target AS (
    SELECT c.oid, c.relkind, c.reltuples, c.relnamespace
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname = $2
), indexed AS (
    SELECT i.indexrelid, i.indrelid, i.indclass, i.indkey, i.indexprs, i.indpred, i.indisvalid, i.indisready,
        ic.relname, ic.relpages, ic.reloptions, ic.relam, am.amname
    FROM target t
    JOIN pg_index i ON i.indrelid = t.oid
    JOIN pg_class ic ON ic.oid = i.indexrelid
    JOIN pg_am am ON am.oid = ic.relam
)
SELECT json_build_object(
    'server', json_build_object(
        'version_number', current_setting('server_version_num')::integer,
        'version', current_setting('server_version'),
        'bits', CASE WHEN version() LIKE '%32-bit%' THEN 32 ELSE 64 END,
        'database', current_database(),
        'role', current_user,
        'superuser', (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
        'has_become_role', session_user <> current_user,
        'in_recovery', pg_is_in_recovery(),
        'read_only', current_setting('default_transaction_read_only')::boolean,
        'collation_recorded', d.datcollversion,
        'collation_actual', pg_database_collation_actual_version(d.oid)),
    'memory', (
        SELECT json_object_agg(name, CASE unit WHEN '8kB' THEN 8192 WHEN 'kB' THEN 1024 ELSE 1 END * setting::bigint)
        FROM pg_settings
        WHERE name IN ('shared_buffers', 'maintenance_work_mem', 'effective_cache_size')),
    'extension', (
        SELECT json_build_object('version', e.extversion, 'schema', n.nspname,
            'schema_usable', has_schema_privilege(n.oid, 'USAGE'))
        FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
        WHERE e.extname = 'vector'),
    'extension_available', (SELECT default_version FROM pg_available_extensions WHERE name = 'vector'),
    'table', (
        SELECT json_build_object(
            'kind', t.relkind,
            'estimated_rows', t.reltuples,
            'bytes', pg_relation_size(t.oid),
            'readable', has_schema_privilege(t.relnamespace, 'USAGE') AND has_table_privilege(t.oid, 'SELECT'),
            'live', COALESCE(s.n_live_tup, 0),
            'dead', COALESCE(s.n_dead_tup, 0),
            'updated', COALESCE(s.n_tup_upd, 0),
            'updated_in_place', COALESCE(s.n_tup_hot_upd, 0),
            'changed_since_analyze', COALESCE(s.n_mod_since_analyze, 0))
        FROM target t LEFT JOIN pg_stat_all_tables s ON s.relid = t.oid),
    'column', (
        SELECT json_build_object(
            'type', ty.typname,
            'of_extension', EXISTS (
                SELECT FROM pg_depend dep JOIN pg_extension e ON e.oid = dep.refobjid
                WHERE dep.classid = 'pg_type'::regclass AND dep.objid = ty.oid AND dep.deptype = 'e'
                    AND dep.refclassid = 'pg_extension'::regclass AND e.extname = 'vector'),
            'full_type', format_type(a.atttypid, a.atttypmod),
            'dimensions', CASE WHEN a.atttypmod > 0 THEN a.atttypmod END,
            'storage', a.attstorage,
            'null_fraction', st.null_frac)
        FROM target t
        JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = $3 AND a.attnum > 0 AND NOT a.attisdropped
        JOIN pg_type ty ON ty.oid = a.atttypid
        LEFT JOIN pg_stats st ON st.schemaname = $1 AND st.tablename = $2 AND st.attname = $3),
    'indexes', (
        SELECT COALESCE(json_agg(json_build_object(
            'name', x.relname,
            'method', x.amname,
            'operator_class', oc.opcname,
            'valid', x.indisvalid AND x.indisready,
            'partial', pg_get_expr(x.indpred, x.indrelid),
            'options', (SELECT COALESCE(json_object_agg(option_name, option_value), '{}')
                        FROM pg_options_to_table(x.reloptions)),
            'bytes', x.relpages::bigint * current_setting('block_size')::bigint,
            'scans', (SELECT s.idx_scan FROM pg_stat_all_indexes s WHERE s.indexrelid = x.indexrelid),
            'building', EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = x.indexrelid)
            ) ORDER BY x.relname), '[]')
        FROM indexed x
        JOIN pg_opclass oc ON oc.oid = x.indclass[0]
        JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attname = $3 AND a.attnum = x.indkey[0]
        WHERE x.amname IN ('hnsw', 'ivfflat')),
    'duplicates', (
        SELECT COALESCE(json_agg(names), '[]')
        FROM (
            SELECT json_agg(relname ORDER BY relname) AS names
            FROM indexed
            WHERE indisvalid
            GROUP BY indclass::text, indkey::text, relam, pg_get_expr(indexprs, indrelid), pg_get_expr(indpred, indrelid)
            HAVING count(*) > 1) AS repeated),
    'builds', (
        SELECT COALESCE(json_agg(json_build_object(
            'process', p.pid,
            'phase', p.phase,
            'blocks_done', p.blocks_done,
            'blocks_total', p.blocks_total)), '[]')
        FROM pg_stat_progress_create_index p JOIN target t ON t.oid = p.relid),
    'surroundings', json_build_object(
        'sees_all_sessions', pg_has_role('pg_read_all_stats', 'USAGE'),
        'old_transactions', (
            SELECT COALESCE(json_agg(json_build_object(
                'process', a.pid,
                'application', a.application_name,
                'state', a.state,
                'seconds', extract(epoch FROM now() - a.xact_start)::bigint) ORDER BY a.xact_start), '[]')
            FROM pg_stat_activity a
            WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_type = 'client backend'
                AND a.state IS NOT NULL AND a.xact_start < now() - interval '5 seconds'),
        'prepared', (
            SELECT COALESCE(json_agg(x.gid ORDER BY x.prepared), '[]')
            FROM pg_prepared_xacts x WHERE x.database = current_database()),
        'stored', (
            SELECT COALESCE(json_agg(json_build_object(
                'role', CASE WHEN s.setrole <> 0 THEN pg_get_userbyid(s.setrole) END,
                'database', CASE WHEN s.setdatabase <> 0 THEN current_database() END,
                'name', split_part(setting, '=', 1),
                'value', substr(setting, strpos(setting, '=') + 1)) ORDER BY setting), '[]')
            FROM pg_db_role_setting s, unnest(s.setconfig) AS setting
            WHERE s.setdatabase IN (0, d.oid) AND (setting LIKE 'hnsw.%' OR setting LIKE 'ivfflat.%')),
        'inactive_slots', (
            SELECT COALESCE(json_agg(r.slot_name ORDER BY r.slot_name), '[]')
            FROM pg_replication_slots r
            WHERE NOT r.active AND NOT r.temporary AND current_setting('max_slot_wal_keep_size') = '-1'))
)::text
FROM pg_database d
WHERE d.datname = current_database()
