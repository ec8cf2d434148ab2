import { Failure } from '../../base/failure.ts'
import type { Backup, BackupCopy } from '../../model/backup.ts'
import type { Id } from '../../model/id.ts'
import type { KeyEvent, PolicyVersion, Proof, Run, RunEnd, Verification } from '../../model/run.ts'
import type { Catalog } from '../catalog.ts'
import { runEndFault } from '../run-end-fault.ts'

/** A catalog that forgets everything when it is let go: for tests, and for work that needs no memory. */
export function memoryCatalog(): Catalog {
  return {
    ...runsInMemory(),
    ...backupsInMemory(),
    ...evidenceInMemory(),
    close: nothing,
    [Symbol.asyncDispose]: nothing,
  }
}

async function nothing(): Promise<void> {}

function runsInMemory(): Pick<Catalog, 'beginRun' | 'endRun' | 'loseDeadRuns' | 'runs'> {
  const runs = new Map<string, Run>()
  return {
    async beginRun(run) {
      if (runs.has(run.id))
        throw new Failure('refused', `Cannot begin the run "${run.id}": a run of this id began before`)
      runs.set(run.id, { ...own(run), state: 'running' })
    },
    async endRun(id, end) {
      const run = runs.get(id)
      const fault = runEndFault(id, run, end)
      if (fault !== undefined) throw fault
      runs.set(id, ended(run!, end))
    },
    async loseDeadRuns(isAlive, at) {
      const dead = oldestFirst([...runs.values()], (run) => run.startedAt).filter(
        (run) => run.state === 'running' && !isAlive(run.process),
      )
      for (const run of dead) runs.set(run.id, ended(run, { state: 'lost', endedAt: at }))
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

function backupsInMemory(): Pick<
  Catalog,
  'addBackup' | 'removeBackup' | 'backups' | 'addCopy' | 'removeCopy' | 'copies' | 'replaceBackups'
> {
  const backups = new Map<Id, { readonly backup: Backup; readonly isRemoved: boolean }>()
  const copies = new Map<string, BackupCopy>()
  const dropCopies = (isMeant: (copy: BackupCopy) => boolean): void => {
    for (const [key, copy] of copies) if (isMeant(copy)) copies.delete(key)
  }
  const add = (backup: Backup): void => {
    backups.set(backup.id, { backup: own(backup), isRemoved: false })
  }
  const addCopy = (copy: BackupCopy): void => {
    copies.set(`${copy.backup} ${copy.location}`, own(copy))
  }
  return {
    addBackup: async (backup) => add(backup),
    async removeBackup(id) {
      const known = backups.get(id)
      if (known !== undefined) backups.set(id, { ...known, isRemoved: true })
      dropCopies((copy) => copy.backup === id)
    },
    async backups(filter = {}) {
      const found = [...backups.values()]
        .filter(({ isRemoved }) => filter.includeRemoved === true || !isRemoved)
        .map(({ backup }) => backup)
        .filter(({ source }) => filter.source === undefined || source === filter.source)
        .sort((a, b) => (a.id < b.id ? -1 : 1))
      return own(oldestFirst(found, (backup) => backup.takenAt))
    },
    addCopy: async (copy) => addCopy(copy),
    removeCopy: async (backup, location) => dropCopies((copy) => copy.backup === backup && copy.location === location),
    async copies(backup) {
      const found = [...copies]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, copy]) => copy)
        .filter((copy) => backup === undefined || copy.backup === backup)
      return own(oldestFirst(found, (copy) => copy.storedAt))
    },
    async replaceBackups(environment, newBackups, newCopies) {
      dropCopies((copy) => backups.get(copy.backup)?.backup.environment === environment)
      for (const [id, { backup, isRemoved }] of backups) {
        if (backup.environment === environment && !isRemoved) backups.delete(id)
      }
      for (const backup of newBackups) add(backup)
      for (const copy of newCopies) addCopy(copy)
    },
  }
}

function evidenceInMemory(): Pick<
  Catalog,
  | 'addVerification'
  | 'verifications'
  | 'addProof'
  | 'proofs'
  | 'addKeyEvent'
  | 'keyEvents'
  | 'addPolicyVersion'
  | 'policyVersions'
> {
  const verifications = new Map<string, Verification>()
  const proofs = new Map<string, Proof>()
  const keyEvents = new Map<string, KeyEvent>()
  const policyVersions = new Map<string, PolicyVersion>()
  return {
    addVerification: async (one) =>
      addOnce(verifications, [one.run, one.at, one.location, one.generation, one.scope], one),
    verifications: async ({ location, since } = {}) =>
      own(oldestFirst([...verifications.values()], (one) => one.at)).filter(
        (one) => (location === undefined || one.location === location) && (since === undefined || one.at >= since),
      ),
    addProof: async (proof) => addOnce(proofs, [proof.run, proof.at, proof.backup, proof.location], proof),
    proofs: async ({ source, backup } = {}) =>
      own(oldestFirst([...proofs.values()], (proof) => proof.at)).filter(
        (proof) =>
          (source === undefined || proof.source === source) && (backup === undefined || proof.backup === backup),
      ),
    addKeyEvent: async (event) => addOnce(keyEvents, [event.at, event.kind, event.generation, event.actor], event),
    keyEvents: async () => own(oldestFirst([...keyEvents.values()], (event) => event.at)),
    addPolicyVersion: async (version) => addOnce(policyVersions, [version.digest, version.since], version),
    policyVersions: async () => own(oldestFirst([...policyVersions.values()], (version) => version.since)),
  }
}

function addOnce<T>(map: Map<string, T>, key: readonly unknown[], value: T): void {
  const text = JSON.stringify(key)
  if (!map.has(text)) map.set(text, own(value))
}

/** A copy of its own, so that nobody changes what is held here. */
function own<T>(value: T): T {
  return structuredClone(value)
}

/** What came first stays first among those of one time. */
function oldestFirst<T>(list: readonly T[], at: (item: T) => Date): T[] {
  return list.toSorted((a, b) => at(a).getTime() - at(b).getTime())
}
