import { errorMessage } from '../../base/error-message.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import { valueAtPath } from '../../model/json-path.ts'
import type { ValidationPolicy } from '../../model/policy/policy.ts'
import type { Installation } from '../installation.ts'
import { type AskDatabase, type Question, questionFault } from '../questions/question-fault.ts'
import { requireHealthy, runPolicyCommand, servicesOf } from './services.ts'

type HttpValidation = Extract<ValidationPolicy, { http: unknown }>['http']

/** An application may take a while until it answers. */
const validationMsMax = 60_000
const againMs = 500
const answerMsMax = 10_000
const answerBytesMax = 1024 * 1024
const toldCharactersMax = 200

/**
 * Whether the application works: the health checks of the source's services, then its validations, each tried again for a minute.
 * Answers how many there were. `ask`: the database that `sql` asks. Failure `not_proven` with what was found and wanted.
 */
export async function validateSource(
  installation: Pick<Installation, 'policy' | 'clock' | 'commands'>,
  source: string,
  ask: AskDatabase | undefined,
  signal: AbortSignal,
): Promise<number> {
  const services = servicesOf(installation, source).toReversed()
  for (const service of services) await requireHealthy(installation, service, signal)
  const validations = installation.policy.sources[source]?.validations ?? []
  for (const validation of validations) await untilValid(installation, { source, ask, validation }, signal)
  return services.length + validations.length
}

interface Validation {
  readonly source: string
  readonly ask: AskDatabase | undefined
  readonly validation: ValidationPolicy
}

async function untilValid(
  installation: Pick<Installation, 'policy' | 'clock' | 'commands'>,
  one: Validation,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = installation
  const endMs = clock.monotonicMs() + validationMsMax
  for (;;) {
    const found = await fault(installation, one, signal)
    if (found === undefined) return
    if (found.isLasting || clock.monotonicMs() + againMs >= endMs) {
      throw new Failure('not_proven', `Cannot validate source "${one.source}": ${found.detail}`)
    }
    await clock.sleep(againMs, signal)
  }
}

interface Fault {
  /** In words. */
  readonly detail: string
  /** Waiting does not mend it. */
  readonly isLasting: boolean
}

/** What is wrong. */
async function fault(
  installation: Pick<Installation, 'policy' | 'clock' | 'commands'>,
  one: Validation,
  signal: AbortSignal,
): Promise<Fault | undefined> {
  if ('sql' in one.validation) return await sqlFault(one.ask, one.validation, signal)
  const detail = await applicationFault(installation, one.validation, signal)
  return detail === undefined ? undefined : { detail, isLasting: false }
}

async function sqlFault(
  ask: AskDatabase | undefined,
  question: Question,
  signal: AbortSignal,
): Promise<Fault | undefined> {
  const { sql } = question
  if (ask === undefined) return { detail: `"${sql}" can only be asked of a database`, isLasting: true }
  try {
    const found = await questionFault(ask, question, signal)
    // What a database says does not change by waiting.
    return found === undefined ? undefined : { detail: `"${sql}": ${found}`, isLasting: true }
  } catch (error) {
    if (signal.aborted || !isFailure(error)) throw error
    // A server that was started just now may not take connections yet, and an application may hold its database.
    return { detail: `"${sql}" can not be asked: ${error.message}`, isLasting: false }
  }
}

async function applicationFault(
  installation: Pick<Installation, 'policy' | 'clock' | 'commands'>,
  validation: Exclude<ValidationPolicy, { sql: unknown }>,
  signal: AbortSignal,
): Promise<string | undefined> {
  if ('http' in validation) return await httpFault(validation.http, signal)
  const [program] = validation.command
  try {
    const command = { what: `validate with "${program}"`, words: validation.command, timeoutMs: validationMsMax }
    await runPolicyCommand(installation, command, signal)
    return undefined
  } catch (error) {
    if (signal.aborted || !(error instanceof Failure)) throw error
    return error.message
  }
}

async function httpFault(
  { url, status, jsonPath, expect }: HttpValidation,
  signal: AbortSignal,
): Promise<string | undefined> {
  let text: string
  try {
    const answer = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(answerMsMax)]) })
    if (answer.status !== status) {
      await answer.body?.cancel()
      return `"${url}" answers with status ${answer.status}, expected ${status}`
    }
    text = (await answer.text()).slice(0, answerBytesMax)
  } catch (error) {
    signal.throwIfAborted()
    return `"${url}" does not answer: ${errorMessage(error instanceof Error && error.cause instanceof Error ? error.cause : error)}`
  }
  if (jsonPath === undefined) {
    return expect === undefined || text.includes(expect) ? undefined : wanted(`"${url}" answers`, text, expect)
  }
  const value = valueAtPath(parsed(text), jsonPath)
  const isRight = expect === undefined ? value !== undefined : value === expect
  return isRight ? undefined : wanted(`"${jsonPath}" of "${url}" is`, value, expect ?? 'something')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // No JSON: then there is nothing at any path.
  }
}

function wanted(what: string, found: string | undefined, expected: string): string {
  return `${what} ${found === undefined ? 'nothing' : `"${found.slice(0, toldCharactersMax)}"`}, expected "${expected}"`
}
