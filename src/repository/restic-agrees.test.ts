import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { hash, randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { test } from 'node:test'
import { cheapCost, storePack } from '../../testing/fresh-repository.ts'
import { findRestics, type Restic } from '../../testing/restic.ts'
import { temporaryFolder } from '../../testing/temporary-folder.ts'
import { neverStopped } from '../base/abort.ts'
import { systemClock } from '../base/clock.ts'
import { isFailure } from '../base/failure.ts'
import { isProcessAlive } from '../base/process-alive.ts'
import { createLocalFolder } from '../storage/local/local-folder.ts'
import { localStorage } from '../storage/local/local-storage.ts'
import { initRepository } from './init-repository.ts'
import { addKey, listKeys, removeKey, resolveKeyId } from './keys.ts'
import { lockRepository } from './lock-repository.ts'
import type { LockOwner } from './locks.ts'
import { openRepository } from './open-repository.ts'
import type { Repository } from './repository.ts'
import { encodeTree } from './tree-json.ts'

const signal = neverStopped()
const random = (count: number): Uint8Array => randomBytes(count)
const origin = { hostname: 'host', username: 'user', clock: systemClock, random, cost: cheapCost }
const owner: LockOwner = {
  hostname: hostname(),
  username: 'user',
  processId: process.pid,
  userId: 0,
  groupId: 0,
  isProcessAlive,
}

// restic asks whether the holder of a lock runs by sending it SIGHUP, which would end this process.
process.on('SIGHUP', () => {})

const restics = findRestics()
const skip = restics.length === 0 ? 'no restic is on the PATH' : false
const pairs = (restics.length === 0 ? [undefined] : restics).flatMap((restic) =>
  ([1, 2] as const).map((version) => ({ restic, version, title: `${restic?.version ?? 'restic'}, format ${version}` })),
)

/** restic's own init and backup spend a second on its key each: the newest restic in both formats must do. */
const newest = pairs.filter(({ restic }) => restic === restics[0])

function runner(restic: Restic, place: string) {
  return (words: readonly string[], password = 'secret'): { status: number | null; output: string; errors: string } => {
    const environment = { ...process.env, RESTIC_PASSWORD: password, RESTIC_REPOSITORY: place }
    const { status, stdout, stderr } = spawnSync(restic.path, ['--no-cache', ...words], {
      env: environment,
      encoding: 'utf8',
    })
    return { status, output: stdout, errors: stderr }
  }
}

/** A snapshot of one file, "hello", stored by hand. */
async function storeSnapshot(repository: Repository, content: Uint8Array): Promise<string> {
  const data = await storePack(repository, [content])
  const tree = encodeTree([
    {
      name: 'hello',
      type: 'file',
      mode: 0o644,
      mtime: '2026-01-02T03:04:05.5Z',
      uid: 0,
      gid: 0,
      size: content.length,
      links: 1,
      content: [hash('sha256', content)],
    },
  ])
  const trees = await storePack(repository, [tree], 'tree')
  await repository.saveIndex([data, trees], signal)
  const snapshot = { time: '2026-01-02T03:04:06Z', tree: hash('sha256', tree), paths: ['/hello'], hostname: 'host' }
  return await repository.saveSnapshot(snapshot, signal)
}

for (const { restic, version, title } of pairs) {
  test(`restic opens, checks, reads and unlocks what the repository core wrote (${title})`, { skip }, async () => {
    await using folder = temporaryFolder('core')
    const place = folder.at('repository')
    await createLocalFolder(place, signal)
    const run = runner(restic!, place)
    const repository = await initRepository(
      { storage: localStorage(place), version, password: 'secret', ...origin },
      signal,
    )

    const config: unknown = JSON.parse(run(['cat', 'config']).output)
    const chunkerPolynomial = repository.config.chunkerPolynomial.toString(16)
    assert.deepEqual(config, { version, id: repository.config.id, chunker_polynomial: chunkerPolynomial })
    await addKey(repository, { ...origin, password: 'second' }, signal)
    assert.equal(run(['key', 'list'], 'second').status, 0)

    const content = randomBytes(10_000)
    const id = await storeSnapshot(repository, content)
    const checked = run(['check', '--read-data'])
    assert.equal(checked.status, 0, checked.errors)
    const dumped = spawnSync(restic!.path, ['--no-cache', '-r', place, 'dump', id, 'hello'], {
      env: { ...process.env, RESTIC_PASSWORD: 'secret' },
    })
    assert.equal(Buffer.compare(dumped.stdout, content), 0)

    await using lock = await lockRepository(repository, { kind: 'exclusive', owner, clock: systemClock }, signal)
    const refused = run(['backup', '/etc/hostname'])
    assert.notEqual(refused.status, 0)
    assert.match(refused.errors, new RegExp(`locked exclusively by PID ${process.pid} on`))
    assert.equal((JSON.parse(run(['--no-lock', 'cat', 'lock', lock.id]).output) as { pid: number }).pid, process.pid)
    assert.equal(run(['unlock']).status, 0)
    assert.notEqual(await repository.storage.size(`locks/${lock.id}`, signal), undefined, 'it is not stale to restic')
  })

  test(`lockRepository() respects a lock of restic (${title})`, { skip }, async () => {
    await using folder = temporaryFolder('core')
    const place = folder.at('repository')
    await createLocalFolder(place, signal)
    const repository = await initRepository(
      { storage: localStorage(place), version, password: 'secret', ...origin },
      signal,
    )
    // restic holds its shared lock while it reads a standard input that we keep open.
    const child = spawn(restic!.path, ['--no-cache', '-r', place, 'backup', '--stdin'], {
      env: { ...process.env, RESTIC_PASSWORD: 'secret' },
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    try {
      while ((await Array.fromAsync(repository.list('locks', signal))).length === 0) {
        await systemClock.sleep(20, signal)
      }
      const options = { owner, clock: systemClock }
      await (await lockRepository(repository, { ...options, kind: 'shared' }, signal)).release()
      await assert.rejects(
        lockRepository(repository, { ...options, kind: 'exclusive' }, signal),
        (error) => isFailure(error, 'repository_locked') && error.facts.pid === child.pid,
      )
    } finally {
      child.kill('SIGKILL')
      await ended
    }
    await using lock = await lockRepository(repository, { owner, clock: systemClock, kind: 'exclusive' }, signal)
    assert.equal(lock.signal.aborted, false, 'the lock of a killed restic is stale')
  })
}

for (const { restic, version, title } of newest) {
  test(`Repository opens and reads what restic wrote (${title})`, { skip }, async () => {
    await using folder = temporaryFolder('core')
    const place = folder.at('repository')
    const run = runner(restic!, place)
    mkdirSync(folder.at('source'))
    const content = Buffer.from('seen by both '.repeat(1000))
    writeFileSync(folder.at('source', 'hello'), content)
    assert.equal(run(['init', '--repository-version', String(version)]).status, 0)
    assert.equal(run(['backup', folder.at('source')]).status, 0)

    const storage = localStorage(place)
    const repository = await openRepository({ storage, random, password: 'secret' }, signal)
    const [snapshot] = await repository.listSnapshots(signal)
    await repository.loadIndex(signal)
    let tree = await repository.loadTree(snapshot!.tree, signal)
    while (tree.nodes[0]!.subtree !== undefined) tree = await repository.loadTree(tree.nodes[0]!.subtree, signal)
    const loaded = await repository.loadBlob(tree.nodes[0]!.content![0]!, 'data', signal)
    assert.equal(Buffer.compare(loaded, content), 0)
    for (const { packId, blobs } of repository.index.packs()) {
      const size = await storage.size(`data/${packId.slice(0, 2)}/${packId}`, signal)
      const listed = blobs.map(({ id, type, offset, length, uncompressedLength }) => ({
        id,
        type,
        offset,
        length,
        uncompressedLength,
      }))
      assert.deepEqual(await repository.loadPackHeader(packId, size!, signal), listed)
    }

    const [key] = await listKeys(repository, signal)
    assert.deepEqual({ id: key!.id, isCurrent: true }, { id: repository.keyId, isCurrent: key!.isCurrent })
    await addKey(repository, { ...origin, password: 'second' }, signal)
    const second = await openRepository({ storage, random, password: 'second' }, signal)
    await removeKey(second, await resolveKeyId(storage, repository.keyId!, signal), signal)
    assert.equal(run(['snapshots'], 'second').status, 0)
  })
}
