/** What archive_command and restore_command end with: PostgreSQL goes by nothing else. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type CommandRun, runWords } from '../../../../testing/fake-world.ts'
import { temporaryFolder, type TemporaryFolder } from '../../../../testing/temporary-folder.ts'
import { sampleControlFile, sampleSegment } from '../../../../testing/wal-segment.ts'
import { walFetchExitCodes } from '../../../operations/wal/wal-fetch.ts'

const { absent, failed, fetched } = walFetchExitCodes

/** A policy with one source, whose server is never spoken to, and a data folder of its. */
class Site {
  readonly folder: TemporaryFolder = temporaryFolder('wal')
  readonly data = this.folder.at('data')

  run(...words: string[]): Promise<CommandRun> {
    return runWords(words, {
      workingDirectory: this.data,
      environment: { PATH: process.env['PATH'] },
      userId: process.getuid!(),
      groupId: process.getgid!(),
    })
  }

  async ok(...words: string[]): Promise<void> {
    const { code, stdout, stderr } = await this.run(...words, '--policy', '../zakops-backup.yaml')
    assert.equal(code, 0, `${words.join(' ')}\n${stdout}${stderr}`)
  }

  async begin(): Promise<void> {
    for (const name of ['data/global', 'data/pg_wal', 'primary', 'secondary'])
      mkdirSync(this.folder.at(name), { recursive: true })
    writeFileSync(join(this.data, 'global/pg_control'), sampleControlFile())
    const words = ['init', '--yes', '--source', 'postgresql:orders=postgresql://nobody@127.0.0.1:1/postgres']
    for (const location of ['primary', 'secondary']) words.push(`--${location}`, this.folder.at(location))
    await this.ok(...words)
  }

  /** Answers exit code and what was told of it. */
  async push(segment: number, fill = 1): Promise<CommandRun> {
    const { name, content } = sampleSegment({ segment, fill })
    writeFileSync(join(this.data, 'pg_wal', name), content)
    const run = await this.run('wal', 'push', `pg_wal/${name}`, '--policy', '../zakops-backup.yaml')
    rmSync(join(this.data, 'pg_wal', name))
    return run
  }

  async fetch(file: number | string, ...options: string[]): Promise<CommandRun> {
    const name = typeof file === 'number' ? sampleSegment({ segment: file }).name : file
    rmSync(join(this.data, 'pg_wal/RECOVERYXLOG'), { force: true })
    // What earlier calls fetched ahead is another matter.
    rmSync(this.folder.at('state/work'), { recursive: true, force: true })
    const words = ['wal', 'fetch', name, 'pg_wal/RECOVERYXLOG', '--policy', '../zakops-backup.yaml', ...options]
    return await this.run(...words)
  }

  async fetchEnds(code: number, file: number | string, told?: RegExp, ...options: string[]): Promise<void> {
    const run = await this.fetch(file, ...options)
    assert.equal(run.code, code, `${file} ${options.join(' ')}: ${run.stderr}`)
    if (told !== undefined) assert.match(run.stderr, told)
  }

  /** Where an object of a segment lies. */
  object(segment: number, location = 'primary'): string {
    const { name } = sampleSegment({ segment })
    const found = readdirSync(this.folder.at(location), { recursive: true }).find((path) => String(path).endsWith(name))
    return this.folder.at(location, String(found))
  }
}

test('wal fetch says that a file is absent only where it is truly not stored, and fails for everything else', async () => {
  const site = new Site()
  await using folder = site.folder
  await site.begin()
  for (const segment of [5, 6, 8]) assert.equal((await site.push(segment)).code, 0)
  await site.ok('replicate')
  await site.fetchEnds(fetched, 5)
  assert.deepEqual(readFileSync(join(site.data, 'pg_wal/RECOVERYXLOG')), sampleSegment({ segment: 5, fill: 1 }).content)
  await site.fetchEnds(absent, 9)
  await site.fetchEnds(absent, '00000002.history')
  await site.fetchEnds(failed, 7, /wal_gap|not stored, though/)
  await site.fetchEnds(failed, 'nonsense')
  await site.fetchEnds(failed, 9, /orderz/, '--source', 'orderz')

  // Damaged in both places; where one is whole, it is handed out.
  const whole = readFileSync(site.object(6))
  const bytes = withOneBitChanged(whole)
  replace(site.object(6), bytes)
  await site.fetchEnds(fetched, 6)
  replace(site.object(6, 'secondary'), bytes)
  await site.fetchEnds(failed, 6)
  replace(site.object(6), whole)

  // The last one is lost: it is on record that it was there.
  const [last, copy] = [site.object(8), site.object(8, 'secondary')]
  for (const path of [last, copy]) renameSync(path, folder.at(`lost-${path === last ? 1 : 2}`))
  await site.fetchEnds(failed, 8, /primary location had it/)
  renameSync(folder.at('lost-1'), last)
  renameSync(folder.at('lost-2'), copy)

  // A location that is away, or is an empty folder that nothing is mounted on, proves nothing.
  renameSync(folder.at('primary'), folder.at('away'))
  await site.fetchEnds(fetched, 5)
  await site.fetchEnds(failed, 9, /Cannot tell whether/)
  await site.fetchEnds(failed, '00000002.history', /Cannot tell whether/)
  await site.fetchEnds(absent, 9, undefined, '--location', 'secondary')
  mkdirSync(folder.at('primary'))
  await site.fetchEnds(failed, 9, /Cannot tell whether/)
  rmSync(folder.at('primary'), { recursive: true })
  renameSync(folder.at('away'), folder.at('primary'))
  renameSync(folder.at('secondary'), folder.at('away'))
  await site.fetchEnds(absent, 9)
  renameSync(folder.at('away'), folder.at('secondary'))

  // Nor does a keyring from before the last rotation.
  const keyring = readdirSync(folder.path, { recursive: true }).find((path) => String(path).endsWith('keyring.json'))!
  copyFileSync(folder.at(String(keyring)), folder.at('older'))
  await site.ok('keys', 'rotate')
  assert.equal((await site.push(9)).code, 0)
  await site.fetchEnds(fetched, 9)
  copyFileSync(folder.at(String(keyring)), folder.at('newer'))
  copyFileSync(folder.at('older'), folder.at(String(keyring)))
  await site.fetchEnds(failed, 9)
  copyFileSync(folder.at('newer'), folder.at(String(keyring)))

  rmSync(join(site.data, 'pg_wal'), { recursive: true })
  await site.fetchEnds(failed, 5)
  rmSync(join(site.data, 'global'), { recursive: true })
  await site.fetchEnds(failed, 9, /pg_control[^]*go there first/)
})

test('wal push ends with 0 only where the file is stored, so that a server keeps what is not', async () => {
  const site = new Site()
  await using folder = site.folder
  await site.begin()
  assert.equal((await site.push(5)).code, 0)
  assert.equal((await site.push(5)).code, 0)
  const other = await site.push(5, 2)
  assert.deepEqual([other.code, /other content/.test(other.stderr)], [4, true])
  const policy = ['--policy', '../zakops-backup.yaml']
  assert.notEqual((await site.run('wal', 'push', 'pg_wal/000000010000000000000009', ...policy)).code, 0)
  assert.notEqual((await site.run('wal', 'push', ...policy)).code, 0)
  renameSync(folder.at('primary'), folder.at('away'))
  const away = await site.push(6)
  assert.deepEqual([away.code, /Cannot reach the primary location/.test(away.stderr)], [1, true])
  renameSync(folder.at('away'), folder.at('primary'))
  assert.equal((await site.push(6)).code, 0)
})

test('verify names damaged WAL at either location, and heal mends it from the other one', async () => {
  const site = new Site()
  await using folder = site.folder
  await site.begin()
  for (const segment of [5, 6, 7]) assert.equal((await site.push(segment)).code, 0)
  await site.ok('replicate')
  const policy = ['--policy', '../zakops-backup.yaml']
  const whole = [site.object(5), site.object(6, 'secondary'), site.object(7)].map(
    (path) => [path, readFileSync(path)] as const,
  )
  for (const [path, bytes] of whole.slice(0, 2)) {
    replace(path, withOneBitChanged(bytes))
  }
  rmSync(whole[2]![0])
  const verified = await site.run('verify', '--read-data', ...policy)
  assert.equal(verified.code, 5, verified.stdout + verified.stderr)
  for (const segment of [5, 6])
    assert.match(verified.stdout + verified.stderr, new RegExp(sampleSegment({ segment }).name))
  const dry = await site.run('heal', '--dry-run', ...policy)
  assert.deepEqual([dry.code, dry.stdout.match(/would mend wal\/orders/g)?.length], [5, 3])
  const healed = await site.run('heal', ...policy)
  assert.equal(healed.code, 0, healed.stderr)
  for (const [path, bytes] of whole) assert.deepEqual(readFileSync(path), bytes)
  assert.equal((await site.run('verify', '--read-data', ...policy)).code, 0)

  rmSync(folder.at('primary'), { recursive: true })
  mkdirSync(folder.at('primary'))
  await site.ok('heal')
  for (const [path, bytes] of [whole[0]!, whole[2]!]) assert.deepEqual(readFileSync(path), bytes)
})

function replace(path: string, bytes: Uint8Array): void {
  rmSync(path)
  writeFileSync(path, bytes)
}

function withOneBitChanged(bytes: Uint8Array): Buffer {
  const changed = Buffer.from(bytes)
  changed[changed.length >> 1]! ^= 1
  return changed
}
