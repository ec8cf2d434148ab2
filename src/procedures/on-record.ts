import { isFailure } from '../base/failure.ts'
import type { RunBeginning } from '../model/run.ts'
import type { Installation } from './installation.ts'

/** What work under a run came to: what it answers, and for the record a sentence and what is not as it should be. */
export interface RecordedWork<Answer> {
  readonly answer: Answer
  readonly summary: string
  readonly gaps: readonly string[]
}

/**
 * Does work as a run of the catalog: its beginning, and how it ended, are on record whatever happens. A process that dies
 * in between leaves a run that is found to be lost later.
 */
export async function onRecord<Answer>(
  { catalog, clock, process }: Pick<Installation, 'catalog' | 'clock' | 'process'>,
  run: Pick<RunBeginning, 'id' | 'procedure' | 'trigger' | 'source'>,
  work: () => Promise<RecordedWork<Answer>>,
): Promise<Answer> {
  await catalog.beginRun({ ...run, dueAt: undefined, startedAt: clock.now(), process })
  let done: RecordedWork<Answer>
  try {
    done = await work()
  } catch (error) {
    const { code, message } = isFailure(error) ? error : { code: 'defect' as const, message: String(error) }
    await catalog.endRun(run.id, { state: 'failed', endedAt: clock.now(), failure: code, message })
    throw error
  }
  const { answer, summary, gaps } = done
  const endedAt = clock.now()
  await catalog.endRun(
    run.id,
    gaps.length === 0 ? { state: 'done', endedAt, summary } : { state: 'gaps', endedAt, summary, gaps },
  )
  return answer
}
