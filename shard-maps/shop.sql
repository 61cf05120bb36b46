-- The tables and rows of shop.yaml, as `meridian playground` loads them: through the proxy, each statement ended by a
-- semicolon at the end of a line. A definition is run on every shard of its table, a row of countries on every copy.
USE shop;

CREATE TABLE countries (
    code CHAR(2) NOT NULL PRIMARY KEY,
    name VARCHAR(60) NOT NULL
);
INSERT INTO countries (code, name) VALUES
    ('AR', 'Argentina'), ('DE', 'Germany'), ('ES', 'Spain'), ('FR', 'France'), ('GB', 'United Kingdom'),
    ('PT', 'Portugal'), ('US', 'United States');

CREATE TABLE users (
    id INT UNSIGNED NOT NULL PRIMARY KEY AUTO_INCREMENT,
    name VARCHAR(60) NOT NULL,
    email VARCHAR(100) NOT NULL UNIQUE,
    country CHAR(2) NOT NULL
);
INSERT INTO users (id, name, email, country) VALUES
    (1, 'Ada', 'ada@example.com', 'GB'), (2, 'Grace', 'grace@example.com', 'US'), (3, 'Konrad', 'konrad@example.com', 'DE'),
    (4, 'Barbara', 'barbara@example.com', 'US'), (5, 'Tony 😀', 'tony@example.com', 'GB');

CREATE TABLE orders (
    id INT UNSIGNED NOT NULL PRIMARY KEY AUTO_INCREMENT,
    user_id INT UNSIGNED NOT NULL,
    ordered_at DATETIME NOT NULL,
    country CHAR(2) NOT NULL,
    total DECIMAL(10, 2) NOT NULL,
    KEY (user_id)
);
INSERT INTO orders (id, user_id, ordered_at, country, total) VALUES
    (1, 1, '2026-01-05 09:12:00', 'GB', 25.50), (2, 1, '2026-02-11 18:40:00', 'FR', 99.90),
    (3, 2, '2026-02-12 07:01:00', 'US', 5.00);

CREATE TABLE order_items (
    order_id INT UNSIGNED NOT NULL,
    line INT UNSIGNED NOT NULL,
    product VARCHAR(60) NOT NULL,
    quantity INT UNSIGNED NOT NULL,
    price DECIMAL(10, 2) NOT NULL,
    PRIMARY KEY (order_id, line)
);
INSERT INTO order_items (order_id, line, product, quantity, price) VALUES
    (1, 1, 'pencil', 10, 0.55), (1, 2, 'notebook', 4, 5.00), (2, 1, 'lamp', 1, 99.90), (3, 1, 'postcard', 5, 1.00);

CREATE TABLE customers (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    name VARCHAR(60) NOT NULL,
    city VARCHAR(60) NOT NULL,
    country CHAR(2) NOT NULL,
    credit DECIMAL(10, 2) NOT NULL DEFAULT 0
);
INSERT INTO customers (id, name, city, country, credit) VALUES
    (1, 'Nordlicht GmbH', 'Hamburg', 'DE', 1200.00), (2, 'Tramontane SARL', 'Marseille', 'FR', 80.50),
    (42, 'Douglas & Co', 'Islington', 'GB', 42.00), (999999, 'Último Lda', 'Porto', 'PT', 0);
INSERT INTO customers (id, name, city, country, credit) VALUES
    (1000000, 'First Millionth Inc', 'Boston', 'US', 10.00), (1000042, 'Pacific Rim Ltd', 'Seattle', 'US', 7300.25),
    (2000000, 'Gran Chaco SA', 'Salta', 'AR', 15.75);

CREATE TABLE logs (
    created_at DATETIME NOT NULL,
    id BIGINT UNSIGNED NOT NULL,
    level VARCHAR(10) NOT NULL,
    message VARCHAR(200) NOT NULL,
    PRIMARY KEY (created_at, id)
);
INSERT INTO logs (created_at, id, level, message) VALUES
    ('2026-06-29 08:00:00', 1, 'info', 'started'), ('2026-06-30 23:59:59', 2, 'warn', 'the last of June');
INSERT INTO logs (created_at, id, level, message) VALUES
    ('2026-07-01 00:00:00', 3, 'info', 'the first of July'), ('2026-07-02 12:30:00', 4, 'error', 'out of paper');

CREATE TABLE events (
    user_id BIGINT UNSIGNED NOT NULL,
    at DATETIME NOT NULL,
    kind VARCHAR(20) NOT NULL,
    PRIMARY KEY (user_id, at)
);
INSERT INTO events (user_id, at, kind) VALUES (1, '2026-07-01 10:00:00', 'login'), (1, '2026-07-01 10:05:00', 'order');
INSERT INTO events (user_id, at, kind) VALUES (2, '2026-07-01 11:00:00', 'login');
INSERT INTO events (user_id, at, kind) VALUES (3, '2026-07-02 09:30:00', 'login'), (3, '2026-07-02 09:31:00', 'logout');

CREATE TABLE clicks (
    uid BIGINT UNSIGNED NOT NULL,
    at DATETIME NOT NULL,
    page VARCHAR(100) NOT NULL,
    PRIMARY KEY (uid, at)
);
INSERT INTO clicks (uid, at, page) VALUES (1, '2026-07-01 10:01:00', '/lamps'), (1, '2026-07-01 10:02:00', '/lamps/7');
INSERT INTO clicks (uid, at, page) VALUES (2, '2026-07-01 11:01:00', '/');
INSERT INTO clicks (uid, at, page) VALUES (3, '2026-07-02 09:30:30', '/notebooks');
