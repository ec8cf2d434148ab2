import { basename, dirname } from 'node:path'

/** The folder of a private server begins with it. */
const prefix = 'zakops-sandbox-'

/** What people call a private server: the part of its folder that is its own. */
export function sandboxName(socketFolder: string): string {
  return basename(dirname(socketFolder)).replace(prefix, '')
}
