/** Statements that make one of nearly everything that a database can hold. */
export const variety = `
  CREATE SCHEMA odd;
  CREATE TYPE odd.mood AS ENUM ('well', 'ill');
  CREATE TABLE odd.kinds (
    id bigserial PRIMARY KEY, note text, at timestamptz DEFAULT now(), real8 float8, data bytea, json jsonb, mood odd.mood,
    list int[], money numeric(30, 10), gone int, "Odd ""name""" interval);
  ALTER TABLE odd.kinds DROP COLUMN gone;
  INSERT INTO odd.kinds (note, real8, data, json, mood, list, money, "Odd ""name""")
    SELECT repeat('x', g), g / 7.0, decode(md5(g::text), 'hex'), jsonb_build_object('g', g), 'well', ARRAY[g, g], g / 3.0,
           make_interval(secs => g)
      FROM generate_series(1, 3000) g;
  CREATE UNLOGGED TABLE odd.fleeting AS SELECT 1 AS one;
  CREATE MATERIALIZED VIEW odd.seen AS SELECT count(*) FROM odd.kinds;
  CREATE MATERIALIZED VIEW odd.unseen AS SELECT 1 AS one WITH NO DATA;
  CREATE FUNCTION odd.twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1';
  CREATE INDEX ON odd.kinds ((odd.twice(id::int)));
  CREATE ROLE reader; CREATE ROLE writer LOGIN IN ROLE reader; GRANT SELECT ON odd.kinds TO reader;
  ALTER TABLE odd.kinds ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON odd.kinds USING (note <> current_user);
  SELECT lo_from_bytea(0, 'large');
`
