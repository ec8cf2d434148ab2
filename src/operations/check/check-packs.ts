import type { Id } from '../../model/id.ts'
import { encodeIndex, type IndexedPack } from '../../repository/index-json.ts'
import { objectNameOf, packObjectName } from '../../repository/object-kind.ts'
import { packHeaderBytes } from '../../repository/pack-header.ts'
import type { IndexFile } from '../load-index-files.ts'
import type { Findings } from './check-report.ts'

/** Compares what the indexes say of packs with one another and with the packs that are there. */
export function checkPacks(
  facts: { readonly indexes: readonly IndexFile[]; readonly storedPacks: ReadonlyMap<Id, number> },
  findings: Findings,
): void {
  const indexesOf = new Map<Id, { readonly pack: IndexedPack; readonly indexId: Id; text: string | undefined }>()
  for (const { id: indexId, packs } of facts.indexes) {
    for (const pack of packs) {
      const known = indexesOf.get(pack.id)
      if (known === undefined) {
        indexesOf.set(pack.id, { pack, indexId, text: undefined })
        checkPack(pack, indexId, facts.storedPacks, findings)
        continue
      }
      known.text ??= textOf(known.pack)
      const objectName = packObjectName(pack.id)
      if (known.text === textOf(pack))
        findings.note('pack_indexed_twice', objectName, `indexes "${known.indexId}" and "${indexId}" name it`)
      else
        findings.note(
          'index_contradiction',
          objectNameOf('index', indexId),
          `indexes "${known.indexId}" and "${indexId}" say different things of pack "${pack.id}"`,
        )
    }
  }
  for (const id of facts.storedPacks.keys())
    if (!indexesOf.has(id)) findings.note('pack_unindexed', packObjectName(id), 'no index names it')
}

function checkPack(pack: IndexedPack, indexId: Id, storedPacks: ReadonlyMap<Id, number>, findings: Findings): void {
  const objectName = packObjectName(pack.id)
  const blobs = pack.blobs.toSorted((a, b) => a.offset - b.offset)
  let end = 0
  for (const { offset, length } of blobs) {
    if (offset !== end) {
      const detail = `it says of pack "${pack.id}" that a blob begins at ${offset}, where ${end} was due`
      findings.note('index_contradiction', objectNameOf('index', indexId), detail)
      break
    }
    end += length
  }
  const bytes = blobs.reduce((sum, { length }) => sum + length, packHeaderBytes(blobs))
  const stored = storedPacks.get(pack.id)
  if (stored === undefined) findings.note('pack_missing', objectName, 'an index names it, and it is not there')
  else if (stored !== bytes) findings.note('pack_resized', objectName, `it has ${stored} bytes, expected ${bytes}`)
  const trees = blobs.filter(({ type }) => type === 'tree').length
  if (trees > 0 && trees < blobs.length)
    findings.note('pack_mixed', objectName, 'it holds trees and content of files; restic keeps them apart')
}

function textOf(pack: IndexedPack): string {
  return encodeIndex({ packs: [{ id: pack.id, blobs: pack.blobs.toSorted((a, b) => a.offset - b.offset) }] }).toString()
}
