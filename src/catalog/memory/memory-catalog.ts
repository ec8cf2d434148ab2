import { hash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { Failure } from '../../base/failure.ts'
import { canonicalJson } from '../../base/canonical-json.ts'
import type { Backup, BackupCopy } from '../../model/backup.ts'
import { type EvidenceEntry, type EvidenceNote, nextEntry } from '../../model/evidence/evidence-entry.ts'
import {
  backupRemoved,
  backupStored,
  catalogRebuilt,
  copyRemoved,
  copyStored,
  keyUsed,
  policyInForce,
  proven,
  runBegun,
  runEnded,
  verified,
} from '../../model/evidence/evidence-notes.ts'
import type { SignedHead } from '../../model/evidence/signed-head.ts'
import type { Id } from '../../model/id.ts'
import type { LocationName } from '../../model/policy/policy.ts'
import type { KeyEvent, PolicyVersion, Proof, Run, RunEnd, Verification } from '../../model/run.ts'
import { extendWalStand, type WalStand } from '../../model/wal-stand.ts'
import type { Catalog, EvidenceFilter } from '../catalog.ts'
import { headFault } from '../head-fault.ts'
import { runEndFault } from '../run-end-fault.ts'

/**
 * A catalog that forgets everything when it is let go: for tests, and for work that needs no memory. `actor`: who works
 * with it, for the entries of calls that do not say so.
 */
export function memoryCatalog({ actor }: { readonly actor: string } = { actor: 'unknown' }): Catalog {
  const ledger = ledgerInMemory()
  const record = (note: EvidenceNote): void => ledger.append(note)
  return {
    ...runsInMemory(record),
    ...backupsInMemory(record, actor),
    ...evidenceInMemory(record),
    ...ledger.calls,
    close: nothing,
    [Symbol.asyncDispose]: nothing,
  }
}

async function nothing(): Promise<void> {}

type Append = (note: EvidenceNote) => void

function ledgerInMemory(): {
  readonly append: Append
  readonly calls: Pick<
    Catalog,
    'addEvidence' | 'evidence' | 'ledgerEnd' | 'addHead' | 'heads' | 'noteHeadsAt' | 'headsAt'
  >
} {
  const ledger = hash('sha256', 'memory')
  const entries: EvidenceEntry[] = []
  const heads: SignedHead[] = []
  const headsAt = new Map<LocationName, Set<string>>()
  const end = () => ({ ledger, sequence: entries.length, hash: entries.at(-1)?.hash ?? ledger })
  const append = (note: EvidenceNote): void => void entries.push(nextEntry(end(), note))
  const calls = {
    async addEvidence(note: EvidenceNote) {
      if (!entries.some((entry) => isSameNote(entry, note))) append(note)
    },
    evidence: async ({ after = 0, first = Infinity, kinds }: EvidenceFilter = {}) => {
      const wanted: readonly string[] | undefined = kinds
      return own(entries.slice(after).filter(({ kind }) => wanted?.includes(kind) ?? true)).slice(0, first)
    },
    ledgerEnd: async () => end(),
    async addHead(head: SignedHead) {
      const fault = headFault(head, heads)
      if (fault === 'there') return
      if (fault !== undefined) throw fault
      heads.push(own(head))
    },
    heads: async () => own(heads.toSorted((a, b) => a.number - b.number)),
    noteHeadsAt: async (location: LocationName, digests: readonly string[]) => {
      headsAt.set(location, new Set([...(headsAt.get(location) ?? []), ...digests]))
    },
    headsAt: async (location: LocationName) => new Set(headsAt.get(location)),
  }
  return { append, calls }
}

function isSameNote(entry: EvidenceEntry, { at, kind, actor, facts }: EvidenceNote): boolean {
  const isSame = entry.at.getTime() === at.getTime() && entry.kind === kind && entry.actor === actor
  return isSame && canonicalJson(entry.facts) === canonicalJson(facts)
}

function runsInMemory(record: Append): Pick<Catalog, 'beginRun' | 'endRun' | 'loseDeadRuns' | 'runs'> {
  const runs = new Map<string, Run>()
  return {
    async beginRun(run) {
      if (runs.has(run.id))
        throw new Failure('refused', `Cannot begin the run "${run.id}": a run of this id began before`)
      runs.set(run.id, { ...own(run), state: 'running' })
      record(runBegun(run))
    },
    async endRun(id, end) {
      const run = runs.get(id)
      const fault = runEndFault(id, run, end)
      if (fault !== undefined) throw fault
      if (isDeepStrictEqual(run, ended(run!, end))) return
      runs.set(id, ended(run!, end))
      record(runEnded(run!, end))
    },
    async loseDeadRuns(isAlive, at) {
      const dead = oldestFirst([...runs.values()], (run) => run.startedAt).filter(
        (run) => run.state === 'running' && !isAlive(run.process),
      )
      for (const run of dead) {
        runs.set(run.id, ended(run, { state: 'lost', endedAt: at }))
        record(runEnded(run, { state: 'lost', endedAt: at }))
      }
      return dead.map(({ id }) => own(runs.get(id)!))
    },
    async runs(filter = {}) {
      const found = oldestFirst([...runs.values()], (run) => run.startedAt).filter(
        (run) =>
          (filter.source === undefined || run.source === filter.source) &&
          (filter.procedure === undefined || run.procedure === filter.procedure) &&
          (filter.state === undefined || run.state === filter.state) &&
          (filter.since === undefined || run.startedAt >= filter.since),
      )
      return own(filter.newest === undefined ? found : found.slice(Math.max(0, found.length - filter.newest)))
    },
  }
}

function ended(run: Run, end: RunEnd): Run {
  const { id, procedure, trigger, source, dueAt, startedAt, process } = run
  return { id, procedure, trigger, source, dueAt, startedAt, process, ...own(end) }
}

function backupsInMemory(
  record: Append,
  actor: string,
): Pick<Catalog, 'addBackup' | 'removeBackup' | 'backups' | 'addCopy' | 'removeCopy' | 'copies' | 'replaceBackups'> {
  const backups = new Map<Id, { readonly backup: Backup; readonly isRemoved: boolean }>()
  const copies = new Map<string, BackupCopy>()
  const dropCopies = (isMeant: (copy: BackupCopy) => boolean): number => {
    const meant = [...copies].filter(([, copy]) => isMeant(copy))
    for (const [key] of meant) copies.delete(key)
    return meant.length
  }
  const add = (backup: Backup): void => {
    backups.set(backup.id, { backup: own(backup), isRemoved: false })
  }
  const addCopy = (copy: BackupCopy): void => {
    copies.set(`${copy.backup} ${copy.location}`, own(copy))
  }
  return {
    async addBackup(backup) {
      const known = backups.get(backup.id)
      if (known?.isRemoved === false && isDeepStrictEqual(known.backup, backup)) return
      add(backup)
      record(backupStored(backup))
    },
    async removeBackup(id, at) {
      const known = backups.get(id)
      if (known !== undefined) backups.set(id, { ...known, isRemoved: true })
      const dropped = dropCopies((copy) => copy.backup === id)
      if (known?.isRemoved === false || dropped > 0) record(backupRemoved(id, at, actor))
    },
    async backups(filter = {}) {
      const found = [...backups.values()]
        .filter(({ isRemoved }) => filter.includeRemoved === true || !isRemoved)
        .map(({ backup }) => backup)
        .filter(({ source }) => filter.source === undefined || source === filter.source)
        .sort((a, b) => (a.id < b.id ? -1 : 1))
      return own(oldestFirst(found, (backup) => backup.takenAt))
    },
    async addCopy(copy) {
      if (isDeepStrictEqual(copies.get(`${copy.backup} ${copy.location}`), copy)) return
      addCopy(copy)
      record(copyStored(copy, actor))
    },
    async removeCopy(backup, location, at) {
      if (copies.delete(`${backup} ${location}`)) record(copyRemoved(backup, location, at, actor))
    },
    async copies(backup) {
      const found = [...copies]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, copy]) => copy)
        .filter((copy) => backup === undefined || copy.backup === backup)
      return own(oldestFirst(found, (copy) => copy.storedAt))
    },
    async replaceBackups(environment, newBackups, newCopies, at) {
      dropCopies((copy) => backups.get(copy.backup)?.backup.environment === environment)
      for (const [id, { backup, isRemoved }] of backups) {
        if (backup.environment === environment && !isRemoved) backups.delete(id)
      }
      for (const backup of newBackups) add(backup)
      for (const copy of newCopies) addCopy(copy)
      record(catalogRebuilt(environment, { backups: newBackups, copies: newCopies }, at, actor))
    },
  }
}

function evidenceInMemory(
  record: Append,
): Pick<
  Catalog,
  | 'addVerification'
  | 'verifications'
  | 'addProof'
  | 'proofs'
  | 'setWalStand'
  | 'addWalPiece'
  | 'walStands'
  | 'addKeyEvent'
  | 'keyEvents'
  | 'addPolicyVersion'
  | 'policyVersions'
> {
  const verifications = new Map<string, Verification>()
  const proofs = new Map<string, Proof>()
  const walStands = new Map<string, WalStand>()
  const keyEvents = new Map<string, KeyEvent>()
  const policyVersions = new Map<string, PolicyVersion>()
  const addOnce = <T>(map: Map<string, T>, key: readonly unknown[], value: T, note: (value: T) => EvidenceNote) => {
    const text = JSON.stringify(key)
    if (map.has(text)) return
    map.set(text, own(value))
    record(note(value))
  }
  return {
    addVerification: async (one) =>
      addOnce(verifications, [one.run, one.at, one.location, one.generation, one.scope], one, verified),
    verifications: async ({ location, since } = {}) =>
      own(oldestFirst([...verifications.values()], (one) => one.at)).filter(
        (one) => (location === undefined || one.location === location) && (since === undefined || one.at >= since),
      ),
    addProof: async (proof) => addOnce(proofs, [proof.run, proof.at, proof.backup, proof.location], proof, proven),
    proofs: async ({ source, backup } = {}) =>
      own(oldestFirst([...proofs.values()], (proof) => proof.at)).filter(
        (proof) =>
          (source === undefined || proof.source === source) && (backup === undefined || proof.backup === backup),
      ),
    setWalStand: async (stand) => {
      walStands.set(JSON.stringify([stand.source, stand.location]), own(stand))
    },
    addWalPiece: async ({ source, location }, piece) => {
      const key = JSON.stringify([source, location])
      walStands.set(key, extendWalStand(walStands.get(key), { source, location }, own(piece)))
    },
    walStands: async () => [...walStands].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, stand]) => own(stand)),
    addKeyEvent: async (event) =>
      addOnce(keyEvents, [event.at, event.kind, event.generation, event.actor], event, keyUsed),
    keyEvents: async () => own(oldestFirst([...keyEvents.values()], (event) => event.at)),
    addPolicyVersion: async (version) =>
      addOnce(policyVersions, [version.digest, version.since], version, policyInForce),
    policyVersions: async () => own(oldestFirst([...policyVersions.values()], (version) => version.since)),
  }
}

/** A copy of its own, so that nobody changes what is held here. */
function own<T>(value: T): T {
  return structuredClone(value)
}

/** What came first stays first among those of one time. */
function oldestFirst<T>(list: readonly T[], at: (item: T) => Date): T[] {
  return list.toSorted((a, b) => at(a).getTime() - at(b).getTime())
}
