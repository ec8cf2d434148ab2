import { z } from 'zod'

/**
 * Costs of Argon2id. The least that is accepted from a file is what OWASP's Password Storage Cheat Sheet holds to be
 * the least (19 MiB, 2 passes): a file that asks for less was not written by this program. The most is what a
 * machine can be asked for by a file that nobody has authenticated yet.
 */
export const argonCostSchema = z.strictObject({
  memoryKiB: z
    .int()
    .min(19 * 1024)
    .max(1024 * 1024),
  passes: z.int().min(2).max(16),
  lanes: z.int().min(1).max(16),
})
export type ArgonCost = z.output<typeof argonCostSchema>

/** The second recommendation of RFC 9106: 64 MiB, 3 passes, 4 lanes; a fifth of a second. */
export const defaultArgonCost: ArgonCost = { memoryKiB: 64 * 1024, passes: 3, lanes: 4 }
