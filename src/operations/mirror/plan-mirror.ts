import { Failure } from '../../base/failure.ts'
import { configName } from '../../repository/object-kind.ts'
import type { StoredObject } from '../../storage/storage.ts'
import { copiedKind, copyOrder, type CopiedKind } from '../stored-objects.ts'

export interface MirrorFacts {
  /** As listCopiedObjects() gives them. */
  readonly source: readonly StoredObject[]
  readonly target: readonly StoredObject[]
  /** What becomes of objects that only the target has. */
  readonly surplus: 'keep' | 'remove'
}

export interface MirrorPlan {
  /** Absent at the target: to be copied kind by kind, in this order. */
  readonly copy: readonly StoredObject[]
  /** There at both sides with different sizes, so that one of the two is damaged. */
  readonly differing: readonly StoredObject[]
  /** To be removed from the target after everything was copied, in this order: whoever names others goes first. */
  readonly remove: readonly StoredObject[]
  /** What only the target has and keeps. */
  readonly surplus: readonly StoredObject[]
}

/**
 * Decides what to copy and what to remove so that the target holds what the source holds. Failure `refused` where
 * removing would empty the target of a kind because the source lost its config, all keys, all packs, all indexes or
 * all snapshots: then the target may be the last good copy.
 */
export function planMirror(facts: MirrorFacts): MirrorPlan {
  const atSource = sizes(facts.source)
  const atTarget = sizes(facts.target)
  const inOrder = byCopyOrder(facts.source)
  const onlyTarget = byCopyOrder(facts.target.filter(({ objectName }) => !atSource.has(objectName)))
  if (facts.surplus === 'remove') requireAlive(facts)
  return {
    copy: inOrder.filter(({ objectName }) => !atTarget.has(objectName)),
    differing: inOrder.filter(({ objectName, size }) => (atTarget.get(objectName) ?? size) !== size),
    remove: facts.surplus === 'remove' ? onlyTarget.toReversed() : [],
    surplus: facts.surplus === 'keep' ? onlyTarget : [],
  }
}

function requireAlive(facts: MirrorFacts): void {
  for (const kind of copyOrder) {
    if (countKind(facts.source, kind) > 0 || countKind(facts.target, kind) === 0) continue
    const lost = kind === 'config' ? `"${configName}"` : `any object of "${kind}/"`
    throw new Failure(
      'refused',
      `Cannot remove objects from the mirror: the source does not have ${lost}, the mirror has`,
      {
        facts: {
          hint: 'If the source is damaged, heal it from the mirror; if this is meant, empty the mirror by hand',
        },
      },
    )
  }
}

function countKind(objects: readonly StoredObject[], kind: CopiedKind): number {
  return objects.filter(({ objectName }) => copiedKind(objectName) === kind).length
}

function byCopyOrder(objects: readonly StoredObject[]): StoredObject[] {
  return copyOrder.flatMap((kind) => objects.filter(({ objectName }) => copiedKind(objectName) === kind))
}

function sizes(objects: readonly StoredObject[]): ReadonlyMap<string, number> {
  return new Map(objects.map(({ objectName, size }) => [objectName, size]))
}
