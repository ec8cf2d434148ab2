import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { test } from 'node:test'
import { assertSound } from '../../../testing/back-up-folder.ts'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import { runRestore } from '../../../testing/run-restore.ts'
import { makeSampleTree } from '../../../testing/sample-tree.ts'
import { seededRandom } from '../../../testing/seeded-random.ts'
import { temporaryFolder, type TemporaryFolder } from '../../../testing/temporary-folder.ts'
import { neverStopped } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { decodeManifest } from '../../model/manifest-json.ts'
import type { Repository } from '../../repository/repository.ts'
import { excludeNothing } from '../../sources/files/exclude-rules.ts'
import { readAttachment, withoutAttachments } from '../attachments.ts'
import { backUpFiles, type FilesBackupReport, type FilesBackupRequest } from './back-up-files.ts'
import { filesManifestOfFolder, type FolderProof } from './manifest-of-folder.ts'

const signal = neverStopped()
const random = seededRandom('files manifest')

async function back(
  repository: Repository,
  folder: TemporaryFolder,
  changes: Partial<FilesBackupRequest> = {},
): Promise<FilesBackupReport> {
  const request = {
    repository,
    paths: ['root'],
    workingDirectory: folder.path,
    hostname: 'host',
    excludes: excludeNothing,
    parent: 'latest',
    kind: 'incremental',
    workers: 1,
    ...changes,
  } as const
  return await backUpFiles(request, { clock: systemClock, progress: () => {}, programVersion: 'test' }, signal)
}

async function prove(repository: Repository, tree: string, folder: string): Promise<FolderProof> {
  const { nodes } = withoutAttachments(tree, await repository.loadTree(tree, signal)).tree
  return await filesManifestOfFolder(
    { folder, nodes, trees: repository, index: repository.index, surplus: 'told' },
    signal,
  )
}

function smallTree(folder: TemporaryFolder): void {
  mkdirSync(folder.at('root', 'd', 'e'), { recursive: true })
  writeFileSync(folder.at('root', 'a'), random.bytes(3_000_000))
  writeFileSync(folder.at('root', 'd', 'b'), 'text')
  writeFileSync(folder.at('root', 'd', 'empty'), '')
  symlinkSync('b', folder.at('root', 'd', 'link'))
}

test('filesManifestOfFolder() of a restore of every kind of file is the manifest of its backup', async () => {
  await using folder = temporaryFolder('files-manifest')
  makeSampleTree(folder.at('root'), random)
  const repository = await freshRepository()
  const { tree, manifest, summary } = await back(repository, folder)
  assert.equal(manifest.files, summary.total_files_processed)
  assert.equal(manifest.bytes, summary.total_bytes_processed)
  assert.equal(manifest.directories, summary.dirs_new)
  assert.deepEqual(decodeManifest((await readAttachment(repository, { tree }, 'manifest.json', signal))!), manifest)
  const { problems } = await runRestore({ repository, tree, target: folder.at('back') })
  assert.deepEqual(problems, [])
  const proof = await prove(repository, tree, folder.at('back'))
  assert.deepEqual(proof, { manifest, differences: [], differencesOmitted: 0 })
  await assertSound(repository)
})

test('backUpFiles() makes the same manifest of the same entries, whoever owns them and whenever they were written', async () => {
  await using folder = temporaryFolder('files-manifest')
  smallTree(folder)
  const repository = await freshRepository()
  const first = await back(repository, folder)
  const second = await back(repository, folder)
  assert.deepEqual([first.isUnchanged, second.isUnchanged], [false, true])
  assert.equal(second.tree, first.tree)
  execFileSync('cp', ['-r', folder.at('root'), folder.at('copy')])
  execFileSync('rm', ['-r', folder.at('root')])
  execFileSync('mv', [folder.at('copy'), folder.at('root')])
  const third = await back(repository, folder)
  assert.equal(third.isUnchanged, false)
  assert.deepEqual(third.manifest, first.manifest)
  const full = await back(repository, folder, { kind: 'full' })
  assert.deepEqual(full.manifest, first.manifest)
  assert.ok(full.packsRehashed.packs > 0)
})

const changes: Record<string, { change: (root: string) => void; says: string }> = {
  'a byte of a file': {
    change: (root) => {
      const content = readFileSync(`${root}/a`)
      content[2_999_999] = content[2_999_999]! ^ 1
      writeFileSync(`${root}/a`, content)
    },
    says: '/root/a: its content is another',
  },
  'a file that is longer': {
    change: (root) => writeFileSync(`${root}/d/b`, 'text!'),
    says: '/root/d/b: its size is 5, expected 4',
  },
  'a file that is shorter': { change: (root) => truncateSync(`${root}/a`, 1000), says: '/root/a: its size is 1000' },
  'a file that is missing': { change: (root) => unlinkSync(`${root}/d/empty`), says: '/root/d/empty: it is missing' },
  'a file too many': {
    change: (root) => writeFileSync(`${root}/d/more`, ''),
    says: '/root/d/more: it is not in the snapshot',
  },
  'a mode': { change: (root) => chmodSync(`${root}/d/b`, 0o4711), says: '/root/d/b: its mode is 4711, expected 644' },
  'the mode of a folder': { change: (root) => chmodSync(`${root}/d/e`, 0o700), says: '/root/d/e: its mode is 700' },
  'where a link leads': {
    change: (root) => {
      unlinkSync(`${root}/d/link`)
      symlinkSync('c', `${root}/d/link`)
    },
    says: '/root/d/link: its target is "c", expected "b"',
  },
  'a folder for a file': {
    change: (root) => {
      unlinkSync(`${root}/d/b`)
      mkdirSync(`${root}/d/b`)
    },
    says: '/root/d/b: it is a dir, expected a file',
  },
}

test('filesManifestOfFolder() finds whatever is another than in the snapshot, and names it', async () => {
  await using folder = temporaryFolder('files-manifest')
  smallTree(folder)
  const repository = await freshRepository()
  const { tree, manifest } = await back(repository, folder)
  for (const [name, { change, says }] of Object.entries(changes)) {
    await runRestore({ repository, tree, target: folder.at('back') })
    change(folder.at('back', 'root'))
    const proof = await prove(repository, tree, folder.at('back'))
    assert.notEqual(proof.manifest.digest, manifest.digest, name)
    const [difference] = proof.differences
    assert.equal(proof.differences.length, 1, name)
    assert.ok(
      `${difference!.path}: ${difference!.detail}`.startsWith(says),
      `${difference!.path}: ${difference!.detail}`,
    )
    rmSync(folder.at('back'), { recursive: true })
  }
})

test('filesManifestOfFolder() lists a hundred differences, and counts the others', async () => {
  await using folder = temporaryFolder('files-manifest')
  smallTree(folder)
  const repository = await freshRepository()
  const { tree } = await back(repository, folder)
  await runRestore({ repository, tree, target: folder.at('back') })
  for (let at = 0; at < 130; at++) writeFileSync(folder.at('back', `more ${at}`), '')
  const { differences, differencesOmitted } = await prove(repository, tree, folder.at('back'))
  assert.deepEqual([differences.length, differencesOmitted], [100, 30])
})
