/**
 * Measures how long it takes to verify an export of the evidence ledger. Writes its section of bench/RESULTS.md.
 *
 *   npm run bench:ledger
 *   npm run bench:ledger -- --entries 1000 --rounds 1 --output /tmp/page.md
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { projectFolder } from '../scripts/source-files.ts'
import { verifyExport } from '../src/model/evidence/verify-export.ts'
import { sampleLedger } from '../testing/evidence-samples.ts'
import { installedProgram } from './installed-program.ts'
import { measure, medians } from './measure.ts'
import { writeSection } from './write-section.ts'

const secondsMax = 1
/** A day of a policy with a few sources. */
const entriesOfHead = 30

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '5' },
    folder: { type: 'string', default: join(os.tmpdir(), 'zakops-bench-ledger') },
    output: { type: 'string', default: join(projectFolder, 'bench/RESULTS.md') },
  },
})
const rounds = Array.from({ length: Number(values.rounds) }, (_, index) => index)
const at = (name: string): string => join(values.folder, name)

execFileSync(process.execPath, [join(projectFolder, 'scripts/build.ts')], { stdio: 'inherit' })
rmSync(values.folder, { recursive: true, force: true })
mkdirSync(values.folder, { recursive: true })
const program = installedProgram(values.folder)
const ledger = sampleLedger(Number(values.entries), entriesOfHead)
writeFileSync(at('ledger.jsonl'), ledger.text)
writeFileSync(at('key.pem'), ledger.publicKey.export({ type: 'spki', format: 'pem' }))

const bytes = Buffer.from(ledger.text)
const alone = rounds.map(() => {
  const begin = performance.now()
  const { state } = verifyExport(bytes, [ledger.publicKey])
  if (state !== 'intact') throw new Error(`Cannot measure: the ledger is ${state}`)
  return { wallSeconds: (performance.now() - begin) / 1000, cpuSeconds: 0, peakBytes: 0 }
})
const whole = []
for (const _ of rounds) {
  const words = ['evidence', 'verify', at('ledger.jsonl'), '--public-key', at('key.pem')]
  whole.push(await measure(program, words, { cwd: values.folder, environment: {}, log: at('log') }))
}

const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: projectFolder, encoding: 'utf8' }).trim()
const command = medians(whole)
const page = `# Evidence: verifying an export

${new Date().toISOString().slice(0, 10)}, commit ${commit}. ${os.cpus()[0]?.model ?? ''}, ${os.availableParallelism()} cores, Node ${process.version}.
${values.entries} entries, ${ledger.heads.length} signed heads, ${(bytes.length / 1e6).toFixed(1)} MB. Medians of ${values.rounds}. Wanted: under ${secondsMax} s.

| | wall | CPU | peak memory | reached |
|---|---|---|---|---|
| the verification alone | ${medians(alone).wallSeconds.toFixed(2)} s | | | ${reached(medians(alone).wallSeconds)} |
| \`evidence verify\`, start of the program included | ${command.wallSeconds.toFixed(2)} s | ${command.cpuSeconds.toFixed(2)} s | ${Math.round(command.peakBytes / 2 ** 20)} MiB | ${reached(command.wallSeconds)} |
`
console.log(`\n${page}`)
writeSection(values.output, 'ledger', page)
rmSync(values.folder, { recursive: true, force: true })

function reached(seconds: number): string {
  return seconds < secondsMax ? 'yes' : '**no**'
}
