DROP TABLE IF EXISTS {{ model }};
