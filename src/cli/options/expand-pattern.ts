import { readdir } from 'node:fs/promises'
import picomatch from 'picomatch'
import { type ByteName, compareNames, decodeName, encodeName } from '../../base/byte-name.ts'

/** Says whether the text is a pattern rather than a path. */
export function hasMagic(text: string): boolean {
  return /[*?[]/.test(text)
}

/**
 * The paths that a shell pattern matches, in the order of their names: *, ? and [ within one part of a path. Names
 * may be any bytes, which is why Node's own glob does not serve. Directories that can not be read match nothing.
 */
export async function expandPattern(pattern: string): Promise<readonly ByteName[]> {
  const isAbsolute = pattern.startsWith('/')
  let found: ByteName[] = [isAbsolute ? '/' : '']
  for (const part of pattern.split('/').filter((one) => one !== '')) {
    const next = await Promise.all(found.map((directory) => expandPart(directory, part)))
    found = next.flat()
  }
  return found
}

async function expandPart(directory: ByteName, part: string): Promise<ByteName[]> {
  const join = (name: ByteName): ByteName =>
    (directory === '' || directory === '/' ? directory : `${directory}/`) + name
  if (!hasMagic(part)) return [join(part)]
  const matches = picomatch(part)
  const names = await namesIn(directory)
  return names.filter((name) => matches(name)).map(join)
}

async function namesIn(directory: ByteName): Promise<ByteName[]> {
  try {
    const names = await readdir(directory === '' ? '.' : encodeName(directory), { encoding: 'buffer' })
    return names.map(decodeName).sort(compareNames)
  } catch {
    return [] // A shell is silent about these too; a pattern that matches nothing at all is told.
  }
}
