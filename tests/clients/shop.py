"""What an application does with PyMySQL: each line shows what it saw. Leaves the shop as it was."""
import sys

import pymysql


def connect(**more):
    return pymysql.connect(host="127.0.0.1", port=int(sys.argv[1]), user="app", password="app-password",
                           database=sys.argv[2], charset="utf8mb4", **more)


def all_rows(cursor, text, parameters=None):
    cursor.execute(text, parameters)
    return cursor.fetchall()


connection = connect()
cursor = connection.cursor()
print(all_rows(cursor, "SELECT id, name FROM users ORDER BY id"))
print(all_rows(cursor, "SELECT * FROM orders WHERE user_id = %s ORDER BY id", (1,)))
print(all_rows(cursor, "SELECT * FROM customers WHERE id = %s", (1000042,)))
print([column[:2] for column in cursor.description])
print(all_rows(cursor, "SELECT name FROM customers WHERE id IN %s ORDER BY id", ((1, 2, 42),)))
# Without autocommit, as PyMySQL begins: reads on both servers, a write on one.
cursor.execute("INSERT INTO notes (id, text) VALUES (%s, %s)", (10, "emoji 😀 and 'quotes' \\ "))
print(cursor.rowcount, cursor.lastrowid)
print(all_rows(cursor, "SELECT text FROM notes WHERE id = 10"))
connection.rollback()
print(all_rows(cursor, "SELECT COUNT(*) FROM notes"))
cursor.executemany("INSERT INTO marks (id, text) VALUES (%s, %s)", [(n, f"row {n}") for n in range(1, 51)])
connection.commit()
print(cursor.rowcount, all_rows(cursor, "SELECT COUNT(*), MAX(text) FROM marks"))
cursor.execute("DELETE FROM marks")
connection.commit()
try:
    cursor.execute("SELECT nothing FROM users")
except pymysql.err.MySQLError as error:
    print(type(error).__name__, error.args)
connection.ping()
connection.select_db(sys.argv[2])
print(all_rows(cursor, "SELECT DATABASE()"))
with connect(autocommit=True, cursorclass=pymysql.cursors.SSDictCursor) as other, other.cursor() as streaming:
    streaming.execute("SELECT line, product, price FROM order_items ORDER BY order_id, line")
    for row in streaming:
        print(row)
with connect(client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS) as other, other.cursor() as several:
    several.execute("SELECT total FROM orders WHERE id = 1; SELECT name FROM users WHERE id = 2")
    print(several.fetchall(), several.nextset(), several.fetchall(), several.nextset())
connection.close()
