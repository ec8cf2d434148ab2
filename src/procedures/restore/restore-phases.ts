import type { RestorePhases } from '../../model/run.ts'

/** Where the time of a restore went: what neither opening nor comparing took, the transfer did. */
export function restorePhases(times: {
  readonly durationMs: number
  readonly openMs: number
  readonly verifyMs: number
}): RestorePhases {
  const [openMs, verifyMs] = [Math.round(times.openMs), Math.round(times.verifyMs)]
  return { openMs, transferMs: Math.max(0, Math.round(times.durationMs) - openMs - verifyMs), verifyMs }
}
