/**
 * Runs two works at the same time. When one fails the other's signal is aborted, and when both have ended the first
 * failure is thrown: nothing goes on in the background.
 */
export async function together<First, Second>(
  signal: AbortSignal,
  [first, second]: readonly [(both: AbortSignal) => Promise<First>, (both: AbortSignal) => Promise<Second>],
): Promise<[First, Second]> {
  const stopping = new AbortController()
  const both = AbortSignal.any([signal, stopping.signal])
  let failure: { readonly error: unknown } | undefined
  const guarded = async <Answer>(work: (both: AbortSignal) => Promise<Answer>): Promise<Answer> => {
    try {
      return await work(both)
    } catch (error) {
      failure ??= { error }
      stopping.abort(error)
      throw error
    }
  }
  const [one, two] = await Promise.allSettled([guarded(first), guarded(second)])
  if (one.status === 'fulfilled' && two.status === 'fulfilled') return [one.value, two.value]
  throw failure!.error
}
