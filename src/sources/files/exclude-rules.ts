import ignore, { type Ignore } from 'ignore'
import type { ByteName } from '../../base/byte-name.ts'

/** What a backup leaves out. Plain data, so that it travels to workers and into reports. */
export interface ExcludeDefinition {
  /**
   * Patterns in gitignore syntax; the last that matches decides, "!" takes back, a slash at the end means
   * directories only, "**" any number of directories. A slash at the beginning ties a pattern to the root of the
   * file system ("/home/me/*.iso"); every other pattern is looked for at every depth ("*.o", "build/cache"), where
   * git would tie the second to the place of its .gitignore file, which a command line has not.
   */
  readonly patterns: readonly string[]
  /** The same, blind to upper and lower case. */
  readonly caseInsensitivePatterns?: readonly string[]
  /** Of directories that hold a CACHEDIR.TAG with its signature, all but the tag is left out. */
  readonly caches?: boolean
  /** "name" or "name:beginning": of directories that hold a file of this name (that begins so), all but that file is left out. */
  readonly ifPresent?: readonly string[]
  /** Files of more bytes are left out. */
  readonly largerThanBytes?: number
}

/** Leaves nothing out. */
export const excludeNothing: ExcludeDefinition = { patterns: [] }

/** A file whose presence says that its directory is to be left out. */
export interface ExcludeTag {
  readonly name: ByteName
  /** What the tag must begin with; '' for anything. */
  readonly beginning: string
}

const cacheTag: ExcludeTag = { name: 'CACHEDIR.TAG', beginning: 'Signature: 8a477f597d28d172789f06886806bc55' }

/** The rules of a definition, compiled once per thread. */
export class ExcludeRules {
  readonly tags: readonly ExcludeTag[]
  readonly largerThanBytes: number
  readonly #patterns: readonly Ignore[]

  constructor(definition: ExcludeDefinition) {
    const tags = (definition.ifPresent ?? []).map(parseTag)
    this.tags = definition.caches === true ? [...tags, cacheTag] : tags
    this.largerThanBytes = definition.largerThanBytes ?? Number.POSITIVE_INFINITY
    this.#patterns = [
      compile(definition.patterns, { ignoreCase: false }),
      compile(definition.caseInsensitivePatterns ?? [], { ignoreCase: true }),
    ].filter((rules) => rules !== undefined)
  }

  /** Whether they leave nothing out, whatever there is. */
  get isEmpty(): boolean {
    return this.#patterns.length === 0 && this.tags.length === 0 && this.largerThanBytes === Number.POSITIVE_INFINITY
  }

  /**
   * A test for the entries of one directory, by its path from the root of the file system; undefined where no
   * pattern was given. In a directory that is left out itself, or by what leads to it, all is left out: as with
   * restic, a directory that was named all the same comes out empty.
   */
  forDirectory(path: ByteName): DirectoryRules | undefined {
    if (this.#patterns.length === 0) return undefined
    return new DirectoryRules(this.#patterns, path)
  }
}

/** The patterns as they bear on the entries of one directory. */
export class DirectoryRules {
  // The library keeps every path that it was ever asked for; a new instance per directory lets go of them.
  readonly #patterns: readonly Ignore[]
  readonly #prefix: string

  constructor(patterns: readonly Ignore[], path: ByteName) {
    this.#patterns = patterns.map((rules) => ignore(ignoreOptions).add(rules))
    const relative = path.replace(/^\/+|\/+$/g, '')
    this.#prefix = relative === '' ? '' : `${relative}/`
  }

  /** Whether the entry of this name is left out. */
  excludes(name: ByteName, entry: { readonly isDirectory: boolean }): boolean {
    const path = `${this.#prefix}${name}${entry.isDirectory ? '/' : ''}`
    return this.#patterns.some((rules) => rules.ignores(path))
  }
}

const ignoreOptions = { allowRelativePaths: true } as const

function compile(patterns: readonly string[], options: { readonly ignoreCase: boolean }): Ignore | undefined {
  const lines = patterns.flatMap(anchor)
  if (lines.length === 0) return undefined
  return ignore({ ...ignoreOptions, ignorecase: options.ignoreCase }).add(lines)
}

/** Lets a pattern with a slash in its middle match at every depth. Empty lines and comments are no patterns. */
function anchor(pattern: string): string[] {
  if (pattern.trim() === '' || pattern.startsWith('#')) return []
  const negation = pattern.startsWith('!') ? '!' : ''
  const body = pattern.slice(negation.length)
  const slash = body.indexOf('/')
  const isTied = slash === 0 || body.startsWith('**/')
  const isSlashWithin = slash > 0 && body.trimEnd().length > slash + 1
  return [isTied || !isSlashWithin ? pattern : `${negation}**/${body}`]
}

function parseTag(text: string): ExcludeTag {
  const colon = text.indexOf(':')
  return colon < 0 ? { name: text, beginning: '' } : { name: text.slice(0, colon), beginning: text.slice(colon + 1) }
}
