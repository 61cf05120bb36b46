// Logs in and shows a number, an emoji and the database.
const mysql = require("mysql2/promise");

(async () => {
  const connection = await mysql.createConnection({
    host: "127.0.0.1", port: Number(process.argv[2]), user: "app", password: "app-password",
    database: process.argv[3], charset: "utf8mb4",
  });
  const [rows] = await connection.query({ sql: "SELECT 1, '😀', DATABASE()", rowsAsArray: true });
  console.log(...rows[0]);
  await connection.end();
})();
