-- Which model made the vectors of this column: no row, or one.
CREATE TABLE IF NOT EXISTS {{ model }} (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    name text NOT NULL,
    dimensions int4 NOT NULL CHECK (dimensions > 0),
    recorded_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE {{ model }} IS {{ comment }};
{%- if role %}
GRANT USAGE ON SCHEMA {{ setup_schema }} TO {{ role }};
GRANT SELECT, INSERT, UPDATE, DELETE ON {{ model }} TO {{ role }};
{%- endif %}
