import type { ServiceEvent } from '../../control/service-parts.ts'
import type { Run } from '../../model/run.ts'
import type { CommandContext } from '../command-entry.ts'

/** Says on stderr what a service does, one line an event, each with its time: text, or JSON with --json. */
export function serviceLog({ output, world }: Pick<CommandContext, 'output' | 'world'>): (event: ServiceEvent) => void {
  return (event) => {
    const at = world.clock.now().toISOString()
    if (output.json) output.aside(JSON.stringify(documentOf(event, at)))
    else if (event.kind !== 'notice' || output.tells('verbose')) output.aside(`${at} ${textOf(event)}`)
  }
}

function textOf(event: ServiceEvent): string {
  switch (event.kind) {
    case 'ended':
      return `${nameOf(event.run)}: ${outcomeOf(event.run)}`
    case 'lost':
      return `${nameOf(event.run)}: lost, since its process died; it is tried again`
    case 'service':
    case 'receiver':
    case 'notice':
      return event.text
    case 'trouble':
      return `cannot look what is due: ${event.message}`
    default:
      return event satisfies never
  }
}

function nameOf({ procedure, source, id }: Run): string {
  return `${procedure}${source === undefined ? '' : ` ${source}`} (${id})`
}

function outcomeOf(run: Run): string {
  switch (run.state) {
    case 'done':
      return `done: ${run.summary}`
    case 'gaps':
      return `done with gaps: ${run.summary}; ${run.gaps.slice(0, gapsShown).join('; ')}${more(run.gaps.length)}`
    case 'failed':
      return `failed (${run.failure}): ${run.message}`
    case 'lost':
    case 'running':
      return run.state
    default:
      return run satisfies never
  }
}

/** All of them are in the catalog. */
const gapsShown = 3

function more(count: number): string {
  return count > gapsShown ? `; and ${count - gapsShown} more` : ''
}

function documentOf(event: ServiceEvent, at: string): Record<string, unknown> {
  switch (event.kind) {
    case 'ended':
    case 'lost':
      return { message_type: `run_${event.kind}`, at, ...runDocument(event.run) }
    case 'service':
    case 'notice':
      return { message_type: event.kind, at, message: event.text }
    case 'receiver':
      return { message_type: 'receiver', at, source: event.source, message: event.text }
    case 'trouble':
      return { message_type: 'error', at, error: { message: event.message }, during: 'look what is due' }
    default:
      return event satisfies never
  }
}

function runDocument(run: Run): Record<string, unknown> {
  const { id: run_id, procedure, source, state, dueAt: due_at, startedAt: started_at } = run
  const document = { run_id, procedure, source, state, due_at, started_at }
  switch (run.state) {
    case 'done':
      return { ...document, ended_at: run.endedAt, summary: run.summary }
    case 'gaps':
      return { ...document, ended_at: run.endedAt, summary: run.summary, gaps: run.gaps }
    case 'failed':
      return { ...document, ended_at: run.endedAt, failure: run.failure, message: run.message }
    case 'lost':
      return { ...document, ended_at: run.endedAt }
    case 'running':
      return document
    default:
      return run satisfies never
  }
}
