/** The same day and time a month later, UTC; where that month has no such day, its last. */
export function monthAfter(date: Date): Date {
  return monthsAfter(date, 1)
}

/** The same day and time a year later, UTC; of 29 February 28 February. */
export function yearAfter(date: Date): Date {
  return monthsAfter(date, 12)
}

function monthsAfter(date: Date, months: number): Date {
  const after = new Date(date)
  after.setUTCMonth(date.getUTCMonth() + months)
  // A day that the month has not runs on into the next one: back to the last day before it.
  if (after.getUTCDate() !== date.getUTCDate()) after.setUTCDate(0)
  return after
}
