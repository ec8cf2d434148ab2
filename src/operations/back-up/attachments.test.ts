import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { assertSound, type BackupChanges, backUpPaths, reopened } from '../../../testing/back-up-folder.ts'
import { cheapCost, freshRepository } from '../../../testing/fresh-repository.ts'
import { findRestics } from '../../../testing/restic.ts'
import { temporaryFolder, type TemporaryFolder } from '../../../testing/temporary-folder.ts'
import { neverStopped } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { isFailure } from '../../base/failure.ts'
import { initRepository } from '../../repository/init-repository.ts'
import type { Repository } from '../../repository/repository.ts'
import { createLocalFolder } from '../../storage/local/local-folder.ts'
import { localStorage } from '../../storage/local/local-storage.ts'
import { type Attachment, readAttachment } from '../attachments.ts'
import { prune } from '../prune/prune.ts'
import { pruneDefaults } from '../prune/prune-options.ts'
import type { BackupReport, SourceFacts } from './back-up.ts'
import { takeOver } from './take-over.ts'

const signal = neverStopped()
const context = { clock: systemClock, progress: () => {}, programVersion: 'test' }

function sourceIn(folder: TemporaryFolder): string {
  const root = folder.at('root')
  mkdirSync(`${root}/d`, { recursive: true })
  writeFileSync(`${root}/a`, 'content of a')
  writeFileSync(`${root}/d/b`, randomBytes(2000))
  return root
}

/** Backs up "root" by that name, so that the snapshot holds none of the directories above, which others change. */
async function backUpRoot(
  repository: Repository,
  folder: TemporaryFolder,
  changes: BackupChanges = {},
): Promise<BackupReport> {
  return await backUpPaths(repository, ['root'], { workingDirectory: folder.path, ...changes })
}

/** Attaches a manifest of this text, and keeps the facts that it was asked with. */
function attaching(text: string, asked: SourceFacts[] = []): { attach: NonNullable<BackupChanges['attach']> } {
  return {
    attach: async (facts) => {
      asked.push(facts)
      return [{ name: 'manifest.json', content: Buffer.from(text) }]
    },
  }
}

async function failing(): Promise<never> {
  throw new Error('no manifest today')
}

async function textOf(repository: Repository, tree: string, name = 'manifest.json'): Promise<string | undefined> {
  const content = await readAttachment(repository, { tree }, name, signal)
  return content && Buffer.from(content).toString()
}

test('backUp() puts attachments into the snapshot, where they are read from, checked and kept by prune', async () => {
  await using folder = temporaryFolder('attach')
  sourceIn(folder)
  const repository = await freshRepository()
  const asked: SourceFacts[] = []
  const report = await backUpRoot(repository, folder, attaching('the manifest', asked))
  assert.equal(await textOf(repository, report.tree), 'the manifest')
  assert.equal(await textOf(repository, report.tree, 'other.json'), undefined)
  assert.equal(report.summary.total_files_processed, 2)
  assert.equal(report.summary.files_new, 2)
  assert.equal(asked[0]?.isUnchanged, false)
  assert.equal(asked[0]?.parent, undefined)
  assert.equal(asked[0]?.summary.files_new, 2)
  await assertSound(repository)
  const pruned = await reopened(repository)
  await prune({ repository: pruned, options: pruneDefaults }, { progress: () => {} }, signal)
  assert.equal(await textOf(await reopened(repository), report.tree), 'the manifest')
})

test('backUp() asks for attachments when every tree and blob of the source can be read', async () => {
  await using folder = temporaryFolder('attach')
  sourceIn(folder)
  const repository = await freshRepository()
  let content: Uint8Array | undefined
  const attach = async ({ nodes }: SourceFacts): Promise<Attachment[]> => {
    let [node] = nodes
    while (node?.subtree !== undefined) node = (await repository.loadTree(node.subtree, signal)).nodes[0]
    content = await repository.loadBlob(node!.content![0]!, 'data', signal)
    return []
  }
  const { tree } = await backUpRoot(repository, folder, { attach })
  assert.equal(Buffer.from(content!).toString(), 'content of a')
  assert.equal(await textOf(repository, tree), undefined)
})

test('backUp() with attachments finds an unchanged source unchanged, and stores nothing then', async () => {
  await using folder = temporaryFolder('attach')
  const root = sourceIn(folder)
  const repository = await freshRepository()
  const asked: SourceFacts[] = []
  const back = async (text: string, changes: BackupChanges = {}): Promise<BackupReport> =>
    await backUpRoot(repository, folder, { ...attaching(text, asked), ...changes })
  const first = await back('one')
  const packs = repository.index.packCount
  const second = await back('one')
  assert.equal(asked[1]?.isUnchanged, true)
  assert.equal(asked[1]?.parent?.id, first.snapshotId)
  assert.equal(second.tree, first.tree)
  assert.equal(second.summary.dirs_unmodified, first.summary.dirs_new)
  assert.equal(repository.index.packCount, packs)
  assert.equal((await back('one', { skipIfUnchanged: true })).snapshotId, undefined)
  const other = await back('two', { skipIfUnchanged: true })
  assert.equal(asked[3]?.isUnchanged, true)
  assert.notEqual(other.snapshotId, undefined)
  assert.notEqual(other.tree, first.tree)
  writeFileSync(`${root}/a`, 'changed')
  assert.notEqual((await back('two')).tree, other.tree)
  assert.equal(asked[4]?.isUnchanged, false)
  assert.equal(asked[4]?.summary.files_unmodified, 1)
  await assertSound(repository)
})

test('backUp() compares with a parent that has no attachments, and without them with one that has', async () => {
  await using folder = temporaryFolder('attach')
  sourceIn(folder)
  const repository = await freshRepository()
  const asked: SourceFacts[] = []
  const plain = await backUpRoot(repository, folder)
  await backUpRoot(repository, folder, attaching('m', asked))
  assert.equal(asked[0]?.isUnchanged, true)
  assert.equal(asked[0]?.tree, plain.tree)
  const again = await backUpRoot(repository, folder)
  assert.equal(again.tree, plain.tree)
  assert.equal(again.summary.files_unmodified, 2)
})

test('backUp() asks for no attachments in a dry run, and makes no snapshot where they fail', async () => {
  await using folder = temporaryFolder('attach')
  sourceIn(folder)
  const repository = await freshRepository()
  const asked: SourceFacts[] = []
  await backUpRoot(repository, folder, { ...attaching('m', asked), dryRun: true })
  assert.equal(asked.length, 0)
  await assert.rejects(backUpRoot(repository, folder, { attach: failing }), /no manifest today/)
  assert.deepEqual(await repository.listSnapshots(signal), [])
  await backUpRoot(repository, folder, attaching('m', asked))
  await assertSound(repository)
})

test('backUp() leaves out what of the source lies where attachments do, and says so', async () => {
  await using folder = temporaryFolder('attach')
  sourceIn(folder)
  mkdirSync(folder.at('.zakops-backup'))
  writeFileSync(folder.at('.zakops-backup', 'manifest.json'), 'of an earlier restore')
  const repository = await freshRepository()
  const { tree, gaps } = await backUpPaths(repository, ['.'], { workingDirectory: folder.path, ...attaching('own') })
  assert.deepEqual(
    gaps.map(({ path, reason }) => `${reason} ${path}`),
    ['irregular /.zakops-backup'],
  )
  assert.equal(await textOf(repository, tree), 'own')
})

test('backUp() attaches files of any length, in the root of several roots too', async () => {
  await using folder = temporaryFolder('attach')
  sourceIn(folder)
  const repository = await freshRepository()
  const content = randomBytes(3_000_000)
  const { tree } = await backUpPaths(repository, [folder.at('root', 'd'), 'root'], {
    workingDirectory: folder.path,
    attach: async () => [
      { name: 'source.json', content },
      { name: 'empty', content: Buffer.alloc(0) },
    ],
  })
  assert.ok(content.equals((await readAttachment(repository, { tree }, 'source.json', signal))!))
  assert.equal(await textOf(repository, tree, 'empty'), '')
  const { nodes } = await repository.loadTree(tree, signal)
  assert.deepEqual(
    nodes.map(({ name }) => name),
    ['.zakops-backup', 'root', 'tmp'],
  )
  await assertSound(repository)
})

test('takeOver() makes a snapshot of the parent without the source, and refuses where a blob is gone', async () => {
  await using folder = temporaryFolder('attach')
  const root = sourceIn(folder)
  const repository = await freshRepository()
  const { snapshotId, tree, summary } = await backUpRoot(repository, folder, attaching('m'))
  const parent = await repository.loadSnapshot(snapshotId!, signal)
  rmSync(root, { recursive: true })
  const request = { repository, parent, hostname: 'host', paths: [root], tags: ['t'] }
  const report = await takeOver(request, context, signal)
  assert.equal(report?.tree, tree)
  assert.equal(report?.summary.files_unmodified, summary.files_new)
  assert.equal(report?.summary.total_bytes_processed, summary.total_bytes_processed)
  const snapshot = await repository.loadSnapshot(report.snapshotId!, signal)
  assert.deepEqual([snapshot.parent, snapshot.tags, snapshot.tree], [snapshotId, ['t'], tree])
  await assertSound(repository)
  repository.index.withdrawPacks([...repository.index.packs()].map(({ packId }) => packId).slice(0, 1))
  assert.equal(await takeOver(request, context, signal), undefined)
  assert.equal((await repository.listSnapshots(signal)).length, 2)
})

test('readAttachment() says that a damaged one is damaged', async () => {
  await using folder = temporaryFolder('attach')
  sourceIn(folder)
  const repository = await freshRepository()
  const { tree } = await backUpRoot(repository, folder, attaching('m'))
  for await (const { objectName, size } of repository.storage.list('data/', signal)) {
    await repository.storage.put(objectName, Buffer.alloc(size), { whenPresent: 'replace' }, signal)
  }
  await assert.rejects(textOf(repository, tree), (error) => isFailure(error, 'repository_damaged'))
})

const [restic] = findRestics()
test('restic checks a snapshot with attachments, and restores them', {
  skip: restic === undefined ? 'no restic is on the PATH' : false,
}, async () => {
  await using folder = temporaryFolder('attach')
  sourceIn(folder)
  const place = folder.at('repository')
  await createLocalFolder(place, signal)
  const origin = { hostname: 'host', username: 'user', clock: systemClock, random: randomBytes, cost: cheapCost }
  const storage = localStorage(place)
  await using repository = await initRepository({ storage, version: 2, password: 'secret', ...origin }, signal)
  await backUpRoot(repository, folder, attaching('{"version":1}'))
  await backUpRoot(repository, folder, attaching('{"version":1}'))
  const environment = { ...process.env, RESTIC_PASSWORD: 'secret', RESTIC_REPOSITORY: place }
  for (const words of [
    ['check', '--read-data'],
    ['restore', 'latest', '--target', folder.at('back')],
  ]) {
    const { status, stderr } = spawnSync(restic!.path, ['--no-cache', ...words], { env: environment })
    assert.equal(status, 0, `${words.join(' ')}: ${stderr.toString()}`)
  }
  assert.equal(readFileSync(folder.at('back', '.zakops-backup', 'manifest.json'), 'utf8'), '{"version":1}')
  assert.equal(readFileSync(folder.at('back', 'root', 'a'), 'utf8'), 'content of a')
})
