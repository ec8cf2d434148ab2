import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { findRestics } from '../testing/restic.ts'
import { runWell } from '../testing/run-program.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'

const projectFolder = join(import.meta.dirname, '..')

test('the five-minute tour of README.md runs as it stands there', async (context) => {
  await using folder = temporaryFolder('readme')
  const readme = readFileSync(join(projectFolder, 'README.md'), 'utf8')
  const tour = /## Five minutes\n+```sh\n([\s\S]*?)\n```/.exec(readme)?.[1]
  assert.ok(tour !== undefined, 'README.md has a block below "## Five minutes"')
  const restic = findRestics()[0]
  if (restic === undefined) context.diagnostic('left out: the line that runs restic, which is not on the PATH')
  const script = tour
    .replaceAll('/tmp/tour', folder.path)
    .replace(/^restic .*$/gm, (line) => (restic === undefined ? '' : line.replace('restic', restic.path)))
  const { stdout } = await runWell('bash', ['-c', `set -eu; shopt -s expand_aliases\n${script}`], {
    cwd: projectFolder,
    environment: { RESTIC_CACHE_DIR: folder.at('cache') },
  })
  assert.match(stdout, /^equal$/m)
})
