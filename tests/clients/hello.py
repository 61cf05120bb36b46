"""Logs in and shows a number, an emoji and the database."""
import sys

import pymysql

connection = pymysql.connect(host="127.0.0.1", port=int(sys.argv[1]), user="app", password="app-password",
                             database=sys.argv[2], charset="utf8mb4")
with connection.cursor() as cursor:
    cursor.execute("SELECT 1, '😀', DATABASE()")
    print(*cursor.fetchone())
connection.close()
