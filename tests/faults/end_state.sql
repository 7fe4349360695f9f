SELECT line FROM (
    SELECT concat_ws(' ', 'role', rolname, rolsuper, rolcreatedb, rolcreaterole, rolcanlogin, rolreplication, rolbypassrls,
                     left(rolpassword, 14)) AS line
      FROM pg_authid WHERE rolname !~ '^pg_'
    UNION ALL
    SELECT concat_ws(' ', 'setting', d.datname, r.rolname, s.setconfig::text)
      FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole
    UNION ALL
    SELECT concat_ws(' ', 'database', datname, datdba::regrole, pg_encoding_to_char(encoding), datcollate, datacl::text)
      FROM pg_database
    UNION ALL
    SELECT concat_ws(' ', 'schema', nspname, nspowner::regrole, nspacl::text) FROM pg_namespace WHERE nspname !~ '^pg_(toast|temp)'
    UNION ALL
    SELECT concat_ws(' ', 'extension', extname, extversion, extnamespace::regnamespace) FROM pg_extension
    UNION ALL
    SELECT concat_ws(' ', 'relation', oid::regclass, relkind, relowner::regrole, relpersistence, relacl::text)
      FROM pg_class
     WHERE relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace)
    UNION ALL
    SELECT concat_ws(' ', 'column', attrelid::regclass, attnum, attname, format_type(atttypid, atttypmod), attnotnull,
                     pg_get_expr(adbin, adrelid))
      FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
      LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
     WHERE relkind = 'r' AND attnum > 0
       AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    UNION ALL
    SELECT concat_ws(' ', 'index', pg_get_indexdef(indexrelid), indisvalid, indisready, indislive)
      FROM pg_index JOIN pg_class c ON c.oid = indexrelid
     WHERE relnamespace NOT IN ('pg_catalog'::regnamespace, 'pg_toast'::regnamespace)
) AS state ORDER BY line
