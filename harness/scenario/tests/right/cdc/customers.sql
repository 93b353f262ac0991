CREATE TABLE customers (id int PRIMARY KEY, name text);
-- A dollar-quoted body is no variable.
CREATE FUNCTION two() RETURNS int AS $$ SELECT ${two} $$ LANGUAGE sql;
