// What an application does with mysql2, text and prepared: each line shows what it saw. Leaves the shop as it was.
const mysql = require("mysql2/promise");

const settings = {
  host: "127.0.0.1", port: Number(process.argv[2]), user: "app", password: "app-password",
  database: process.argv[3], charset: "utf8mb4", dateStrings: true, multipleStatements: true,
};
const show = (value) => console.log(JSON.stringify(value));

(async () => {
  const connection = await mysql.createConnection(settings);
  show((await connection.query("SELECT id, name FROM users ORDER BY id"))[0]);
  show((await connection.execute("SELECT name FROM users WHERE id = ?", [5]))[0]);
  for (const id of [42, 1000042, 2, 2000000]) {
    show((await connection.execute("SELECT id, name, credit FROM customers WHERE id = ?", [id]))[0]);
  }
  show((await connection.execute("SELECT * FROM orders WHERE user_id = ? ORDER BY id", ["1"]))[0]);
  show((await connection.query("SELECT total FROM orders WHERE id = 1; SELECT name FROM users WHERE id = 2"))[0]);
  await connection.beginTransaction();
  const [inserted] = await connection.execute("INSERT INTO notes (id, text) VALUES (?, ?)", [20, "emoji 😀 'x' \\"]);
  show([inserted.affectedRows, inserted.insertId]);
  show((await connection.execute("SELECT text FROM notes WHERE id = ?", [20]))[0]);
  await connection.rollback();
  show((await connection.query("SELECT COUNT(*) AS n FROM notes"))[0]);
  await connection.query("SELECT nothing FROM users").catch((error) => show([error.code, error.errno, error.sqlState]));
  await connection.changeUser({ user: "app", password: "app-password", database: process.argv[3] });
  show((await connection.query("SELECT DATABASE() AS d"))[0]);
  await connection.ping();
  await connection.end();

  const pool = mysql.createPool({ ...settings, connectionLimit: 4 });
  const rows = await Promise.all(
    [...Array(40).keys()].map((n) => pool.execute("SELECT ? AS n, name FROM users WHERE id = ?", [n, 1 + (n % 5)])),
  );
  show(rows.map(([[row]]) => [Number(row.n), row.name]));
  await pool.end();
})();
