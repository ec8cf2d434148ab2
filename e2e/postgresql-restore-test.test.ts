/** A restore test of a PostgreSQL source: a private server compares the rows, and a row that is removed is found. */
import assert from 'node:assert/strict'
import { chmodSync, readdirSync } from 'node:fs'
import { runWords } from '../testing/fake-world.ts'
import { postgresqlTest } from '../testing/postgresql-test.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { userNamed } from '../src/posix/user-named.ts'

const isRootAlone = process.getuid!() === 0 && userNamed('postgres') === undefined

postgresqlTest(
  'a restore test of PostgreSQL proves a backup on a private server',
  { versions: [18], settings: { summarize_wal: 'on' } },
  async ({ server, context }) => {
    if (isRootAlone) {
      context.skip('root may not run a server, and there is no user "postgres"')
      return
    }
    await using folder = temporaryFolder('postgresql-restore-test')
    chmodSync(folder.path, 0o755)
    const run = async (...words: string[]): Promise<string> => {
      const { code, stdout, stderr } = await runWords(words, {
        workingDirectory: folder.path,
        environment: { PATH: `${server.binFolder}:${process.env['PATH']}`, TMPDIR: folder.path },
        userId: process.getuid!(),
      })
      assert.equal(code, 0, `${words.join(' ')}\n${stdout}${stderr}`)
      return stdout
    }
    await server.psql('create table orders as select n, md5(n::text) as item from generate_series(1, 2000) n')
    await run('init', '--yes', '--secondary', 'off-site', '--source', `postgresql:orders=${server.url}`)
    await run('backup')
    const end = JSON.parse(await run('procedure', 'run', 'restore-test', '--json')) as {
      readonly outcome: string
      readonly negativeControl: { readonly outcome: string; readonly damage: string }
    }
    assert.equal(end.outcome, 'equal')
    assert.deepEqual(end.negativeControl.outcome, 'rejected')
    assert.match(end.negativeControl.damage, /a row of table public\.orders/)
    assert.deepEqual(
      readdirSync(folder.path).filter((name) => name.startsWith('zakops-restore-test')),
      [],
    )
  },
)
