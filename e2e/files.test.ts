import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { makeSampleTree } from '../testing/sample-tree.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { temporaryFolder, type TemporaryFolder } from '../testing/temporary-folder.ts'
import { treeDifferences } from '../testing/tree-differences.ts'
import { changeTree } from './change-tree.ts'
import { parseLines, parseSnapshots, zakops } from './program.ts'

/** A repository, and a tree that is backed up into it. */
async function backedUp(folder: TemporaryFolder): Promise<{ repository: string; source: string }> {
  const [repository, source] = [folder.at('repository'), folder.at('source')]
  makeSampleTree(source, seededRandom('files'))
  await zakops(['repo', 'init', '-r', repository])
  await zakops(['backup', '-r', repository, source])
  return { repository, source }
}

test('backup and restore bring back every fact of every file, and sparse files sparse', async (context) => {
  await using folder = temporaryFolder('files')
  const { repository, source } = await backedUp(folder)
  await zakops(['check', '-r', repository, '--read-data'])
  await zakops(['restore', '-r', repository, 'latest', '--target', folder.at('target')])
  assert.deepEqual(treeDifferences(source, folder.at('target') + source), [])
  const [was, is] = [source, folder.at('target') + source].map((root) => statSync(`${root}/sparse`).blocks)
  context.diagnostic(`blocks of the sparse file: ${was} before, ${is} after`)
  assert.ok(is! < 8192, 'of 32 MiB, less than 4 MiB are on disk')
})

test('restore into an existing tree makes it the snapshot, and leaves alone what is right', async () => {
  await using folder = temporaryFolder('files')
  const { repository, source } = await backedUp(folder)
  const target = folder.at('target')
  await zakops(['restore', '-r', repository, 'latest', '--target', target])
  const untouched = statSync(`${target}${source}/plain/several-chunks`, { bigint: true })
  writeFileSync(`${target}${source}/plain/text`, 'somebody wrote here')
  rmSync(`${target}${source}/plain/deep`, { recursive: true })
  rmSync(`${target}${source}/dangling`)
  await zakops(['restore', '-r', repository, 'latest', '--target', target])
  assert.deepEqual(treeDifferences(source, target + source), [])
  assert.equal(statSync(`${target}${source}/plain/several-chunks`, { bigint: true }).ino, untouched.ino)
})

test('restore takes a part by path and by pattern, and --dry-run writes nothing', async () => {
  await using folder = temporaryFolder('files')
  const { repository, source } = await backedUp(folder)
  await zakops(['restore', '-r', repository, `latest:${source}/plain/deep`, '--target', folder.at('deep')])
  assert.deepEqual(
    treeDifferences(`${source}/plain/deep`, folder.at('deep'), ['sameAs']).filter((line) => !line.startsWith('.: ')),
    [],
  )
  await zakops(['restore', '-r', repository, 'latest', '--include', '*one-byte', '--target', folder.at('one')])
  const files = readdirSync(folder.at('one'), { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  assert.deepEqual(
    files.map(({ name }) => name),
    ['one-byte'],
  )
  await zakops(['restore', '-r', repository, 'latest', '--target', folder.at('dry'), '--dry-run'])
  assert.throws(() => readdirSync(folder.at('dry')), /ENOENT/)
})

test('backup of a changed tree stores what changed, and each snapshot stays what it was', async () => {
  await using folder = temporaryFolder('files')
  const { repository, source } = await backedUp(folder)
  const [first] = parseSnapshots((await zakops(['snapshots', '-r', repository, '--json'])).stdout)
  await zakops(['restore', '-r', repository, first!.id, '--target', folder.at('before')])
  changeTree(source, seededRandom('change'))
  const { stdout } = await zakops(['backup', '-r', repository, '--json', source])
  const summary = parseLines(stdout).find((line) => line.message_type === 'summary')!
  assert.ok(Number(summary.data_added) < 2 * 1024 * 1024, `${String(summary.data_added)} bytes were added for 700 kB`)
  await zakops(['restore', '-r', repository, 'latest', '--target', folder.at('second')])
  assert.deepEqual(treeDifferences(source, folder.at('second') + source), [])
  await zakops(['restore', '-r', repository, first!.id, '--target', folder.at('first')])
  assert.deepEqual(treeDifferences(folder.at('before') + source, folder.at('first') + source), [])
})

test('backup leaves out what the excludes name, in the syntax of gitignore', async () => {
  await using folder = temporaryFolder('files')
  const [repository, source] = [folder.at('repository'), folder.at('source')]
  for (const name of ['keep/a.txt', 'keep/b.log', 'keep/important.log', 'cache/c', 'build/d', 'keep/build/e']) {
    mkdirSync(`${source}/${name}`.replace(/\/[^/]*$/, ''), { recursive: true })
    writeFileSync(`${source}/${name}`, name)
  }
  writeFileSync(`${source}/cache/CACHEDIR.TAG`, 'Signature: 8a477f597d28d172789f06886806bc55\n')
  await zakops(['repo', 'init', '-r', repository])
  const excludes = ['--exclude', '*.log', '--exclude', '!important.log', '--exclude', 'build/', '--exclude-caches']
  await zakops(['backup', '-r', repository, ...excludes, source])
  await zakops(['restore', '-r', repository, `latest:${source}`, '--target', folder.at('target')])
  const restored = readdirSync(folder.at('target'), { recursive: true, withFileTypes: true })
  const files = restored.filter((entry) => entry.isFile()).map((entry) => entry.name)
  assert.deepEqual(files.toSorted(), ['CACHEDIR.TAG', 'a.txt', 'important.log'])
})

test('a socket is left out of a backup, and the backup says so', async () => {
  await using folder = temporaryFolder('files')
  const [repository, source] = [folder.at('repository'), folder.at('source')]
  mkdirSync(source)
  writeFileSync(`${source}/file`, 'content')
  const server = createServer().listen(`${source}/socket`)
  await new Promise((resolve) => server.on('listening', resolve))
  await zakops(['repo', 'init', '-r', repository])
  const { stdout, stderr } = await zakops(['backup', '-r', repository, source], { exitCodes: [0, 3] })
  await new Promise((resolve) => server.close(resolve))
  assert.match(stdout + stderr, /socket/)
  await zakops(['restore', '-r', repository, `latest:${source}`, '--target', folder.at('target')])
  assert.deepEqual(readdirSync(folder.at('target')), ['file'])
})

test('a path that is not there is a gap: the rest is stored, and the exit code is 3', async () => {
  await using folder = temporaryFolder('files')
  const { repository, source } = await backedUp(folder)
  const words = ['backup', '-r', repository, `${source}/plain`, folder.at('not-there')]
  const { stderr } = await zakops(words, { exitCodes: [3] })
  assert.match(stderr, /not-there/)
  await zakops(['check', '-r', repository, '--read-data'])
})

test('restore does not follow a symlink that is planted in its target', async () => {
  await using folder = temporaryFolder('files')
  const { repository, source } = await backedUp(folder)
  const [target, outside] = [folder.at('target'), folder.at('outside')]
  mkdirSync(`${target}${source}`, { recursive: true })
  mkdirSync(outside)
  symlinkSync(outside, `${target}${source}/plain`)
  await zakops(['restore', '-r', repository, 'latest', '--target', target], { exitCodes: [0, 1, 3, 4] })
  assert.deepEqual(readdirSync(outside), [])
})
