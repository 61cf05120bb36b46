-- What the first of two servers of a small shop holds: users, and the customers with ids below 1,000,000.
CREATE DATABASE IF NOT EXISTS shop;
USE shop;
CREATE TABLE users (
    id INT UNSIGNED NOT NULL PRIMARY KEY AUTO_INCREMENT,
    name VARCHAR(60) NOT NULL,
    email VARCHAR(100) NOT NULL UNIQUE
) CHARACTER SET utf8mb4;
INSERT INTO users (id, name, email) VALUES
    (1, 'Ada', 'ada@example.com'), (2, 'Grace', 'grace@example.com'), (3, 'Edsger', 'edsger@example.com'),
    (4, 'Barbara', 'barbara@example.com'), (5, 'Tony 😀', 'tony@example.com');
CREATE TABLE IF NOT EXISTS customers (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    name VARCHAR(60) NOT NULL,
    city VARCHAR(60) NOT NULL,
    credit DECIMAL(10, 2) NOT NULL DEFAULT 0
) CHARACTER SET utf8mb4;
INSERT INTO customers (id, name, city, credit) VALUES
    (1, 'Nordlicht GmbH', 'Hamburg', 1200.00), (2, 'Tramontane SARL', 'Marseille', 80.50),
    (42, 'Douglas & Co', 'Islington', 42.00), (999999, 'Last of the first', 'Porto', 0);
