/** What a due run is for, as its name says it. */
export const dueKinds = ['full', 'incremental', 'verify', 'replicate', 'restore-test'] as const
export type DueKind = (typeof dueKinds)[number]

export interface DueRunName {
  readonly dueAt: Date
  readonly kind: DueKind
  /** From 1 on. */
  readonly attempt: number
}

/**
 * The name of a due run, made from its due time, so that whoever comes to the same conclusion comes to the same name:
 * `due-20261129T0200Z-full`, and `due-20261129T0200Z-full-2` for the second attempt. Due times are whole minutes.
 */
export function dueRunId({ dueAt, kind, attempt }: DueRunName): string {
  const minute = dueAt.toISOString().slice(0, 16).replace(/[-:]/g, '')
  return `due-${minute}Z-${kind}${attempt === 1 ? '' : `-${attempt}`}`
}

const namePattern =
  /^due-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)Z-(full|incremental|verify|replicate|restore-test)(?:-([1-9]\d*))?(?::|$)/

/** What the id of a run says, be it of the whole or of one source of it (`<id>:<source>`); undefined where it was not due. */
export function parseDueRunId(id: string): DueRunName | undefined {
  const match = namePattern.exec(id)
  if (match === null) return undefined
  const [, year, month, day, hour, minute, kind, attempt = '1'] = match
  const dueAt = new Date(`${year}-${month}-${day}T${hour}:${minute}:00Z`)
  if (Number.isNaN(dueAt.getTime())) return undefined
  return { dueAt, kind: kind as DueKind, attempt: Number(attempt) }
}
