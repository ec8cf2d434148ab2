import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { findRestics } from '../testing/restic.ts'
import { runWell } from '../testing/run-program.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'

const projectFolder = join(import.meta.dirname, '..')

for (const heading of ['Five minutes', "On one repository, in restic's words"]) {
  test(`the tour "${heading}" of README.md runs as it stands there`, async (context) => {
    await using folder = temporaryFolder('readme')
    const readme = readFileSync(join(projectFolder, 'README.md'), 'utf8')
    const begin = readme.indexOf(`## ${heading}\n`)
    const tour = begin < 0 ? undefined : /```sh\n([\s\S]*?)\n```/.exec(readme.slice(begin))?.[1]
    assert.ok(tour !== undefined, `README.md has a block below "## ${heading}"`)
    const restic = findRestics()[0]
    if (restic === undefined) context.diagnostic('left out: the line that runs restic, which is not on the PATH')
    const script = tour
      .replaceAll(/\/tmp\/(tour|plumbing)/g, folder.path)
      .replace(/^restic .*$/gm, (line) => (restic === undefined ? '' : line.replace('restic', restic.path)))
    const alias = `alias zakops-backup="$PWD/bin/zakops-backup"`
    const { stdout } = await runWell('bash', ['-c', `set -eu; shopt -s expand_aliases\n${alias}\n${script}`], {
      cwd: projectFolder,
      environment: { RESTIC_CACHE_DIR: folder.at('cache') },
    })
    assert.match(stdout, heading === 'Five minutes' ? /^equal$/m : /snapshot [0-9a-f]{8} saved/)
  })
}
