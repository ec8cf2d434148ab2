import { spawn } from 'node:child_process'
import { Failure } from '../../base/failure.ts'
import { splitCommand } from './split-command.ts'

/** A password command that prints more than this has gone wrong. */
const outputBytesMax = 1024 * 1024

/**
 * What a command of the user prints, without blanks at its ends. It runs without a shell, with our stdin and stderr,
 * so that it may ask questions of its own. Failure `usage` where it can not be run or answers an error.
 */
export async function commandOutput(command: string, signal: AbortSignal): Promise<string> {
  const [file, ...words] = splitCommand(command)
  if (file === undefined) throw new Failure('usage', 'Cannot run the password command: it is empty')
  const chunks: Buffer[] = []
  let bytes = 0
  const ended = await new Promise<string>((resolve, reject) => {
    const child = spawn(file, words, { stdio: ['inherit', 'pipe', 'inherit'], signal })
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= outputBytesMax) chunks.push(chunk)
      else child.kill()
    })
    child.on('error', (cause) => {
      if (signal.aborted)
        reject(new Failure('stopped', 'Stopped while the password command ran', { cause: signal.reason }))
      else reject(new Failure('usage', `Cannot run the password command "${file}"`, { cause }))
    })
    child.on('close', (code, killedBy) => resolve(killedBy === null ? `exit code ${code}` : `signal ${killedBy}`))
  })
  if (ended !== 'exit code 0') {
    throw new Failure('usage', `Cannot take the password from the command "${file}": it ended with ${ended}`)
  }
  return Buffer.concat(chunks).toString('utf8').trim()
}
