import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { runWords } from '../testing/fake-world.ts'
import { runWell } from '../testing/run-program.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { projectFolder } from './source-files.ts'

const packaging = join(projectFolder, 'packaging')
const units = readdirSync(packaging).filter((name) => /\.(service|timer)$/.test(name))
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0

test('packaging/ has units that systemd takes', { skip: hasSystemd ? false : 'systemd is not installed' }, async () => {
  await using folder = temporaryFolder('units')
  for (const name of units) {
    cpSync(join(packaging, name), folder.at(name))
    const text = readFileSync(folder.at(name), 'utf8')
    // The program is not installed here.
    writeFileSync(folder.at(name), text.replace('/usr/bin/zakops-backup', '/bin/true'))
  }
  for (const name of units) {
    const { stdout, stderr } = await runWell('systemd-analyze', ['verify', folder.at(name)])
    assert.equal(stdout + stderr, '', name)
  }
})

test('the units of packaging/ call commands that there are', async () => {
  const called = units.flatMap((name) => {
    const match = /^ExecStart=\/usr\/bin\/zakops-backup (.+)$/m.exec(readFileSync(join(packaging, name), 'utf8'))
    return match === null ? [] : [match[1]!.split(' ')]
  })
  assert.equal(called.length, 2)
  for (const words of called) {
    const { code, stderr } = await runWords(words)
    assert.match(stderr, /policy_missing/, stderr)
    assert.equal(code, 2)
  }
})
