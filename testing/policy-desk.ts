import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { neverStopped } from '../src/base/abort.ts'
import { type Clock, systemClock } from '../src/base/clock.ts'
import { createKeyFile } from '../src/keys/key-file-provider.ts'
import { createKeyring } from '../src/keys/open-keyring.ts'
import { type CommandRun, runWords } from './fake-world.ts'
import { keyringWorld } from './fresh-keyring.ts'
import { type TemporaryFolder, temporaryFolder } from './temporary-folder.ts'

const signal = neverStopped()
const userId = process.getuid!()
const dayMs = 86_400_000

/** A policy of production with a small tree, two locations, and a way to type commands under it. */
export class PolicyDesk implements AsyncDisposable {
  readonly folder: TemporaryFolder = temporaryFolder('evidence')
  readonly world = keyringWorld()
  readonly #days = keyringWorld().clock
  /** Real sleeps, since locks are refreshed by them; the days pass when a test says so. */
  readonly clock: Clock = { ...systemClock, now: () => this.#days.now() }

  static async open(): Promise<PolicyDesk> {
    const desk = new PolicyDesk()
    for (const name of ['keys', 'primary', 'off-site', 'documents']) mkdirSync(desk.folder.at(name), { mode: 0o700 })
    writeFileSync(desk.folder.at('documents', 'a'), 'content')
    const keyFile = desk.folder.at('keys', 'unlock.key')
    await createKeyFile(keyFile, desk.world.random, signal)
    const place = { file: desk.folder.at('keys', 'keyring.json'), unlock: { keyFile } }
    using _ = await createKeyring({ ...place, environment: 'production' }, desk.world, signal)
    writeFileSync(
      desk.folder.at('zakops-backup.yaml'),
      `version: 1
environment: production
locations: { production: { primary: { storage: primary }, secondary: { storage: off-site } } }
encryption: { keyManagement: { keyring: keys/keyring.json, unlock: { keyFile: keys/unlock.key } } }
responsibilities: { devops: [a], dba: [b], security: [c], management: [d] }
sources: { documents: { kind: files, paths: [documents] } }
state: state
`,
    )
    return desk
  }

  async type(
    words: readonly string[],
    code = 0,
    options: { folder?: string; environment?: Record<string, string> } = {},
  ): Promise<CommandRun> {
    const { folder = this.folder.path, environment = {} } = options
    const run = await runWords(words, { workingDirectory: folder, environment, userId, clock: this.clock })
    assert.equal(run.code, code, `${words.join(' ')}\n${run.stdout}\n${run.stderr}`)
    return run
  }

  nextDay(): void {
    this.#days.advance(dayMs)
  }

  async export(name: string): Promise<string> {
    await this.type(['evidence', 'export', '--to', name])
    return readFileSync(this.folder.at(name), 'utf8')
  }

  heads(location: string): string[] {
    return readdirSync(this.folder.at(location, 'production', 'evidence'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.folder[Symbol.asyncDispose]()
  }
}
