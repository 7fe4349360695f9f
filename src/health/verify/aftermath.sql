SELECT
    (SELECT pg_catalog.count(*)
     FROM pg_catalog.pg_class
     WHERE pg_catalog.starts_with(relname::pg_catalog.text, $1)),
    (SELECT pg_catalog.bool_and(pg_catalog.has_table_privilege(c.oid, privilege))
     FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE')) AS needed (privilege)
     WHERE n.nspname = $2 AND c.relname = $3)
