{% if not method -%}
-- No index: every search reads every row and is exact.
{%- else -%}
{% if recorded_lists_are_automatic -%}
-- The number of lists follows the rows: rows / 1000 up to a million rows, then their square root.
{% endif -%}
CREATE INDEX {% if concurrently %}CONCURRENTLY {% endif %}{{ index }} ON {{ table }}
    USING {{ method }} ({{ column }} {{ operator_class }}) WITH ({{ options }});
{%- endif %}
