/**
 * Makes dist/, which the published package runs: Node strips no types below node_modules. The program is one file, and
 * so is each worker (decision 0006): a thread that starts reads one file instead of sixty. koffi stays a
 * package beside them, since it is a native library.
 *
 *   node scripts/build.ts [FOLDER]   makes it there, for the tests
 */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
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
const entries = [
  'main.ts',
  'operations/back-up/backup-worker.ts',
  'operations/check/check-worker.ts',
  'operations/restore/restore-worker.ts',
]
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
cpSync(kernels, join(dist, 'wasm'), { recursive: true })
writeFileSync(join(dist, 'licences.txt'), licencesOf(metafile))

/** The licences of the packages that are inside of the bundles: each asks to be kept with its code. */
function licencesOf({ inputs }: Metafile): string {
  const packages = new Set(
    Object.keys(inputs).flatMap((path) => /^.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.slice(0, 1) ?? []),
  )
  const texts = [...packages].sort().map((path) => {
    const folder = join(projectFolder, path)
    const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name))
    if (file === undefined) throw new Error(`Cannot build dist: "${folder}" has no licence to be kept`)
    return `${path.replace(/^.*node_modules\//, '')}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`
  })
  return texts.join(`\n${'-'.repeat(80)}\n\n`)
}
