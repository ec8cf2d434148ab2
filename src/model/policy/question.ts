import { z } from 'zod'
import type { ExpectedAnswer } from '../expected-answer.ts'

const boundSchema = z.number({ error: 'a number' })

/** The settings of a question to a database: a query, and what it is to answer: either a text, or a number within bounds. */
export const question = {
  sql: z.string().min(1).describe('A query that answers one value.'),
  expect: z.string().optional().describe('That value, as text; or in its place one of the following, or both.'),
  atLeast: boundSchema.optional().describe('The value is a number, and this is the least that it may be.'),
  atMost: boundSchema.optional().describe('The value is a number, and this is the most that it may be.'),
}

/** Refuses a question to which no answer is wrong, or none right. */
export function requireExpectation({ expect, atLeast, atMost }: ExpectedAnswer, context: z.RefinementCtx): void {
  const fault = (message: string, path: string[]): void => context.addIssue({ code: 'custom', message, path })
  const isRange = atLeast !== undefined || atMost !== undefined
  if (expect === undefined && !isRange) fault('`expect`, `atLeast` or `atMost` beside `sql`', [])
  else if (expect !== undefined && isRange) fault('nothing beside `atLeast` or `atMost`', ['expect'])
  else if (atLeast !== undefined && atMost !== undefined && atLeast > atMost)
    fault(`a number of at least ${atLeast}, which is \`atLeast\``, ['atMost'])
}
