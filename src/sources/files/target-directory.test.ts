import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

/** Some user who is not root. */
const ordinaryUser = 65534

/** Runs a module's text as an ordinary user: as this one, or, where this is root, in a child that is not. */
function runAsOrdinaryUser(text: string): void {
  const user = process.geteuid!() === 0 ? { uid: ordinaryUser, gid: ordinaryUser } : {}
  execFileSync(process.execPath, ['--input-type=module', '-e', text], { ...user, cwd: '/', stdio: 'pipe' })
}

/** Whether an ordinary user can read this checkout at all. */
function canOrdinaryUserRun(): boolean {
  try {
    runAsOrdinaryUser(`await import(${JSON.stringify(new URL('./target-folder.ts', import.meta.url).href)})`)
    return true
  } catch {
    return false
  }
}

function folderOfOrdinaryUser(context: TestContext): string {
  const folder = mkdtempSync('/tmp/target-directory-')
  context.after(() => {
    for (const path of ['closed', 'writeless']) chmodSync(join(folder, path), 0o700)
    rmSync(folder, { recursive: true, force: true })
  })
  for (const path of ['', 'closed', 'closed/inside', 'writeless', 'writeless/inside'])
    mkdirSync(join(folder, path), { recursive: true })
  writeFileSync(join(folder, 'writeless/file'), 'old')
  chmodSync(join(folder, 'writeless/file'), 0)
  chmodSync(join(folder, 'writeless'), 0o500)
  chmodSync(join(folder, 'closed'), 0)
  if (process.geteuid!() === 0) {
    for (const path of ['', 'closed', 'closed/inside', 'writeless', 'writeless/inside', 'writeless/file']) {
      chownSync(join(folder, path), ordinaryUser, ordinaryUser)
    }
  }
  return folder
}

test('TargetDirectory lets an ordinary user restore again over directories and files that keep even their owner out', (context) => {
  if (!canOrdinaryUserRun()) return context.skip('no ordinary user can read this checkout')
  const folder = folderOfOrdinaryUser(context)
  runAsOrdinaryUser(`
    import { closeSync, writeSync } from 'node:fs'
    import { TargetFolder } from ${JSON.stringify(new URL('./target-folder.ts', import.meta.url).href)}
    const target = TargetFolder.open(${JSON.stringify(folder)}, { create: false })
    for (const name of ['closed', 'writeless']) {
      using directory = target.root.directory(name)
      const fd = name === 'closed' ? directory.newFile('file') : directory.presentFile('file')
      writeSync(fd, 'new')
      closeSync(fd)
    }`)
  for (const name of ['closed', 'writeless']) {
    assert.equal(statSync(join(folder, name)).mode & 0o700, 0o700)
    assert.ok(existsSync(join(folder, name, 'inside')))
  }
  if (process.geteuid!() === 0) assert.equal(readFileSync(join(folder, 'writeless/file'), 'utf8'), 'new')
})

test('applyMetadata() of an ordinary user leaves out the owner, and the set-id bits with it, without a problem', (context) => {
  if (!canOrdinaryUserRun()) return context.skip('no ordinary user can read this checkout')
  const folder = folderOfOrdinaryUser(context)
  runAsOrdinaryUser(`
    import assert from 'node:assert/strict'
    import { closeSync } from 'node:fs'
    import { TargetFolder } from ${JSON.stringify(new URL('./target-folder.ts', import.meta.url).href)}
    import { applyMetadata } from ${JSON.stringify(new URL('./apply-metadata.ts', import.meta.url).href)}
    const target = TargetFolder.open(${JSON.stringify(folder)}, { create: false })
    const fd = target.root.newFile('file')
    const mode = 0x00c00000 + 0o755
    const node = { name: 'file', type: 'file', mode, mtime: '2020-01-01T00:00:00Z', uid: 0, gid: 0, content: [] }
    assert.deepEqual(applyMetadata({ fd }, node), [])
    closeSync(fd)`)
  const stat = statSync(join(folder, 'file'))
  assert.equal(stat.mode & 0o7777, 0o755)
  assert.equal(stat.mtimeMs, Date.parse('2020-01-01T00:00:00Z'))
})
