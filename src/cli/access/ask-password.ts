import { throwIfStopped } from '../../base/abort.ts'
import { Failure } from '../../base/failure.ts'
import type { World } from '../world.ts'

/** A password that somebody types is shorter than this, in characters. */
const passwordCharactersMax = 4096

/**
 * Asks at the terminal for a password, which is not shown. Failure `usage` where stdin is no terminal, Failure
 * `stopped` at Ctrl-C.
 */
export async function askPassword(question: string, world: World): Promise<string> {
  const { stdin, stderr } = world
  throwIfStopped(world.signal)
  if (stdin.isTTY !== true || stdin.setRawMode === undefined) {
    throw new Failure('usage', 'Cannot ask for the password: stdin is no terminal', {
      facts: { hint: 'Give it by --password-file, --password-command or RESTIC_PASSWORD.' },
    })
  }
  stderr.write(`${question}: `)
  stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  stdin.resume()
  try {
    return await readHiddenLine(world)
  } finally {
    stdin.setRawMode(false)
    stdin.pause()
    stderr.write('\n')
  }
}

function readHiddenLine({ stdin, signal }: World): Promise<string> {
  return new Promise((resolve, reject) => {
    let line = ''
    const settle = (end: () => void): void => {
      stdin.removeListener('data', onData)
      signal.removeEventListener('abort', onAbort)
      end()
    }
    const stopped = new Failure('stopped', 'Stopped before the password was typed')
    const onAbort = (): void => settle(() => reject(stopped))
    const onData = (chunk: string | Buffer): void => {
      for (const character of chunk.toString('utf8')) {
        if (character === '\u0003' || character === '\u0004') return settle(() => reject(stopped)) // Ctrl-C, Ctrl-D
        if (character === '\r' || character === '\n') return settle(() => resolve(line))
        if (character === '\u007F' || character === '\b') line = line.slice(0, -1)
        else if (character === '\u0015')
          line = '' // Ctrl-U
        else if (line.length < passwordCharactersMax) line += character
      }
    }
    stdin.on('data', onData)
    signal.addEventListener('abort', onAbort)
  })
}
