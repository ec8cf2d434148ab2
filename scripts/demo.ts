/**
 * Shows the whole road on a small tree: back up, copy, change, back up again, break, find, mend, restore, compare.
 * Works in a folder of its own below the machine's temporary folder and leaves nothing behind. Exit code 0 only
 * where every step did what the table says.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { changeTree } from '../e2e/change-tree.ts'
import { parseLines, restic as runRestic, tryZakops, zakops } from '../e2e/program.ts'
import { findRestics } from '../testing/restic.ts'
import { makeSampleTree } from '../testing/sample-tree.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { treeDifferences } from '../testing/tree-differences.ts'
import { treeFacts } from '../testing/tree-facts.ts'
import { DemoTable } from './demo-table.ts'

await using folder = temporaryFolder('demo')
const [source, primary, second] = [folder.at('documents'), folder.at('primary'), folder.at('second')]
const random = seededRandom('demo')
const table = new DemoTable(process.stdout)
const restic = findRestics()[0]

table.begin()
await table.step('Make a small tree', async () => {
  makeSampleTree(source, random)
  return `${treeFacts(source).size} files and directories with odd names, links, attributes, holes`
})
await table.step('Make an encrypted repository', async () => {
  await zakops(['repo', 'init', '-r', primary])
  return 'primary: restic format 2, AES-256'
})
await table.step('Back the tree up', async () => backUp('every file is new'))
await table.step('Copy the backup to a second place', async () => {
  await zakops(['mirror', '-r', primary, '--to', second])
  return `${objectCount(second)} objects, each verified by its SHA-256 before it was written`
})
await table.step('Change the tree', async () => {
  changeTree(source, random)
  return 'files changed, added, moved and removed'
})
await table.step('Back it up again', async () => backUp('only what changed is stored'))
await table.step('Bring the second place up to date', async () => {
  await zakops(['mirror', '-r', primary, '--to', second])
  return `${objectCount(second)} objects now`
})
const pack = largestPack(primary)
await table.step('Flip one bit in a stored pack', async () => {
  const bytes = readFileSync(pack)
  bytes[bytes.length >> 1]! ^= 0x10
  writeFileSync(pack, bytes)
  return `primary, pack ${shortName(pack)}`
})
await table.step('Check finds it', async () => {
  const { exitCode, stdout, stderr } = await tryZakops(['check', '-r', primary, '--read-data'])
  if (exitCode !== 5 || !(stdout + stderr).includes(shortName(pack)))
    throw new Error(`check ended with ${exitCode}\n${stdout}${stderr}`)
  return `exit code 5, and it names ${shortName(pack)}`
})
await table.step('Heal mends it from the second place', async () => {
  await zakops(['heal', '-r', primary, '--from', second])
  await zakops(['check', '-r', primary, '--read-data'])
  return 'check --read-data reads every byte and finds no fault'
})
await table.step('Restore the latest snapshot', async () => {
  await zakops(['restore', '-r', primary, 'latest', '--target', folder.at('restored')])
  return 'into an empty directory'
})
await table.step('Compare it with the tree', async () => compared(folder.at('restored') + source))
if (restic === undefined) table.note('Stock restic', 'is not on the PATH; with it, it would check and restore here too')
else {
  await table.step(`restic ${restic.version} checks it`, async () => {
    await runRestic(restic.path, folder.at('cache'), ['-r', primary, 'check', '--read-data'])
    return 'no errors were found'
  })
  await table.step(`restic ${restic.version} restores it`, async () => {
    await runRestic(restic.path, folder.at('cache'), [
      '-r',
      primary,
      'restore',
      'latest',
      '--target',
      folder.at('by-restic'),
    ])
    return compared(folder.at('by-restic') + source)
  })
}
table.end()

async function backUp(text: string): Promise<string> {
  const { stdout } = await zakops(['backup', '-r', primary, '--json', source])
  const summary = parseLines(stdout).find((line) => line.message_type === 'summary')!
  return `${text}: ${kibibytes(summary.total_bytes_processed)} in the tree, ${kibibytes(summary.data_added_packed)} stored`
}

function kibibytes(bytes: unknown): string {
  return `${Math.round(Number(bytes) / 1024)} KiB`
}

function compared(restored: string): string {
  const differences = treeDifferences(source, restored)
  if (differences.length > 0) throw new Error(`What was restored differs:\n${differences.join('\n')}`)
  return 'equal: content, names, times, owners, modes, attributes, links'
}

function files(repository: string, kind: string): string[] {
  return readdirSync(join(repository, kind), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

function objectCount(repository: string): number {
  return files(repository, '').length
}

function largestPack(repository: string): string {
  return files(repository, 'data').toSorted((a, b) => statSync(b).size - statSync(a).size)[0]!
}

function shortName(path: string): string {
  return path.split('/').at(-1)!.slice(0, 8)
}
