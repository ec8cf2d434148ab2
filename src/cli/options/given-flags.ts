/** The part of an option that says how it is written. */
export interface FlagShape {
  readonly short?: string | undefined
  readonly long?: string | undefined
  /** A value must follow it. */
  readonly required: boolean
}

/**
 * The options that the words of a command line give, by their long names, before anybody has parsed them. Knows like
 * commander that a value may stand in the next word, after "=" or right after a short flag, and ends at "--".
 */
export function givenFlags(words: readonly string[], options: readonly FlagShape[]): Set<string> {
  const given = new Set<string>()
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!
    if (word === '--') break
    if (word.startsWith('--')) {
      const [name] = word.split('=', 1)
      const option = options.find(({ long }) => long === name)
      given.add(name!)
      if (option?.required === true && !word.includes('=')) at += 1
    } else if (word.startsWith('-') && word.length > 1) at += takeShort(word, options, given)
  }
  return given
}

/** Takes a word of short flags, "-v" or "-vr" or "-r/place"; answers how many words after it are a value. */
function takeShort(word: string, options: readonly FlagShape[], given: Set<string>): number {
  for (let at = 1; at < word.length; at++) {
    const option = options.find(({ short }) => short === `-${word[at]}`)
    if (option === undefined) return 0
    given.add(option.long ?? option.short!)
    if (option.required) return at === word.length - 1 ? 1 : 0
  }
  return 0
}
