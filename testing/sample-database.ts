import { DatabaseSync } from 'node:sqlite'

/** A database with a table of every kind that SQLite has, some thousand rows, and values of every type. */
export function makeSampleDatabase(
  path: string,
  options: { readonly journalMode?: string; readonly rows?: number } = {},
): void {
  const { journalMode = 'wal', rows = 3000 } = options
  const database = new DatabaseSync(path)
  database.exec(
    `PRAGMA journal_mode = ${journalMode}; PRAGMA synchronous = OFF; PRAGMA user_version = 7; PRAGMA application_id = 99`,
  )
  database.exec(`
    BEGIN;
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, price REAL, image BLOB, anything);
    CREATE INDEX items_by_name ON items (name);
    CREATE TABLE "odd ""name"" 'ü'" (rowid, value);
    CREATE TABLE pairs (a TEXT, b INT, value, PRIMARY KEY (a, b)) WITHOUT ROWID;
    CREATE TABLE empty (x);
    CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT, doubled GENERATED ALWAYS AS (id * 2) STORED);
    CREATE VIRTUAL TABLE texts USING fts5 (body);
    CREATE VIRTUAL TABLE boxes USING rtree (id, x0, x1);
    CREATE VIEW names AS SELECT name FROM items;
    CREATE TRIGGER gone AFTER DELETE ON items BEGIN DELETE FROM empty; END;
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
      INSERT INTO items SELECT i, 'item ' || i, i / 7.0, CAST(hex(i) AS BLOB), CASE i % 4 WHEN 0 THEN i WHEN 1 THEN '' END FROM n;
    INSERT INTO "odd ""name"" 'ü'" VALUES (1, 9223372036854775807), (NULL, -0.0), ('x', 9e999), ('a' || char(0) || 'b', x'00ff');
    INSERT INTO items (name, image) VALUES (printf('%.*c', 20000, 'x'), zeroblob(1000000));
    INSERT INTO items (id, name) VALUES (-5, 'below zero');
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)
      INSERT INTO pairs SELECT 'k' || (i % 7), i, 'v' || i FROM n;
    INSERT INTO counted DEFAULT VALUES;
    INSERT INTO texts VALUES ('some words to be found'), ('and others');
    INSERT INTO boxes VALUES (1, 0.5, 1.5);
    COMMIT;`)
  database.close()
}

/** Runs SQL on a database and closes it again, as its application would. */
export function changeDatabase(path: string, sql: string): void {
  const database = new DatabaseSync(path)
  database.enableDefensive(false)
  try {
    database.exec(sql)
  } finally {
    database.close()
  }
}
