/**
 * Writes a number into a field of a tar header: octal digits and a NUL; where they do not fit, 0, since the pax header
 * then holds the number. Negative numbers do not fit.
 */
export function tarNumber(block: Buffer, at: number, fieldBytes: number, value: number): void {
  const digits = fieldBytes - 1
  const fitting = value >= 0 && value < 8 ** digits ? value : 0
  block.write(`${fitting.toString(8).padStart(digits, '0')}\0`, at, 'latin1')
}
