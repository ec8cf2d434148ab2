import type { World } from '../world.ts'

export type TextColour = 'green' | 'yellow' | 'red' | 'dim' | 'bold'

const codes: Readonly<Record<TextColour, string>> = { green: '32', yellow: '33', red: '1;31', dim: '2', bold: '1' }

/** Gives text a colour, or leaves it as it is. It must be of its final width: escapes count for nothing on a screen. */
export type TextStyle = (text: string, colour: TextColour) => string

/**
 * Colours on a terminal only, and not where NO_COLOR is set to anything (no-color.org) or the terminal is a dumb one.
 */
export function textStyle({ stdout, environment }: Pick<World, 'stdout' | 'environment'>): TextStyle {
  const isPlain = stdout.isTTY !== true || (environment['NO_COLOR'] ?? '') !== '' || environment['TERM'] === 'dumb'
  return isPlain ? plainText : (text, colour) => `\u001B[${codes[colour]}m${text}\u001B[0m`
}

/** No colours at all. */
export function plainText(text: string): string {
  return text
}
