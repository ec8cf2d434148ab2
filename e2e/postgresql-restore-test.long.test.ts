/** A restore test of a PostgreSQL source: a private server compares the rows, and a value that is changed is found. */
import assert from 'node:assert/strict'
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { runWords } from '../testing/fake-world.ts'
import { noServerUser, postgresqlTest } from '../testing/postgresql-test.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'

postgresqlTest(
  'a restore test of dumps proves them on a new private server, and names what does not come back',
  { versions: [15], skip: noServerUser },
  async ({ server }) => {
    await using folder = temporaryFolder('postgresql-dump-test')
    chmodSync(folder.path, 0o755)
    const run = async (words: readonly string[], wanted = 0): Promise<string> => {
      const { code, stdout, stderr } = await runWords(words, {
        workingDirectory: folder.path,
        environment: { PATH: `${server.binFolder}:${process.env['PATH']}`, TMPDIR: folder.path },
        userId: process.getuid!(),
      })
      assert.equal(code, wanted, `${words.join(' ')}\n${stdout}${stderr}`)
      return stdout
    }
    await server.psql("create role \"owner; of 'all\" login password 'secret'")
    await server.psql('create database shop owner "owner; of \'all"')
    await server.psql('create table orders as select n, md5(n::text) as item from generate_series(1, 2000) n', {
      database: 'shop',
    })
    const url = server.urlOf({ database: 'shop' })
    await run(['init', '--yes', '--secondary', 'off-site', '--source', `postgresql:shop=${url}`])
    const policy = readFileSync(folder.at('zakops-backup.yaml'), 'utf8')
    const question = "assertions: [{ name: orders, sql: 'select count(*) from orders', atMost: 2000 }]"
    writeFileSync(
      folder.at('zakops-backup.yaml'),
      policy.replace('kind: postgresql', `kind: postgresql\n    mode: logical\n    ${question}`),
    )
    await run(['backup'])
    const end = JSON.parse(await run(['procedure', 'run', 'restore-test', '--json'])) as RestoreTestEnd
    assert.equal(end.outcome, 'equal')
    assert.equal(end.negativeControl.outcome, 'rejected')
    assert.match(end.negativeControl.damage, /a row of table public\.orders/)

    writeFileSync(
      folder.at('zakops-backup.yaml'),
      readFileSync(folder.at('zakops-backup.yaml'), 'utf8').replace('atMost: 2000', 'atLeast: 2001'),
    )
    const failed = JSON.parse(
      await run(
        ['procedure', 'run', 'restore-test', '--json', '--accept-weaker', 'the test asks for another answer'],
        5,
      ),
    ) as RestoreTestEnd
    assert.deepEqual(failed.differences, ['assertion "orders": found "2000", expected a number of at least 2001'])
    assert.deepEqual(
      readdirSync(folder.path).filter((name) => name.startsWith('zakops-restore-test')),
      [],
    )
  },
)

interface RestoreTestEnd {
  readonly outcome: string
  readonly differences: readonly string[]
  readonly negativeControl: { readonly outcome: string; readonly damage: string }
}

postgresqlTest(
  'a restore test of PostgreSQL proves a backup on a private server',
  { versions: [18], skip: noServerUser, settings: { summarize_wal: 'on' } },
  async ({ server }) => {
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
    const end = JSON.parse(await run('procedure', 'run', 'restore-test', '--json')) as RestoreTestEnd
    assert.equal(end.outcome, 'equal')
    assert.deepEqual(end.negativeControl.outcome, 'rejected')
    assert.match(end.negativeControl.damage, /a row of table public\.orders/)
    assert.deepEqual(
      readdirSync(folder.path).filter((name) => name.startsWith('zakops-restore-test')),
      [],
    )
  },
)
