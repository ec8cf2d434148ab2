/** One equation of a fit: the values of its unknowns, and what they should add up to, not below nothing. */
export interface FitRow {
  readonly values: readonly number[]
  readonly wanted: number
}

/** Below this, a relative error is none. */
const smallError = 0.05
/** Rounds of weighing anew; the weights stand still after a few. */
const rounds = 8
/** Columns that are nearer to each other than this (the square of the sine of their angle) are not told apart. */
const apartMin = 0.01

/**
 * The factors by which the values of each row add up to what is wanted, by the least mean relative error: what one row lies far off
 * moves little. Undefined where the rows do not tell the unknowns apart, or a factor would be below nothing.
 */
export function fitRelative(
  rows: readonly FitRow[],
): { readonly factors: readonly number[]; readonly error: number } | undefined {
  const relative = rows.map(({ values, wanted }) => {
    const unit = Math.max(wanted, 1) // Of what took no time, a millisecond is all of it.
    return { values: values.map((value) => value / unit), wanted: wanted / unit }
  })
  const count = rows[0]!.values.length
  const scales = Array.from({ length: count }, (_, at) => Math.hypot(...relative.map(({ values }) => values[at]!)))
  if (rows.length < count || scales.includes(0)) return undefined
  const scaled = relative.map(({ values, wanted }) => ({
    values: values.map((value, at) => value / scales[at]!),
    wanted,
  }))
  let weights = scaled.map(() => 1)
  let solved: readonly number[] | undefined
  for (let round = 0; round < rounds; round++) {
    solved = solve(scaled, weights, round === 0)
    if (solved === undefined) return undefined
    const factors = solved
    weights = scaled.map((row) => 1 / Math.max(smallError, Math.abs(missOf(row, factors))))
  }
  const factors = solved!
  if (factors.some((factor) => !Number.isFinite(factor) || factor < 0)) return undefined
  const error = scaled.reduce((sum, row) => sum + Math.abs(missOf(row, factors)), 0) / scaled.length
  return { factors: factors.map((factor, at) => factor / scales[at]!), error }
}

function missOf({ values, wanted }: FitRow, factors: readonly number[]): number {
  return values.reduce((sum, value, at) => sum + value * factors[at]!, 0) - wanted
}

/** Weighted least squares by the normal equations, which are small and whose columns are of length one. */
function solve(rows: readonly FitRow[], weights: readonly number[], isFirst: boolean): readonly number[] | undefined {
  const count = rows[0]!.values.length
  const matrix = Array.from({ length: count }, (_, line) =>
    Array.from({ length: count + 1 }, (_unused, column) =>
      rows.reduce((sum, { values, wanted }, at) => {
        const right = column === count ? wanted : values[column]!
        return sum + weights[at]! * values[line]! * right
      }, 0),
    ),
  )
  let volume = 1
  for (let pivot = 0; pivot < count; pivot++) {
    const line = matrix[pivot]!
    volume *= line[pivot]!
    // Of columns of length one the product of the pivots is 1 where they are at right angles, 0 where they are one.
    if (!(line[pivot]! > 0) || (isFirst && volume < apartMin)) return undefined
    for (let other = 0; other < count; other++) {
      if (other === pivot) continue
      const factor = matrix[other]![pivot]! / line[pivot]!
      for (let column = pivot; column <= count; column++) matrix[other]![column]! -= factor * line[column]!
    }
  }
  return matrix.map((line, at) => line[count]! / line[at]!)
}
