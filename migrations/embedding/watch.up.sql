-- One row for each row of the table whose vector is missing or was made of an older text.
CREATE TABLE IF NOT EXISTS {{ queue }} (
    key text PRIMARY KEY,
    -- Grows with each change, so that a change while the text is at the service is not lost.
    generation int8 NOT NULL DEFAULT 1,
    queued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Nobody takes it before: it is leased to a worker, or is to be tried again later.
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts int4 NOT NULL DEFAULT 0,
    reason text,
    is_parked boolean NOT NULL DEFAULT false
);
CREATE INDEX IF NOT EXISTS {{ queue_index }} ON {{ queue }} (due_at) WHERE NOT is_parked;
COMMENT ON TABLE {{ queue }} IS {{ comment }};
-- Whoever writes to the table needs no right on the queue: the function has those of its owner.
CREATE FUNCTION {{ function }}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    IF TG_LEVEL = 'ROW' THEN
        INSERT INTO {{ queue }} AS queue (key) SELECT NEW.{{ key }}::text WHERE NEW.{{ key }} IS NOT NULL
        ON CONFLICT (key) DO UPDATE SET generation = queue.generation + 1, due_at = clock_timestamp(),
            attempts = 0, reason = NULL, is_parked = false;
    ELSE
        INSERT INTO {{ queue }} AS queue (key)
        SELECT DISTINCT changed.{{ key }}::text FROM changed
         WHERE changed.{{ key }} IS NOT NULL AND changed.{{ column }} IS NULL
        ON CONFLICT (key) DO UPDATE SET generation = queue.generation + 1, due_at = clock_timestamp(),
            attempts = 0, reason = NULL, is_parked = false;
    END IF;
    PERFORM pg_notify({{ channel }}, '');
    RETURN NULL;
END
$body$;
REVOKE ALL ON FUNCTION {{ function }}() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {{ function }}() TO {{ owner }};
{%- if lets_owner_in %}
GRANT USAGE ON SCHEMA {{ setup_schema }} TO {{ owner }};
{%- endif %}
SET LOCAL ROLE {{ owner }};
CREATE TRIGGER {{ insert_trigger }} AFTER INSERT ON {{ table }}
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION {{ function }}();
-- Not where a new vector came with the new text.
CREATE TRIGGER {{ update_trigger }} AFTER UPDATE OF {{ watched }} ON {{ table }} FOR EACH ROW
    WHEN (({{ changes }}) AND (NEW.{{ column }} IS NULL OR {{ same_vector }}(OLD.{{ column }}, NEW.{{ column }})))
    EXECUTE FUNCTION {{ function }}();
RESET ROLE;
{%- if lets_owner_in %}
REVOKE USAGE ON SCHEMA {{ setup_schema }} FROM {{ owner }};
{%- endif %}
REVOKE EXECUTE ON FUNCTION {{ function }}() FROM {{ owner }};
{%- if role %}
GRANT SELECT, INSERT, UPDATE, DELETE ON {{ queue }} TO {{ role }};
GRANT CREATE ON SCHEMA {{ setup_schema }} TO {{ role }};
ALTER FUNCTION {{ function }}() OWNER TO {{ role }};
REVOKE CREATE ON SCHEMA {{ setup_schema }} FROM {{ role }};
{%- endif %}
