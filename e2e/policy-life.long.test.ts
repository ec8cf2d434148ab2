import { test } from 'node:test'
import { runWell } from '../testing/run-program.ts'
import { compileCache, livePolicyCommand } from './live-policy-command.ts'

// `npm run soak` lives through two years.
test('six weeks of the policy leave exactly what it says after each day, and every backup restores', async (context) => {
  // One life that repeats, in which a backup is proven from off-site after it went at the primary; `npm run soak` draws others.
  const seed = '2026-11-25T05:43:22.207Z'
  context.diagnostic(`seed "${seed}"`)
  const [program, ...words] = livePolicyCommand(6, seed)
  const { stdout } = await runWell(program, words, { environment: { NODE_COMPILE_CACHE: compileCache } })
  context.diagnostic(stdout.trim().split('\n').at(-1)!)
})
