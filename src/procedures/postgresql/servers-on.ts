import { listSandboxes, openSandbox, type Sandbox } from '../../sources/postgresql/sandbox.ts'
import type { Installation } from '../installation.ts'

/** The private servers on a data folder. */
export async function serversOn(
  { programs, clock }: Pick<Installation, 'programs' | 'clock'>,
  dataFolder: string,
): Promise<readonly Sandbox[]> {
  const all = await listSandboxes(programs.sharedFolder)
  return all.filter((one) => one.dataFolder === dataFolder).map((record) => openSandbox(record, clock))
}

/** What a try that was killed left on the folder would not let another server start there. */
export async function endServersOn(
  installation: Pick<Installation, 'programs' | 'clock'>,
  dataFolder: string,
): Promise<void> {
  for (const sandbox of await serversOn(installation, dataFolder)) await sandbox.stop()
}
