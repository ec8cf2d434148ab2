import { Failure } from '../../base/failure.ts'

/**
 * The words of a command as a shell would split it: blanks separate, '…' and "…" keep blanks, a backslash keeps the
 * next character, but not between single quotes. Nothing is expanded, since no shell runs it. Failure `usage` where
 * a quote does not end.
 */
export function splitCommand(text: string): string[] {
  const words: string[] = []
  let word: string | undefined
  let quote = ''
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!
    if (character === '\\' && quote !== "'" && at + 1 < text.length) {
      at += 1
      word = (word ?? '') + text[at]!
    } else if (character === quote) {
      quote = ''
    } else if (quote === '' && (character === "'" || character === '"')) {
      quote = character
      word ??= ''
    } else if (quote === '' && /\s/.test(character)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else {
      word = (word ?? '') + character
    }
  }
  if (quote !== '') throw new Failure('usage', `Cannot split the command "${text}": a ${quote} is not closed`)
  if (word !== undefined) words.push(word)
  return words
}
