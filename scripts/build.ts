/**
 * Makes dist/, which the published package runs: Node strips no types below node_modules. The program is one file, and
 * so is each worker (decision 0008): a thread that starts reads one file instead of sixty. koffi stays a
 * package beside them, since it is a native library.
 *
 *   node scripts/build.ts [FOLDER]   makes it there, for the tests
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { build, type Metafile } from 'esbuild'
import { projectFolder } from './source-files.ts'

const source = join(projectFolder, 'src')
const dist = process.argv[2] ?? join(projectFolder, 'dist')
const kernels = join(source, 'kernels/wasm')
if (!existsSync(join(kernels, 'kernels.wasm'))) {
  console.error(
    `Cannot build dist: "${kernels}" is empty, expected kernels.wasm from npm ci (npm run prepare makes it)`,
  )
  process.exit(1)
}
const entries = ['main.ts', 'library.ts', ...workers()]
rmSync(dist, { recursive: true, force: true })
const { metafile } = await build({
  // All in one folder: what a module looks for beside itself (workerUrl(), the kernels) lies beside the bundle.
  entryPoints: entries.map((path) => ({ in: join(source, path), out: basename(path, '.ts') })),
  outdir: dist,
  absWorkingDir: projectFolder,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node24.12',
  external: ['koffi'],
  minifySyntax: true, // Names and lines stay: stack traces are to be read.
  logLevel: 'warning',
  metafile: true,
  banner: {
    // CommonJS packages in the bundle ask for Node's own modules by it.
    js: "import { createRequire as requireOfBundle } from 'node:module'\nconst require = requireOfBundle(import.meta.url)",
  },
}).catch(() => process.exit(1)) // esbuild has said why.
declareLibrary()
cpSync(kernels, join(dist, 'wasm'), { recursive: true })
writeFileSync(join(dist, 'licences.txt'), licencesOf(metafile))

/** Every module that workerUrl() names: a thread of its own, so a file of its own. */
function workers(): string[] {
  return readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.includes('.test'))
    .flatMap((path) => {
      const text = readFileSync(join(source, path), 'utf8')
      const named = [...text.matchAll(/\bworkerUrl\(\s*import\.meta\.url\s*,\s*'([^']+)'/g)]
      return named.map(([, name]) => join(dirname(path), `${name!}.ts`))
    })
}

/** The types of the library, for those who import it. */
function declareLibrary(): void {
  const words = ['-p', join(projectFolder, 'tsconfig.declarations.json')]
  const { status } = spawnSync(join(projectFolder, 'node_modules/.bin/tsc'), words, { stdio: 'inherit' })
  if (status !== 0) process.exit(1)
}

/** The licences of the packages that are inside of the bundles: each asks to be kept with its code. */
function licencesOf({ inputs }: Metafile): string {
  const packages = new Set(
    Object.keys(inputs).flatMap((path) => /^.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.slice(0, 1) ?? []),
  )
  const texts = [...packages].sort().map((path) => {
    const folder = join(projectFolder, path)
    const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name))
    if (file === undefined) return `${statedLicence(folder)}\n`
    return `${path.replace(/^.*node_modules\//, '')}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`
  })
  return texts.join(`\n${'-'.repeat(80)}\n\n`)
}

/** What a package without a licence file says of its licence. */
function statedLicence(folder: string): string {
  const said = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>
  const { name, version, license, author, homepage } = said
  if (typeof license !== 'string') throw new Error(`Cannot build dist: "${folder}" has no licence to be kept`)
  const by = typeof author === 'string' ? `, by ${author}` : ''
  const home = typeof homepage === 'string' ? ` (${homepage})` : ''
  return `${String(name)} ${String(version)}${by}${home}\n\nLicensed under ${license}, as its package says.`
}
