import { openSsl } from '../posix/open-ssl.ts'
import { serveJobs } from './worker-host.ts'

openSsl() // Loads the native library.
serveJobs(() => undefined)
