import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { seededRandom } from '../testing/seeded-random.ts'
import { interopTest } from './interop-test.ts'
import { environment, programPath, zakops } from './program.ts'

interopTest(
  'each opens with the password that the other added, and with the master key alone',
  async ({ folder, restic }) => {
    const repository = folder.at('repository')
    writeFileSync(folder.at('ours'), 'added by us')
    writeFileSync(folder.at('theirs'), 'added by restic')
    await zakops(['repo', 'init', '-r', repository])
    await zakops(['key', 'add', '-r', repository, '--new-password-file', folder.at('ours')])
    await restic(['-r', repository, 'key', 'add', '--new-password-file', folder.at('theirs')])
    await restic(['-r', repository, '-p', folder.at('ours'), 'cat', 'config'])
    await zakops(['snapshots', '-r', repository, '-p', folder.at('theirs')])
    const keys = JSON.parse((await zakops(['key', 'list', '-r', repository, '--json'])).stdout) as unknown[]
    assert.equal(keys.length, 3)

    const { stdout } = await restic(['-r', repository, 'cat', 'masterkey'])
    writeFileSync(folder.at('master-key'), stdout, { mode: 0o600 })
    await zakops(['snapshots', '-r', repository, '--master-key-file', folder.at('master-key')], {
      environment: { RESTIC_PASSWORD: '' },
    })
  },
)

interopTest('we respect the lock of a restic that is at work', async ({ folder, restic }) => {
  const repository = folder.at('repository')
  await restic(['-r', repository, 'init'])
  // A backup of its input holds a shared lock for as long as the input lasts.
  const words = ['-r', repository, 'backup', '--stdin', '--stdin-filename', 'input']
  const busy = spawn(restic.path, words, {
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const ended = new Promise((resolve) => busy.on('close', resolve))
  try {
    await waitForLock(repository)
    const refused = await zakops(['prune', '-r', repository], { exitCodes: [1] })
    assert.match(refused.stderr, /repository_locked/)
    assert.match(refused.stderr, new RegExp(`\\b${busy.pid}\\b`), 'the message names the process that holds the lock')
    await zakops(['snapshots', '-r', repository]) // Shared locks go together.
  } finally {
    busy.stdin.end('content')
    await ended
  }
  await zakops(['prune', '-r', repository])
})

interopTest(
  'restic respects our lock while we are at work, and removes it as stale after kill -9',
  async ({ folder, restic }) => {
    const [repository, source] = [folder.at('repository'), folder.at('source')]
    mkdirSync(source)
    writeFileSync(`${source}/file`, seededRandom('lock').bytes(4 * 1024 * 1024))
    await zakops(['repo', 'init', '-r', repository])
    const words = ['backup', '-r', repository, '--limit-upload', '1', source]
    const busy = spawn(programPath, words, { env: { ...process.env, ...environment }, stdio: 'ignore' })
    const ended = new Promise((resolve) => busy.on('close', resolve))
    await waitForLock(repository)
    const refused = await restic(['-r', repository, 'prune'], { exitCodes: [1, 11] })
    assert.match(refused.stderr, /already locked/)
    busy.kill('SIGKILL')
    await ended
    await restic(['-r', repository, 'unlock'])
    assert.deepEqual(readdirSync(join(repository, 'locks')), [])
    await restic(['-r', repository, 'prune'])
  },
)

/** Waits until somebody holds a lock; an Error where nobody takes one within 20 seconds. */
async function waitForLock(repository: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (readdirSync(join(repository, 'locks')).some((name) => /^[0-9a-f]{64}$/.test(name))) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('Nobody took a lock within 20 seconds')
}
