/**
 * Where a long operation is. Plain data, made anew for each report, so that a sink may keep it. Counts only grow
 * within one phase; a new phase may begin at zero again.
 */
export interface Progress {
  /** A verb for people, such as "scan", "back up", "read packs". */
  readonly phase: string
  readonly filesDone: number
  /** Absent as long as it is not known; it may still grow while a scan goes on. */
  readonly filesTotal?: number
  readonly bytesDone: number
  readonly bytesTotal?: number
  /** What is being worked on, as a person may read it: the first is the newest. At most a handful. */
  readonly current?: readonly string[]
  /** What could not be read or written so far, and so is missing from the result. */
  readonly gaps: number
}

/**
 * Takes reports of an operation. It returns at once, never throws, and need not show every report, so an operation
 * may call it once per file.
 */
export type ProgressSink = (progress: Progress) => void

/** A sink for callers that show nothing. */
export const noProgress: ProgressSink = () => {}
