-- What the second of two servers of a small shop holds: orders, their items, and the customers with ids from 1,000,000 on.
CREATE DATABASE IF NOT EXISTS shop;
USE shop;
CREATE TABLE orders (
    id INT UNSIGNED NOT NULL PRIMARY KEY AUTO_INCREMENT,
    user_id INT UNSIGNED NOT NULL,
    ordered_at DATETIME NOT NULL,
    total DECIMAL(10, 2) NOT NULL,
    KEY (user_id)
) CHARACTER SET utf8mb4;
INSERT INTO orders (id, user_id, ordered_at, total) VALUES
    (1, 1, '2026-01-05 09:12:00', 25.50), (2, 1, '2026-02-11 18:40:00', 99.90), (3, 2, '2026-02-12 07:01:00', 5.00);
CREATE TABLE order_items (
    order_id INT UNSIGNED NOT NULL,
    line INT UNSIGNED NOT NULL,
    product VARCHAR(60) NOT NULL,
    quantity INT UNSIGNED NOT NULL,
    price DECIMAL(10, 2) NOT NULL,
    PRIMARY KEY (order_id, line)
) CHARACTER SET utf8mb4;
INSERT INTO order_items (order_id, line, product, quantity, price) VALUES
    (1, 1, 'pencil', 10, 0.55), (1, 2, 'notebook', 4, 5.00), (2, 1, 'lamp', 1, 99.90), (3, 1, 'postcard', 5, 1.00);
CREATE TABLE IF NOT EXISTS customers (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    name VARCHAR(60) NOT NULL,
    city VARCHAR(60) NOT NULL,
    credit DECIMAL(10, 2) NOT NULL DEFAULT 0
) CHARACTER SET utf8mb4;
INSERT INTO customers (id, name, city, credit) VALUES
    (1000000, 'First of the second', 'Boston', 10.00), (1000042, 'Pacific Rim Ltd', 'Seattle', 7300.25),
    (2000000, 'Gran Chaco SA', 'Salta', 15.75);
