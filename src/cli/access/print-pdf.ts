import { constants } from 'node:fs'
import { access, chmod } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Failure } from '../../base/failure.ts'
import { runCommand } from '../../operations/commands/run-command.ts'
import type { World } from '../world.ts'

const browsers = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome'] as const

/** Prints a page of our own to a PDF beside it by an installed Chromium. Failures `unsupported` where there is none, `command_failed`. */
export async function printPdf(
  page: string,
  world: Pick<World, 'environment' | 'userId' | 'clock' | 'signal' | 'workingDirectory'>,
): Promise<string> {
  const browser = await findBrowser(world.environment['PATH'] ?? '')
  if (browser === undefined) {
    throw new Failure('unsupported', `Cannot print "${page}" to a PDF: no Chromium is installed`, {
      facts: {
        hint: `Looked on the PATH for ${browsers.join(', ')}. The page itself is written; any browser prints it`,
      },
    })
  }
  const pdf = page.replace(/\.html?$/i, '') + '.pdf'
  // Chromium refuses its sandbox to root; the page has no scripts and loads nothing.
  const sandbox = world.userId === 0 ? ['--no-sandbox'] : []
  const words = [browser, '--headless', '--disable-gpu', ...sandbox, '--no-pdf-header-footer', `--print-to-pdf=${pdf}`]
  const { environment, workingDirectory } = world
  const request = {
    words: [...words, pathToFileURL(page).href],
    output: 'capture',
    environment,
    workingDirectory,
  } as const
  const end = await runCommand(request, world.clock, world.signal)
  const isThere = await access(pdf).then(
    () => true,
    () => false,
  )
  if (isThere) await chmod(pdf, 0o600) // As the page: it says where the backups are.
  if (end.exitCode === 0 && isThere) return pdf
  throw new Failure('command_failed', `Cannot print "${page}" to a PDF: ${browser} ended with ${end.exitCode}`, {
    facts: { hint: end.output.trim().slice(-300) },
  })
}

async function findBrowser(path: string): Promise<string | undefined> {
  for (const name of browsers) {
    for (const folder of path.split(delimiter).filter((one) => one !== '')) {
      const file = join(folder, name)
      const isThere = await access(file, constants.X_OK).then(
        () => true,
        () => false,
      )
      if (isThere) return file
    }
  }
  return undefined
}
