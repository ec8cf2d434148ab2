import { globSync } from 'node:fs'

/** Any version of it makes load on any server. */
export function pgbenchPath(): string | undefined {
  return globSync('/usr/lib/postgresql/*/bin/pgbench')[0]
}

/** Why pgbench can not make load here, false where it can. */
export const noPgbench: string | false =
  pgbenchPath() === undefined ? 'no PostgreSQL pgbench here: apt-get install postgresql' : false
