import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync } from 'node:fs'
import { test } from 'node:test'
import { noOrdinaryUser } from '../../../testing/ordinary-user.ts'
import { temporaryFolder, type TemporaryFolder } from '../../../testing/temporary-folder.ts'

/** Some user who is not root. */
const ordinaryUser = 65534
const isRoot = process.geteuid!() === 0

const prelude = `
  import assert from 'node:assert/strict'
  import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs'
  const from = (path) => import(new URL(path, ${JSON.stringify(import.meta.url)}).href)
  const { freshRepository } = await from('../../../testing/fresh-repository.ts')
  const { problemLines, runRestore } = await from('../../../testing/run-restore.ts')
  const { SnapshotBuilder } = await from('../../../testing/snapshot-builder.ts')
  const repository = await freshRepository()
  const builder = new SnapshotBuilder(repository)
  const blobs = ['first ', 'second ', 'third'].map((text) => Buffer.from(text.repeat(1000)))
  const whole = Buffer.concat(blobs)
`

/** Runs a module's text as an ordinary user: as this one, or, where this is root, in a child that is not. */
function runAsOrdinaryUser(text: string): void {
  const user = isRoot ? { uid: ordinaryUser, gid: ordinaryUser } : {}
  execFileSync(process.execPath, ['-e', prelude + text], { ...user, cwd: '/', stdio: 'pipe' })
}

/** Whether an ordinary user can read this checkout at all. */
function canOrdinaryUserRun(): boolean {
  try {
    runAsOrdinaryUser('')
    return true
  } catch {
    return false
  }
}

const skip = canOrdinaryUserRun() ? false : 'no ordinary user can read this checkout'

function ownFolder(): TemporaryFolder {
  const folder = temporaryFolder('ordinary')
  if (isRoot) chownSync(folder.path, ordinaryUser, ordinaryUser)
  return folder
}

test('restore() of an ordinary user mends files that even their owner may not write', { skip }, async () => {
  await using folder = ownFolder()
  runAsOrdinaryUser(`
    const folder = ${JSON.stringify(folder.path)}
    const modes = { normal: 0o644, readable: 0o444, secret: 0o400, closed: 0o000, writable: 0o200 }
    const files = () => Object.entries(modes).map(([name, mode]) => builder.file(name, blobs, { mode }))
    const tree = builder.tree([
      builder.directory('closed', files(), { mode: 0x80000000 }),
      builder.directory('readable', files(), { mode: 0x80000000 + 0o555 }),
    ])
    await builder.end()
    const run = { repository, tree, target: folder, overwrite: 'always' }
    assert.deepEqual((await runRestore(run)).problems, [])
    for (const directory of ['closed', 'readable']) {
      const before = statSync(folder + '/' + directory).mode
      assert.equal(before & 0o777, directory === 'closed' ? 0 : 0o555)
      chmodSync(folder + '/' + directory, 0o700)
      for (const [name, mode] of Object.entries(modes)) {
        const path = folder + '/' + directory + '/' + name
        assert.equal(statSync(path).mode & 0o777, mode)
        chmodSync(path, 0o600)
        const bytes = readFileSync(path)
        bytes[7000] ^= 1
        writeFileSync(path, bytes)
        chmodSync(path, mode)
      }
      chmodSync(folder + '/' + directory, before & 0o777)
    }
    assert.deepEqual((await runRestore(run)).problems, [])
    for (const directory of ['closed', 'readable']) {
      chmodSync(folder + '/' + directory, 0o700)
      for (const [name, mode] of Object.entries(modes)) {
        const path = folder + '/' + directory + '/' + name
        assert.equal(statSync(path).mode & 0o777, mode, path)
        chmodSync(path, 0o600)
        assert.ok(readFileSync(path).equals(whole), path)
      }
    }`)
})

test('restore() of an ordinary user tells what it can not read back, and why', { skip }, async () => {
  await using folder = ownFolder()
  runAsOrdinaryUser(`
    const tree = builder.tree([builder.file('closed', blobs, { mode: 0 }), builder.file('open', blobs)])
    await builder.end()
    const run = { repository, tree, target: ${JSON.stringify(folder.path)}, verify: true }
    const report = await runRestore(run)
    assert.deepEqual(problemLines(report), ['/closed: not_proven'])
    assert.match(report.problems[0].detail, /EACCES/)
    assert.equal(report.filesVerified, 1)`)
})

test('restore() of an ordinary user needs no right to give files away, and says what it may not do', {
  skip,
}, async () => {
  await using folder = ownFolder()
  runAsOrdinaryUser(`
    const other = { uid: 0, gid: 0, mode: 0x00800000 + 0o755 }
    const tree = builder.tree([
      { ...builder.file('device', []), type: 'chardev', content: null, device: 259 },
      builder.directory('d', [builder.file('f', blobs, other)], { uid: 0, gid: 0 }),
      builder.file('f', blobs, other),
    ])
    await builder.end()
    const report = await runRestore({ repository, tree, target: ${JSON.stringify(folder.path)} })
    assert.deepEqual(problemLines(report), ['/device: target_failed'])
    assert.match(report.problems[0].detail, /EPERM/)
    assert.equal(report.others, 0)
    assert.equal(statSync(${JSON.stringify(folder.at('f'))}).mode & 0o7777, 0o755, 'no set-id bit for the wrong user')`)
})

test('restore() of an ordinary user over what belongs to others tells what it may not touch', {
  skip: noOrdinaryUser,
}, async () => {
  await using folder = ownFolder()
  // Of root: a directory that the user can not write in, and a file in a directory that is the user's own.
  mkdirSync(folder.at('theirs'))
  chmodSync(folder.at('theirs'), 0o755)
  execFileSync('sh', ['-c', `printf 'x%.0s' $(seq 6000) > own; chmod 644 own; touch theirs/f; chmod 644 theirs/f`], {
    cwd: folder.path,
  })
  runAsOrdinaryUser(`
    const folder = ${JSON.stringify(folder.path)}
    const tree = builder.tree([
      builder.file('own', blobs),
      builder.directory('theirs', [builder.file('f', blobs), builder.directory('sub', [builder.file('deep', blobs)])]),
      builder.file('z', blobs),
    ])
    await builder.end()
    const report = await runRestore({ repository, tree, target: folder })
    const paths = [...new Set(report.problems.map(({ path }) => path))].toSorted()
    assert.deepEqual(paths, ['/theirs', '/theirs/f', '/theirs/sub'])
    assert.ok(report.problems.every(({ code, detail }) => code === 'target_failed' && /EACCES|EPERM/.test(detail)))
    assert.ok(readFileSync(folder + '/own').equals(whole), 'made anew in its own directory')
    assert.ok(readFileSync(folder + '/z').equals(whole))
    assert.deepEqual(readFileSync(folder + '/theirs/f').length, 0)
    assert.equal(report.files, 2)`)
})

test('restore() of an ordinary user fails clearly where the target can not be made', {
  skip: noOrdinaryUser,
}, async () => {
  await using folder = temporaryFolder('ordinary')
  chmodSync(folder.path, 0o755)
  runAsOrdinaryUser(`
    const tree = builder.tree([builder.file('f', blobs)])
    await builder.end()
    await assert.rejects(runRestore({ repository, tree, target: ${JSON.stringify(folder.at('new'))} }), (error) =>
      error.code === 'target_failed' && error.message.includes(${JSON.stringify(folder.at('new'))}) &&
      error.facts.code === 'EACCES')`)
})
