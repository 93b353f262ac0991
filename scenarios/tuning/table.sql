CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL, price numeric(10, 2) NOT NULL, made timestamptz NOT NULL);
INSERT INTO items
SELECT i, 'item ' || md5(i::text), (i % 100000) / 100.0, timestamptz '2026-01-01' + i * interval '1 second'
FROM generate_series(1, 800000) AS i;
ANALYZE items;
