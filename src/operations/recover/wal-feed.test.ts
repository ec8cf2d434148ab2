import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import { runProgram } from '../../../testing/run-program.ts'
import { testArchive } from '../../../testing/recovery-bench.ts'
import { temporaryFolder, type TemporaryFolder } from '../../../testing/temporary-folder.ts'
import { sampleSegment, sampleSegmentBytes, sampleSystem } from '../../../testing/wal-segment.ts'
import { neverStopped } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { faultStorage, flipBit } from '../../storage/fault-storage.ts'
import { memoryStorage } from '../../storage/memory/memory-storage.ts'
import type { WalArchive } from '../wal/wal-archive.ts'
import { WalFeed } from './wal-feed.ts'

const signal = neverStopped()
const segments = Array.from({ length: 30 }, (_, n) => sampleSegment({ segment: n + 5, fill: n + 1 }))
const names = segments.map(({ name }) => name)

async function feedIn(folder: TemporaryFolder, archive: WalArchive): Promise<WalFeed> {
  mkdirSync(folder.at('data/pg_wal'), { recursive: true })
  const feed = new WalFeed(
    {
      archive,
      systemIdentifier: sampleSystem,
      segmentBytes: sampleSegmentBytes,
      names,
      parentFolder: folder.path,
      owner: undefined,
      dataFolder: folder.at('data'),
      processId: process.pid,
      durable: true,
    },
    systemClock,
    signal,
  )
  await feed.begin()
  return feed
}

/** As the server runs its restore_command. Answers what it ends with. */
async function ask(feed: WalFeed, folder: TemporaryFolder, name: string): Promise<number | undefined> {
  const command = feed.command.replace('%f', name).replace('%p', 'pg_wal/RECOVERYXLOG').replaceAll('%%', '%')
  return (await runProgram('/bin/sh', ['-c', command], { cwd: folder.at('data') })).exitCode
}

function lyingIn(folder: TemporaryFolder): string[] {
  const own = readdirSync(folder.path).find((name) => name.startsWith('zakops-wal-'))
  return readdirSync(folder.at(own!))
}

test('WalFeed hands over every segment in turn, has few wait, and tells what is not there', async () => {
  await using folder = temporaryFolder('feed')
  using archive = testArchive()
  for (const segment of segments) await archive.put(segment, signal)
  await using feed = await feedIn(folder, archive)
  assert.equal(await ask(feed, folder, '00000002.history'), 1)
  for (const { name, content } of segments) {
    assert.equal(await ask(feed, folder, name), 0, name)
    assert.ok(readFileSync(folder.at('data/pg_wal/RECOVERYXLOG')).equals(content), name)
    const lying = lyingIn(folder)
    const ahead = new Set(lying.map((file) => /^(?:have|fetched)-([0-9A-F]{24})/.exec(file)?.[1]))
    ahead.delete(undefined)
    assert.ok(ahead.size <= 8, lying.join())
    assert.ok(!lying.includes(`want-${name}`))
  }
  // A server that asks again gets it again: the first time it may have been stopped before it used it.
  assert.equal(await ask(feed, folder, names[3]!), 0)
  assert.ok(readFileSync(folder.at('data/pg_wal/RECOVERYXLOG')).equals(segments[3]!.content))
  assert.equal(await ask(feed, folder, sampleSegment({ segment: 900 }).name), 1)
  assert.equal(feed.failure, undefined)
})

test('WalFeed stops the recovery at a segment that is not whole, with the reason, and not before', async () => {
  await using folder = temporaryFolder('feed')
  const storage = memoryStorage()
  using archive = testArchive(storage)
  for (const segment of segments) await archive.put(segment, signal)
  const flipped = faultStorage(storage, {
    changeRead: flipBit(99_999, ({ objectName }) => objectName.includes(names[2]!)),
  })
  using damaged = archive.onStorages({ primary: flipped })
  await using feed = await feedIn(folder, damaged)
  const failure = (): string | undefined => feed.failure?.code
  assert.equal(await ask(feed, folder, names[0]!), 0)
  assert.equal(await ask(feed, folder, names[1]!), 0)
  assert.equal(failure(), undefined)
  assert.equal(await ask(feed, folder, names[2]!), 200)
  assert.equal(failure(), 'repository_damaged')
})

test('WalFeed that can not answer any more lets no server wait', async () => {
  await using folder = temporaryFolder('feed')
  using archive = testArchive()
  await using feed = await feedIn(folder, archive)
  const own = folder.at(readdirSync(folder.path).find((name) => name.startsWith('zakops-wal-'))!)
  const script = readFileSync(`${own}/fetch`, 'utf8')
  rmSync(own, { recursive: true })
  assert.ok((await ask(feed, folder, names[0]!)) !== 0)
  // A server that runs the script already waits in a folder that is there, for a process that lives.
  mkdirSync(own)
  const answer = await runProgram('/bin/sh', ['-c', script, 'fetch', names[0]!, 'to'], { cwd: folder.at('data') })
  assert.equal(answer.exitCode, 200)
})
