/**
 * Makes dist/, which the published package runs: Node strips no types below node_modules. The WebAssembly
 * module lies beside the compiled modules as it lies beside the sources.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { projectFolder } from './source-files.ts'

const kernels = join(projectFolder, 'src/kernels/wasm/kernels.wasm')
if (!existsSync(kernels)) {
  console.error(`Cannot build dist: "${kernels}" is not there, expected it from npm ci (npm run prepare makes it)`)
  process.exit(1)
}
rmSync(join(projectFolder, 'dist'), { recursive: true, force: true })
const compiler = join(projectFolder, 'node_modules/.bin/tsc')
const { status } = spawnSync(compiler, ['-p', 'tsconfig.build.json'], { cwd: projectFolder, stdio: 'inherit' })
if (status !== 0) process.exit(1) // The compiler has said why.
cpSync(join(projectFolder, 'src/kernels/wasm'), join(projectFolder, 'dist/kernels/wasm'), { recursive: true })
