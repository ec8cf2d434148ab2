/** Settings whose value may be a secret that somebody wrote in the wrong place: it is never shown. */
const unshown: readonly (string | number)[] = ['password', 'passphrase', 'url', 'unlock']

const shownCharactersMax = 60

/** What was found at a setting, for a message: the value of a scalar, the kind of all else. */
export function foundValue(value: unknown, at: readonly (string | number)[]): string {
  if (value === undefined || value === null) return 'nothing'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (typeof value === 'object') return 'a map'
  if (unshown.includes(at.at(-1) ?? '')) return 'a value that is not shown'
  return typeof value === 'string' ? quotedText(value) : JSON.stringify(value)
}

/** Text in quotes, short, without what stands before the "@" of a URL and without anything that moves a terminal. */
export function quotedText(text: string): string {
  const safe = text.replace(/:\/\/[^\s]*@/, '://…@')
  const short = safe.length > shownCharactersMax ? `${safe.slice(0, shownCharactersMax)}…` : safe
  return JSON.stringify(short).replace(/[\u007F-\u009F]|\p{Bidi_Control}/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
