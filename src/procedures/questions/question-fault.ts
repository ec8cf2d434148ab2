import { type FailureCode, isFailure } from '../../base/failure.ts'
import { answerFault, type ExpectedAnswer } from '../../model/expected-answer.ts'
import type { ValidationPolicy } from '../../model/policy/policy.ts'

/** Asks a database one question: its value as text, undefined where there is none. */
export type AskDatabase = (sql: string, signal: AbortSignal) => Promise<string | undefined>

/** What a database is asked, and what it is to answer. */
export type Question = ExpectedAnswer & { readonly sql: string }

/** What kept a question from being asked, and says nothing of the database itself. */
const passing: ReadonlySet<FailureCode> = new Set<FailureCode>([
  'connection_failed',
  'database_busy',
  'stopped',
  'defect',
])

/**
 * What is wrong with what a database answers, in words; undefined where it is as wanted. A question that it refuses, such as one
 * after a table that is not there, is answered wrong. Failures of the way to it are thrown: `connection_failed`, `database_busy`.
 */
export async function questionFault(
  ask: AskDatabase,
  question: Question,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    return answerFault(await ask(question.sql, signal), question)
  } catch (error) {
    if (signal.aborted || !isFailure(error) || passing.has(error.code)) throw error
    return `it can not be asked: ${error.message}`
  }
}

/** Those of the questions among a source's validations that are answered wrong, a sentence each. Failures of questionFault(). */
export async function failedValidations(
  ask: AskDatabase,
  validations: readonly ValidationPolicy[],
  signal: AbortSignal,
): Promise<string[]> {
  const failed: string[] = []
  for (const validation of validations) {
    if (!('sql' in validation)) continue
    const fault = await questionFault(ask, validation, signal)
    if (fault !== undefined) failed.push(`"${validation.sql}": ${fault}`)
  }
  return failed
}

/** Those of the assertions of the policy that do not hold, a sentence each. Failures of questionFault(). */
export async function failedAssertions(
  ask: AskDatabase,
  assertions: readonly (Question & { readonly name: string })[],
  signal: AbortSignal,
): Promise<string[]> {
  const failed: string[] = []
  for (const assertion of assertions) {
    const fault = await questionFault(ask, assertion, signal)
    if (fault !== undefined) failed.push(`assertion "${assertion.name}": ${fault}`)
  }
  return failed
}
