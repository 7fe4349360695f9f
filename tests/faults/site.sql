SELECT line FROM (
    SELECT concat_ws(' ', 'role', m.member::regrole, 'is a member of', m.roleid::regrole, m.inherit_option, m.set_option, m.admin_option) AS line
      FROM pg_auth_members m WHERE m.roleid > 16383
    UNION ALL
    SELECT concat_ws(' ', 'database', datname, shobj_description(oid, 'pg_database')) FROM pg_database
    UNION ALL
    SELECT concat_ws(' ', 'default rights', defaclrole::regrole, defaclnamespace::regnamespace, defaclobjtype, defaclacl::text)
      FROM pg_default_acl
) AS state ORDER BY line
