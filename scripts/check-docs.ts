/**
 * Holds the documents to the code: links lead somewhere, docs/failures.md is the failure table, docs/policy.md is the
 * schema of the policy, and CI runs the very test command that README.md gives. `npm run docs -- --write` renews the two.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brokenLinks } from './document-links.ts'
import { failurePageFaults, renewedPage } from './failures-page.ts'
import { policyPage } from './policy-page.ts'
import { projectFolder, sourceFiles } from './source-files.ts'

process.chdir(projectFolder)
const failuresPath = join(projectFolder, 'docs/failures.md')
const policyPath = join(projectFolder, 'docs/policy.md')
if (process.argv.includes('--write')) {
  writeFileSync(failuresPath, renewedPage(readFileSync(failuresPath, 'utf8')))
  writeFileSync(policyPath, policyPage())
}

const rootDocuments = readdirSync(projectFolder)
  .filter((name) => name.endsWith('.md'))
  .map((path) => ({ path, text: readFileSync(path, 'utf8') }))
const documents = [...rootDocuments, ...sourceFiles(['docs', 'bench', 'changes'], '.md')]
const faults = [...brokenLinks(documents), ...failuresPageFaults(), ...policyPageFaults(), ...testCommandFaults()]
for (const fault of faults) console.error(fault)
console.log(`docs: ${documents.length} documents, ${faults.length} faults`)
process.exitCode = faults.length === 0 ? 0 : 1

/** README.md marks its test command by "<!-- test command -->" before its code block; .ci/run has it as a line. */
function testCommandFaults(): string[] {
  const command = /<!-- test command -->\s*```sh\n([\s\S]*?)\n```/.exec(readFileSync('README.md', 'utf8'))?.[1]
  if (command === undefined) return ['README.md: there is no block after "<!-- test command -->"']
  const lines = readFileSync('.ci/run', 'utf8').split('\n')
  return lines.includes(command) ? [] : [`.ci/run: lacks the test command of README.md as a line: ${command}`]
}

function failuresPageFaults(): string[] {
  const page = readFileSync(failuresPath, 'utf8')
  const found = failurePageFaults(page)
  if (found.length > 0 || page === renewedPage(page)) return found
  return ['docs/failures.md: a table differs from the code; "npm run docs -- --write" renews it']
}

function policyPageFaults(): string[] {
  if (existsSync(policyPath) && readFileSync(policyPath, 'utf8') === policyPage()) return []
  return ['docs/policy.md: it differs from the schema; "npm run docs -- --write" renews it']
}
