-- Nullable and without default: the lock is held for milliseconds and nothing is rewritten.
ALTER TABLE {{ table }} ADD COLUMN {{ column }} {{ type }};
