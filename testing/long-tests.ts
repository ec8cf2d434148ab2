/**
 * Whether this run is of the long tests: other versions of PostgreSQL than the newest, whole files named
 * "*.long.test.ts". `npm test` leaves them out; CI runs them after it, and so does `npm run test:long`.
 */
export const areLongTests = process.env.ZAKOPS_TESTS === 'long'

/** What the name of a long test ends with beside usual ones in its file. */
export const longMark = ', long'
