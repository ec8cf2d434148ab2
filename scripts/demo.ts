/**
 * Shows a policy that keeps itself, on a small tree and a small database: init, full, change, incremental, the off-site
 * copy, damage found and healed, an operation that goes wrong and is undone, a restore that is proven, a drill by the recovery
 * kit with its report, a PostgreSQL server where one can be found, the status. Works in a folder of its own below the
 * machine's temporary folder and leaves nothing behind but the report. Exit code 0 only where
 * every step did what the table says.
 */
import { spawn } from 'node:child_process'
import { cpSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { changeTree } from '../e2e/change-tree.ts'
import { parseLines, password, restic as runRestic, tryZakops, zakops } from '../e2e/program.ts'
import { findRestics, keepsOddTargets } from '../testing/restic.ts'
import { makeSampleTree } from '../testing/sample-tree.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { treeDifferences } from '../testing/tree-differences.ts'
import { treeFacts } from '../testing/tree-facts.ts'
import { addPostgresqlSteps } from './demo-postgresql.ts'
import { DemoTable } from './demo-table.ts'

await using folder = temporaryFolder('demo')
const documents = folder.at('documents')
const database = folder.at('orders.db')
const [primary, secondary] = [folder.at('backup'), folder.at('off-site')]
const policy = ['--policy', folder.at('zakops-backup.yaml')]
const random = seededRandom('demo')
const table = new DemoTable(process.stdout)
const restic = findRestics()[0]

table.begin()
await table.step('Make documents and a database', async () => {
  makeSampleTree(documents, random)
  const rows = sql('create table orders (id integer primary key, item text)', ordersOf(1000))
  return `${treeFacts(documents).size} files with odd names, links, holes; ${rows} orders in SQLite`
})
await table.step('Write a policy and its keys: init', async () => {
  const sources = ['--source', `files:documents=${documents}`, '--source', `sqlite:orders=${database}`]
  const locations = ['--primary', primary, '--secondary', secondary]
  await zakops(['init', '--environment', 'production', ...locations, ...sources, ...policy, '--yes'], {
    cwd: folder.path,
  })
  return 'full weekly, incremental daily, off-site copies, AES-256, RPO 24 h'
})
await table.step('The first backup is a full one', async () => backUp('full'))
await table.step('Change documents and database', async () => {
  changeTree(documents, random)
  return `files changed, added, moved and removed; ${sql(ordersOf(20))} orders now`
})
await table.step('The next is incremental', async () => backUp('incremental'))
await table.step('Take the off-site location away', async () => {
  renameSync(secondary, folder.at('away'))
  const { exitCode, stdout } = await tryZakops(['backup', 'orders', '--json', ...policy])
  renameSync(folder.at('away'), secondary)
  const [line] = parseLines(stdout)
  if (exitCode !== 3 || String(line?.['copies']) !== 'primary') throw new Error(`ended with ${exitCode}\n${stdout}`)
  return 'the backup is done with gaps (exit code 3): the primary holds it alone'
})
await table.step('It is caught up by itself', async () => {
  await zakops(['replicate', ...policy])
  const copies = parseLines((await zakops(['backups', '--json', ...policy])).stdout).map((line) =>
    String(line['copies']),
  )
  if (copies.some((one) => one !== 'primary,secondary')) throw new Error(copies.join('\n'))
  return `${copies.length} backups, each at both locations, read back by name`
})
const pack = largestPack(primary)
await table.step('Flip one bit in a stored pack', async () => {
  const bytes = readFileSync(pack)
  bytes[bytes.length >> 1]! ^= 0x10
  writeFileSync(pack, bytes)
  return `primary, pack ${shortName(pack)}`
})
await table.step('Verification finds it', async () => {
  const { exitCode, stdout, stderr } = await tryZakops(['verify', '--read-data', ...policy])
  if (exitCode !== 5 || !(stdout + stderr).includes(shortName(pack))) {
    throw new Error(`verify ended with ${exitCode}\n${stdout}${stderr}`)
  }
  return `exit code 5, and it names ${shortName(pack)}`
})
await table.step('Heal mends it from off-site', async () => {
  await zakops(['heal', ...policy])
  await zakops(['verify', '--read-data', ...policy])
  return 'every byte at both locations is what it must be'
})
await table.step('A migration goes wrong under guard', async () => {
  const before = sql()
  const words = [
    process.execPath,
    '-e',
    `new (require('node:sqlite').DatabaseSync)(process.argv[1]).exec('delete from orders'); process.exit(7)`,
  ]
  const { exitCode } = await tryZakops(['guard', 'orders', '--restore-on-failure', ...policy, '--', ...words, database])
  if (exitCode !== 7 || sql() !== before) throw new Error(`guard ended with ${exitCode}, ${sql()} orders are left`)
  return `exit code 7 is passed on, and all ${before} orders are back`
})
await table.step('Restore from off-site, and prove it', async () => {
  const to = folder.at('restored')
  for (const source of ['documents', 'orders']) {
    const { stdout } = await zakops(['restore', source, '--to', to, '--location', 'secondary', '--json', ...policy])
    const [line] = parseLines(stdout)
    if (line?.['manifest'] !== 'equal') throw new Error(stdout)
  }
  return `manifests equal; ${compared(join(to, documents))}`
})
await table.step('Rotate the key', async () => {
  await zakops(['keys', 'rotate', ...policy])
  await backUp('full')
  return 'a new generation, with its own full; old backups open with their own key'
})
await showRestic()
await table.step('Split a recovery kit among five', async () => {
  await zakops(['keys', 'kit', 'create', '--shares', '5', '--threshold', '3', '--to', folder.at('kit'), ...policy])
  return 'pages to print: three of them open the off-site copy, two open nothing'
})
const report = join(os.tmpdir(), `zakops-backup-demo-${process.pid}.html`)
await table.step('Lose everything: the drill', async () => {
  const shares = [1, 3, 5].flatMap((number) => ['--share', folder.at(`kit/share-${number}.txt`)])
  const drill = ['procedure', 'run', 'recovery-drill', '--into', folder.at('drill'), ...shares, '--json', ...policy]
  const [end] = parseLines((await zakops(drill)).stdout)
  const { run, outcome, negativeControl } = end as {
    run: string
    outcome: string
    negativeControl: { outcome: string }
  }
  if (outcome !== 'recovered' || negativeControl.outcome !== 'rejected') throw new Error(JSON.stringify(end))
  const lesson = 'Three holders of shares have to be reached: their telephone numbers belong on the page.'
  await zakops(['procedure', 'drill-lessons', run, '--text', lesson, ...policy])
  await zakops(['evidence', 'report', '--drill', run, '--to', report, ...policy])
  return 'recovered from off-site and three shares; a damaged copy was rejected'
})
await addPostgresqlSteps(table)
let status = ''
await table.step('Ask whether the policy is kept', async () => {
  status = (await zakops(['status', ...policy])).stdout
  return status.trimEnd().split('\n').at(-1)!
})
table.end(`Nothing is left behind but the report of the drill: ${report}`)
openReport(report)
process.stdout.write(`\nzakops-backup status said:\n\n${status}`)

/** In the browser of whoever sits before it. */
function openReport(path: string): void {
  const { DISPLAY, WAYLAND_DISPLAY } = process.env
  if (!process.stdout.isTTY || (DISPLAY ?? WAYLAND_DISPLAY) === undefined) return
  const opener = spawn('xdg-open', [path], { detached: true, stdio: 'ignore' })
  opener.on('error', () => {}) // There is none: the path was told.
  opener.unref()
}

async function showRestic(): Promise<void> {
  if (restic === undefined) {
    table.note('Stock restic', 'is not on the PATH; with it, it would check and restore here too')
    return
  }
  const copy = folder.at('copy')
  const cache = folder.at('cache')
  await table.step('Give a copy a key for stock restic', async () => {
    cpSync(join(secondary, 'production/1/repository'), copy, { recursive: true })
    writeFileSync(folder.at('password'), password)
    await zakops(['keys', 'export', '--restic', '--password-file', folder.at('password'), '--into', copy, ...policy])
    return 'whoever has the copy and the password needs nothing else'
  })
  await table.step(`restic ${restic.version} checks, restores`, async () => {
    await runRestic(restic.path, cache, ['-r', copy, 'check', '--read-data'])
    const to = folder.at('by-restic')
    await runRestic(restic.path, cache, ['-r', copy, 'restore', 'latest', '--tag', 'source=documents', '--target', to])
    // Restics before 0.16 can not tell a link's target that is not UTF-8; ours is in the backup.
    return compared(join(to, documents), keepsOddTargets(restic) ? undefined : 'link-with-odd-target')
  })
}

async function backUp(kind: string): Promise<string> {
  const { stdout } = await zakops(['backup', '--json', ...policy])
  const lines = parseLines(stdout)
  if (lines.some((line) => line['kind'] !== kind || String(line['copies']) !== 'primary,secondary'))
    throw new Error(stdout)
  const sum = (name: string): string => kibibytes(lines.reduce((total, line) => total + Number(line[name]), 0))
  return `${lines.length} ${kind} backups at both locations: ${sum('bytes')}, ${sum('bytes_added')} stored`
}

function kibibytes(bytes: number): string {
  return `${Math.round(bytes / 1024)} KiB`
}

/** Runs statements, and answers how many orders there are then. */
function sql(...statements: readonly string[]): number {
  const connection = new DatabaseSync(database)
  for (const statement of statements) connection.exec(statement)
  const { count } = connection.prepare('select count(*) as count from orders').get() as { count: number }
  connection.close()
  return count
}

function ordersOf(count: number): string {
  return `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count})
    insert into orders (item) select 'item ' || i || ' ' || hex(randomblob(20)) from n`
}

function compared(restored: string, except?: string): string {
  const differences = treeDifferences(documents, restored).filter((line) => !line.startsWith(`${except}: `))
  if (differences.length > 0) throw new Error(`What was restored differs:\n${differences.join('\n')}`)
  const but = except === undefined ? '' : ', but the target of one'
  return `equal: content, names, times, owners, modes, links${but}`
}

function largestPack(location: string): string {
  const packs = readdirSync(location, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.parentPath.includes('/data/'))
    .map((entry) => join(entry.parentPath, entry.name))
  return packs.toSorted((a, b) => statSync(b).size - statSync(a).size)[0]!
}

function shortName(path: string): string {
  return path.split('/').at(-1)!.slice(0, 8)
}
