/** Gives so many bytes that nobody can predict. Randomness is an argument, as time is (base/clock.ts). */
export type RandomBytes = (count: number) => Uint8Array
