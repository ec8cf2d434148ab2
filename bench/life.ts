/**
 * Measures how long two years of a policy take, lived day by day and compared with the policy after each one. Writes its section
 * of bench/RESULTS.md. A day that is not as the policy says ends it with an error.
 *
 *   npm run bench:life
 *   npm run bench:life -- --fulls 8 --output /tmp/page.md
 */
import { execFileSync } from 'node:child_process'
import os from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { compileCache, livePolicyCommand } from '../e2e/live-policy-command.ts'
import { projectFolder } from '../scripts/source-files.ts'
import { runWell } from '../testing/run-program.ts'
import { writeSection } from './write-section.ts'

const minutesMax = 5

const { values } = parseArgs({
  options: {
    fulls: { type: 'string', default: '104' },
    seed: { type: 'string', default: new Date().toISOString() },
    output: { type: 'string', default: join(projectFolder, 'bench/RESULTS.md') },
  },
})
const [program, ...words] = livePolicyCommand(Number(values.fulls), values.seed)
const begin = performance.now()
const { stdout } = await runWell(program, words, { environment: { NODE_COMPILE_CACHE: compileCache } })
const seconds = (performance.now() - begin) / 1000
const told = stdout.trim().split('\n').at(-1)!
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: projectFolder, encoding: 'utf8' }).trim()
const page = `# Two years of a policy

${new Date().toISOString().slice(0, 10)}, commit ${commit}. ${os.cpus()[0]?.model ?? ''}, one core, Node ${process.version}. Seed "${values.seed}".
Each day it is done what is due, with failures, outages, clock jumps and rotations, and then both locations and \`status\` are compared with the policy.

${told}

${seconds.toFixed(0)} s; wanted: under ${minutesMax} minutes: ${seconds < minutesMax * 60 ? 'reached' : '**not reached**'}.
`
console.log(`\n${page}`)
writeSection(values.output, 'life', page)
