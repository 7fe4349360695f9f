-- What the catalogs say about one table, as one JSON document. $1 schema, $2 table.
WITH target AS (
    SELECT c.oid
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'm', 'v', 'f')
        AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
), unique_keys AS (
    SELECT i.indrelid, i.indisprimary,
        (SELECT pg_catalog.json_agg(a.attname ORDER BY k.place)
         FROM pg_catalog.unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (number, place)
         JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number) AS names
    FROM pg_catalog.pg_index i JOIN target t ON t.oid = i.indrelid
    WHERE i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
)
SELECT pg_catalog.json_build_object(
    'extension_schema', (
        SELECT n.nspname
        FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
        WHERE e.extname = 'vector'),
    'columns', (
        SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(
            'name', a.attname,
            'type_schema', tn.nspname,
            'type_name', ty.typname,
            'category', ty.typcategory,
            'is_of_extension', EXISTS (
                SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
                WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = ty.oid AND d.deptype = 'e'
                    AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND e.extname = 'vector'),
            'dimensions', CASE WHEN a.atttypmod > 0 THEN a.atttypmod END,
            'is_required', a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''
            ) ORDER BY a.attnum), '[]')
        FROM target t
        JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
        JOIN pg_catalog.pg_type ty ON ty.oid = a.atttypid
        JOIN pg_catalog.pg_namespace tn ON tn.oid = ty.typnamespace
        WHERE pg_catalog.has_column_privilege(t.oid, a.attnum, 'SELECT')),
    'primary_key', COALESCE((SELECT names FROM unique_keys WHERE indisprimary), '[]'),
    'unique_columns', (
        SELECT COALESCE(pg_catalog.json_agg(names -> 0), '[]')
        FROM unique_keys WHERE pg_catalog.json_array_length(names) = 1),
    'indexes', (
        SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(
            'name', ic.relname,
            'column', a.attname,
            'method', am.amname,
            'operator_class', oc.opcname,
            'lists', (SELECT option_value::pg_catalog.int4
                      FROM pg_catalog.pg_options_to_table(ic.reloptions) WHERE option_name = 'lists')
            ) ORDER BY am.amname, ic.relname), '[]')
        FROM target t
        JOIN pg_catalog.pg_index i ON i.indrelid = t.oid AND i.indisvalid AND i.indisready AND i.indpred IS NULL
        JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
        JOIN pg_catalog.pg_am am ON am.oid = ic.relam AND am.amname IN ('hnsw', 'ivfflat')
        JOIN pg_catalog.pg_opclass oc ON oc.oid = i.indclass[0]
        JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0])
)::pg_catalog.text
WHERE EXISTS (SELECT FROM target)
