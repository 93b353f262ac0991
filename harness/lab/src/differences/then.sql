INSERT INTO customers VALUES (2, 'Grace', NULL);
UPDATE customers SET email = 'grace@example.com' WHERE id = 2;
UPDATE customers SET id = 3 WHERE id = 2;
DELETE FROM customers WHERE id = 1;
INSERT INTO orders VALUES (7, 3);
TRUNCATE customers;
INSERT INTO customers VALUES (4, 'Edsger', NULL);
