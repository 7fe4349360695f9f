CREATE TABLE {{ table }} (
    {{ key }} text PRIMARY KEY,
    document text,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
