import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sqlStatements } from './sql-statements.ts'

test('sqlStatements() takes a script of pg_dumpall apart, whatever its names and literals hold', () => {
  const script = `--
-- Roles; all of them
--
\\restrict abc;def
SET default_transaction_read_only = off;

CREATE ROLE "od;d ""na-me";
ALTER ROLE "od;d ""na-me" WITH NOSUPERUSER PASSWORD 'it''s;a
secret--no comment';
COMMENT ON ROLE app IS E'a\\';b -- c';
GRANT a TO b; GRANT c-d TO e
\\unrestrict abc
`
  assert.deepEqual(sqlStatements(script), [
    'SET default_transaction_read_only = off',
    'CREATE ROLE "od;d ""na-me"',
    `ALTER ROLE "od;d ""na-me" WITH NOSUPERUSER PASSWORD 'it''s;a
secret--no comment'`,
    "COMMENT ON ROLE app IS E'a\\';b -- c'",
    'GRANT a TO b',
    'GRANT c-d TO e\n\\unrestrict abc',
  ])
  assert.deepEqual(sqlStatements('-- nothing\n\n'), [])
})
