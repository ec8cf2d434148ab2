import { posix } from 'node:path'

/** One floor of the house: what may be imported there, besides its own files. */
export interface Floor {
  /** Floors below it that its files may import. */
  readonly standsOn: readonly string[]
  /** Its subfolders hold adapters: only the floor itself, main.ts and tests name a file in one. */
  readonly adapters?: true
}

const operationsAndBelow = ['base', 'model', 'storage', 'posix', 'kernels', 'repository', 'sources'] as const

/** The house of ARCHITECTURE.md, ground first. A folder of src/ that is not here is a fault. */
export const floors: Readonly<Record<string, Floor>> = {
  base: { standsOn: [] },
  model: { standsOn: ['base'] },
  storage: { standsOn: ['base', 'model'], adapters: true },
  posix: { standsOn: ['base'] },
  kernels: { standsOn: ['base', 'posix'] },
  repository: { standsOn: ['base', 'model', 'storage', 'kernels'] },
  sources: { standsOn: ['base', 'model', 'posix', 'kernels'] },
  keys: { standsOn: ['base', 'model'] },
  catalog: { standsOn: ['base', 'model'], adapters: true },
  operations: { standsOn: [...operationsAndBelow, 'keys'] },
  procedures: { standsOn: [...operationsAndBelow, 'keys', 'operations', 'catalog'] },
  control: { standsOn: [...operationsAndBelow, 'keys', 'operations', 'catalog', 'procedures'], adapters: true },
  cli: { standsOn: [...operationsAndBelow, 'keys', 'operations', 'catalog', 'procedures', 'control'] },
}

/** What stands on the house: the program, the library, and the machine that both hand to it, which names every adapter. */
const tops: readonly string[] = ['main.ts', 'library.ts', 'machine.ts']

/** Packages that belong to one place, so that what they bind us to stays there. */
export const packagePlaces: Readonly<Record<string, readonly string[]>> = {
  koffi: ['posix', 'kernels'],
  zod: ['model', 'cli', 'keys', 'catalog', 'http'],
  yaml: ['model', 'cli'],
  croner: ['model', 'control'],
  openworkflow: ['control'],
  'openworkflow/sqlite': ['control'],
  'openworkflow/internal': ['control'],
  pg: ['sources'],
  'shamir-secret-sharing': ['keys'],
  '@scure/bip39/wordlists/english.js': ['keys'],
  qr: ['cli'],
  commander: ['cli'],
  '@commander-js/extra-typings': ['cli'],
}

/** A source file: its path from the project's root with slashes, and its text. */
export interface SourceFile {
  readonly path: string
  readonly text: string
}

/**
 * Every import below src/ that the house does not allow, one sentence each, in the order of the files. Types
 * count like values: who knows the shape of a thing depends on it. A test may also name private files and
 * testing/, but its floor is the floor of what it tests.
 */
export function floorFaults(files: readonly SourceFile[]): string[] {
  return files.filter(({ path }) => path.startsWith('src/')).flatMap(faultsOfFile)
}

function faultsOfFile(file: SourceFile): string[] {
  const from = placeOf(file.path)
  const isTest = /\.(test|contract)\.ts$/.test(file.path)
  if (!tops.includes(from) && !(from in floors)) return [`${file.path}: "${from}" is not a floor of the house`]
  return importedNames(file.text).flatMap((name) => {
    const fault = name.startsWith('.')
      ? relativeFault(file.path, from, isTest, posix.normalize(posix.join(posix.dirname(file.path), name)))
      : packageFault(from, isTest, name)
    return fault === undefined ? [] : [`${file.path}: imports ${name}: ${fault}`]
  })
}

function relativeFault(path: string, from: string, isTest: boolean, target: string): string | undefined {
  if (target.startsWith('testing/') && isTest) return undefined
  if (!target.startsWith('src/')) return 'the program stands on nothing outside src/'
  const to = placeOf(target)
  if (to === from) return undefined
  if (tops.includes(to)) return tops.includes(from) ? undefined : `nothing stands on ${to}`
  const floor = floors[to]
  if (floor === undefined) return `"${to}" is not a floor of the house`
  if (tops.includes(from)) return undefined
  if (!floors[from]!.standsOn.includes(to)) return `${from} may not stand on ${to}`
  const isPrivate = floor.adapters === true && target.split('/').length > 3
  if (isPrivate && !isTest)
    return `only ${to} and machine.ts name an adapter of ${to}; ${posix.dirname(path)} takes it as an argument`
  return undefined
}

function packageFault(from: string, isTest: boolean, name: string): string | undefined {
  const places = packagePlaces[name]
  if (places === undefined || isTest || places.includes(from)) return undefined
  return `that package belongs to ${places.join(', ')}`
}

/** The floor of a path below src/, or the name of a file that lies in src/ itself. */
function placeOf(path: string): string {
  return path.split('/')[1]!
}

/** What a module names in static and dynamic imports, re-exports, `new URL(…, import.meta.url)` and workerUrl(). */
export function importedNames(text: string): string[] {
  const code = text.replace(/^\s*(\/\/|\*|\/\*).*$/gm, '')
  const forms = [
    /\bfrom\s*(['"])([^'"\n]+)\1/g,
    /\bimport\s*\(?\s*(['"])([^'"\n]+)\1/g,
    /\bnew URL\(\s*(['"])(\.[^'"\n]+)\1\s*,\s*import\.meta\.url/g,
    /\bworkerUrl\(\s*import\.meta\.url\s*,\s*(['"])(\.[^'"\n]+)\1/g,
  ]
  return forms.flatMap((form) => [...code.matchAll(form)].map((match) => match[2]!))
}
