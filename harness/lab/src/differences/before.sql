CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, email text);
CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL);
INSERT INTO customers VALUES (1, 'Ada', 'ada@example.com');
