FLUSH PRIVILEGES;
CREATE USER 'app'@'%' IDENTIFIED BY 'app-password';
GRANT ALL PRIVILEGES ON shop.* TO 'app'@'%';
GRANT ALL PRIVILEGES ON other.* TO 'app'@'%';
GRANT ALL PRIVILEGES ON sbtest.* TO 'app'@'%';
CREATE USER 'admin'@'%' IDENTIFIED BY 'admin-password';
GRANT ALL PRIVILEGES ON *.* TO 'admin'@'%' WITH GRANT OPTION;
