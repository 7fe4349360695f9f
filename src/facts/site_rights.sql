-- $1 schema, $2 its owner, $3 the runtime role, $4 the second login, $5 the extension's schema.
SELECT has_database_privilege(r.oid, d.oid, 'CONNECT')
       AND has_database_privilege(r.oid, d.oid, 'TEMPORARY')
       AND has_schema_privilege(r.oid, s.oid, 'USAGE')
       AND NOT EXISTS (
           SELECT FROM pg_class c
            WHERE c.relnamespace = s.oid AND c.relkind IN ('r', 'p')
              AND NOT (has_table_privilege(r.oid, c.oid, 'SELECT') AND has_table_privilege(r.oid, c.oid, 'INSERT')
                       AND has_table_privilege(r.oid, c.oid, 'UPDATE') AND has_table_privilege(r.oid, c.oid, 'DELETE')))
       AND (SELECT count(*) = 2
              FROM pg_default_acl a
             WHERE a.defaclrole = o.oid AND a.defaclnamespace = s.oid AND a.defaclobjtype IN ('r', 'S')
               AND EXISTS (SELECT FROM aclexplode(a.defaclacl) x WHERE x.grantee = r.oid)) AS is_complete,
       EXISTS (
           SELECT FROM pg_db_role_setting x
            WHERE x.setdatabase = d.oid AND x.setrole = r.oid
              AND format('search_path=%I, %I', $1, $5) = ANY (x.setconfig)) AS runtime_has_path,
       EXISTS (
           SELECT FROM pg_db_role_setting x
            WHERE x.setdatabase = d.oid AND x.setrole = l.oid
              AND format('search_path=%I, %I', $1, $5) = ANY (x.setconfig)) AS alternate_has_path
  FROM pg_database d
  LEFT JOIN pg_namespace s ON s.nspname = $1
  LEFT JOIN pg_roles o ON o.rolname = $2
  LEFT JOIN pg_roles r ON r.rolname = $3
  LEFT JOIN pg_roles l ON l.rolname = $4
 WHERE d.datname = current_database()
