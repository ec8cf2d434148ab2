/**
 * Runs the tests: all of them, or those whose path contains one of the arguments.
 *
 *   npm test                        every test but the long ones
 *   npm run test:long               the long ones (testing/long-tests.ts)
 *   npm test -- src/kernels         those of one floor
 *   npm test -- e2e --name prune    those of one folder with "prune" in their name
 *
 * A test that could not run here is named with its reason at the end. In CI (CI=true) a test that was skipped for want
 * of restic or of a PostgreSQL server is a failure: there they must be present.
 */
import { globSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { pipeline } from 'node:stream/promises'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { parseArgs } from 'node:util'
import { longMark } from '../testing/long-tests.ts'
import { projectFolder } from './source-files.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { name: { type: 'string' }, long: { type: 'boolean', default: false } },
})

process.chdir(projectFolder)
const isLongFile = (file: string): boolean => file.endsWith('.long.test.ts')
const files = ['src', 'scripts', 'testing', 'bench', 'e2e']
  .flatMap((folder) => globSync(`${folder}/**/*.test.ts`))
  .filter((file) => positionals.length === 0 || positionals.some((part) => file.includes(part.replace(/^\.\//, ''))))
  .filter((file) => values.long || positionals.length > 0 || !isLongFile(file))
  .toSorted()
if (files.length === 0) {
  console.error(`Cannot run tests: no test file has ${positionals.map((part) => `"${part}"`).join(' or ')} in its path`)
  process.exit(2)
}
if (values.long) process.env.ZAKOPS_TESTS = 'long'

/** Tests that were skipped, each with its file and reason. */
const skipped: { file: string; name: string; reason: string }[] = []
let failed = 0

if (values.long) {
  await runFiles(files.filter(isLongFile))
  // Beside usual tests in their files.
  await runFiles(
    files.filter((file) => !isLongFile(file) && hasLongTests(file)),
    longMark,
  )
} else await runFiles(files, values.name)

if (skipped.length > 0) console.log(`\n${skipped.length} skipped here:`)
for (const { file, name, reason } of skipped) console.log(`  ${file}: ${name}: ${reason}`)
const unproven = skipped.filter(
  ({ file, reason }) => file.startsWith('e2e/interop') || reason.startsWith('no PostgreSQL'),
)
if (process.env.CI === 'true' && unproven.length > 0) {
  console.error(`\n${unproven.length} tests with restic or PostgreSQL were skipped, and CI=true does not allow that`)
  failed += 1
}
process.exitCode = failed === 0 ? 0 : 1

async function runFiles(some: readonly string[], name?: string): Promise<void> {
  const events = run({
    files: [...some],
    concurrency: availableParallelism(),
    // A test that waits for ever must not hold CI for ever; the slowest file takes about a minute.
    timeout: 15 * 60_000,
    ...(name === undefined ? {} : { testNamePatterns: [name] }),
  })
  events.on('test:fail', () => {
    failed += 1
  })
  events.on('test:pass', ({ name: passed, file, skip }) => {
    if (skip === undefined || skip === false || skip === 'test name does not match pattern') return
    skipped.push({
      file: (file ?? '').slice(projectFolder.length + 1),
      name: passed,
      reason: skip === true ? 'no reason given' : skip,
    })
  })
  await pipeline(events, new spec(), process.stdout, { end: false })
}

function hasLongTests(file: string): boolean {
  const text = readFileSync(file, 'utf8')
  return text.includes('postgresqlTest(') || text.includes('longMark')
}
