import { type FileFacts, treeFacts } from './tree-facts.ts'

/**
 * In what two file trees differ, one line for each fact of each file: what is there, type, mode, owner, time to the
 * nanosecond, attributes and ACLs, size, content, link target, device number, hard links. Empty where they are equal.
 * `except` leaves out facts that a comparison can not expect.
 */
export function treeDifferences(wanted: string, found: string, except: readonly (keyof FileFacts)[] = []): string[] {
  return factDifferences(treeFacts(wanted), treeFacts(found), except)
}

export function factDifferences(
  wanted: ReadonlyMap<string, FileFacts>,
  found: ReadonlyMap<string, FileFacts>,
  except: readonly (keyof FileFacts)[] = [],
): string[] {
  const missing = [...wanted.keys()].filter((path) => !found.has(path)).map((path) => `${path}: missing`)
  const extra = [...found.keys()].filter((path) => !wanted.has(path)).map((path) => `${path}: was not there`)
  const changed = [...wanted].flatMap(([path, facts]) => {
    const other = found.get(path)
    if (other === undefined) return []
    const names = new Set([...Object.keys(facts), ...Object.keys(other)]) as Set<keyof FileFacts>
    return [...names]
      .filter((name) => !except.includes(name) && facts[name] !== other[name])
      .map((name) => `${path}: ${name} is ${other[name]}, expected ${facts[name]}`)
  })
  return [...missing, ...extra, ...changed]
}
