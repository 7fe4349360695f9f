DROP INDEX CONCURRENTLY IF EXISTS {{ schema }}.{{ index }};
