import { errorMessage } from '../base/error-message.ts'
import { FAILURES, Failure, type FailureCode, type FailureFacts } from '../base/failure.ts'
import { type PolicyFault, PolicyFailure } from '../model/policy/policy-fault.ts'
import { type ExitCode, exitCodes } from './exit-codes.ts'

/** What the user is told about an error that ended a command. */
export interface FailureReport {
  readonly code: FailureCode
  readonly exitCode: ExitCode
  readonly message: string
  readonly hint: string | undefined
  readonly remedy: string
  readonly facts: FailureFacts
  /** Of a policy: each with its place in the file. */
  readonly faults: readonly PolicyFault[] | undefined
  /** The stack of an error that the program did not foresee. */
  readonly stack: string | undefined
}

/** Whatever was thrown, as a report. What is no Failure is a defect of the program. */
export function describeFailure(error: unknown): FailureReport {
  const code = error instanceof Failure ? error.code : 'defect'
  const facts = error instanceof Failure ? error.facts : {}
  return {
    code,
    exitCode: exitCodes[code],
    message: errorMessage(error),
    hint: typeof facts['hint'] === 'string' ? facts['hint'] : undefined,
    remedy: FAILURES[code].remedy,
    facts,
    faults: error instanceof PolicyFailure ? error.faults : undefined,
    stack: code === 'defect' && error instanceof Error ? error.stack : undefined,
  }
}

/** The report for people: what happened, what may help, and the code to look up in docs/failures.md. */
export function failureText(report: FailureReport): string {
  const lines = [`zakops-backup: ${report.message}`]
  if (report.hint !== undefined) lines.push(`  hint:    ${report.hint}`)
  lines.push(`  to do:   ${report.remedy}`, `  failure: ${report.code} (exit code ${report.exitCode})`)
  if (report.stack !== undefined) lines.push(report.stack)
  return lines.join('\n')
}

/** The report as a JSON document: restic's `exit_error`, with the failure's code, hint, remedy and facts added. */
export function failureDocument(report: FailureReport): Record<string, unknown> {
  const facts = Object.entries(report.facts).map(([name, value]) => [
    name,
    typeof value === 'bigint' ? value.toString() : value,
  ])
  return {
    message_type: 'exit_error',
    code: report.exitCode,
    message: report.message,
    failure: report.code,
    hint: report.hint,
    remedy: report.remedy,
    facts: Object.fromEntries(facts),
    ...(report.faults !== undefined && { faults: report.faults }),
  }
}
