-- The extension's files must be on the server, and only a superuser may do this: `vector` is not trusted.
CREATE SCHEMA IF NOT EXISTS {{ extension_schema }};
CREATE EXTENSION vector WITH SCHEMA {{ extension_schema }};
