/**
 * Installs the PostgreSQL servers of the tests (`npm run test-servers`) into testing/postgresql-servers/node_modules:
 * apart from the program's packages, so that no user of the program downloads them. Where the platform has none, none
 * come, and the tests say what they skip. No install script of theirs runs: what it would do, links that an
 * archive of npm can not hold, is done here.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { projectFolder } from './source-files.ts'

const folder = join(projectFolder, 'testing/postgresql-servers')
const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
  cwd: folder,
  stdio: 'inherit',
})
if (status !== 0) process.exit(1) // npm has said why.

const modules = join(folder, 'node_modules')
const packages = existsSync(modules) ? readdirSync(modules).filter((name) => name.startsWith('postgresql-')) : []
for (const name of packages) makeLinks(join(modules, name))
console.log(packages.length === 0 ? 'no PostgreSQL servers for this platform' : `installed ${packages.join(', ')}`)

/** The links lie beside what they lead to. */
function makeLinks(packageFolder: string): void {
  const list = JSON.parse(readFileSync(join(packageFolder, 'native/pg-symlinks.json'), 'utf8')) as {
    source: string
    target: string
  }[]
  for (const { source, target } of list) {
    if (dirname(source) !== dirname(target) || target.split('/').includes('..')) {
      throw new Error(`a link of ${packageFolder} leads elsewhere: ${target} to ${source}`)
    }
    rmSync(join(packageFolder, target), { force: true })
    symlinkSync(basename(source), join(packageFolder, target))
  }
}
