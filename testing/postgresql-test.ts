import { test, type TestContext } from 'node:test'
import { userNamed } from '../src/posix/user-named.ts'
import { areLongTests, longMark } from './long-tests.ts'
import {
  startPostgresqlServer,
  testServers,
  type PostgresqlServer,
  type PostgresqlServerOptions,
  type PostgresqlVersion,
} from './postgresql-server.ts'

const majors = (await testServers()).map(({ major }) => major)

export interface PostgresqlTestOptions extends Omit<PostgresqlServerOptions, 'version'> {
  readonly versions: readonly PostgresqlVersion[]
  /** What else the test needs that is not here; false where it is: as the `skip` of node:test. */
  readonly skip?: string | false
}

/**
 * A test that needs a PostgreSQL server: run once on each of these versions, each time with a new server; on all but the newest
 * as a long test. A version that is not installed is skipped and says so; with CI=true scripts/run-tests.ts makes a failure of that.
 */
export function postgresqlTest(
  name: string,
  options: PostgresqlTestOptions,
  body: (world: { context: TestContext; server: PostgresqlServer }) => Promise<void>,
): void {
  const newest = Math.max(...options.versions)
  for (const version of options.versions) {
    const isLong = version !== newest
    if (isLong && !areLongTests) continue
    test(`${name}, PostgreSQL ${version}${isLong ? longMark : ''}`, {
      skip: noPostgresql(version) || (options.skip ?? false),
    }, async (context) => {
      await using server = await startPostgresqlServer({ ...options, version })
      await body({ context, server })
    })
  }
}

/**
 * Why a procedure can start no private server here, false where it can: it takes no `--owner`. With CI=true scripts/run-tests.ts
 * makes a failure of a reason that begins so: Debian's package brings that user.
 */
export const noServerUser: string | false =
  process.getuid!() === 0 && userNamed('postgres') === undefined
    ? 'no PostgreSQL may run here: this is root, and there is no user "postgres"'
    : false

/** Why tests with this version can not run here, false where they can: for the `skip` of node:test. */
export function noPostgresql(version: PostgresqlVersion): string | false {
  if (majors.includes(version)) return false
  return `no PostgreSQL ${version} here: npm run test-servers brings it`
}
