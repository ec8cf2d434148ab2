import { Failure } from '../../../base/failure.ts'
import { type Environment, environments } from '../../../model/policy/policy.ts'
import { Questions } from '../../access/questions.ts'
import { parseSource, type TypedSource } from '../../options/parse-source.ts'
import type { World } from '../../world.ts'
import type { InitOptions } from './run-init.ts'

/** What a policy can not be written without. */
export interface InitAnswers {
  readonly environment: Environment
  readonly primary: string
  readonly secondary: string | undefined
  readonly sources: readonly TypedSource[]
}

const embeddedPrimary = 'zakops-primary'

/** Nobody types more of them; a policy is edited then. */
const sourcesMax = 1000

/** The answers that the options give, with the defaults. Failure `usage` that names everything that is missing. */
export function givenAnswers(options: InitOptions): InitAnswers {
  const { environment = 'development', secondary, source = [] } = options
  const isProduction = environment === 'production'
  const primary = options.primary ?? (isProduction ? undefined : embeddedPrimary)
  const missing = [
    ...(source.length === 0 ? ['--source <kind:name=what>'] : []),
    ...(primary === undefined ? ['--primary <place>'] : []),
    ...(isProduction && secondary === undefined ? ['--secondary <place>, an off-site location'] : []),
  ]
  if (missing.length === 0) return { environment, primary: primary!, secondary, sources: source }
  throw new Failure('usage', `Cannot write a policy of ${environment}: it lacks ${missing.join('; ')}`, {
    facts: {
      ...(isProduction && { hint: 'Production must have a primary and an off-site location, both encrypted.' }),
    },
  })
}

/** The same answers, asked at the terminal where the options do not give them. */
export async function askedAnswers(options: InitOptions, world: World): Promise<InitAnswers> {
  using questions = new Questions(world, '--yes, and at least --source, or run it at a terminal')
  const environment = options.environment ?? (await askEnvironment(questions))
  const isProduction = environment === 'production'
  const primary =
    options.primary ??
    (isProduction
      ? await questions.ask('primary location, a folder', needed)
      : await questions.ask(`primary location, a folder [${embeddedPrimary}]`, (line) => line || embeddedPrimary))
  const secondary =
    options.secondary ??
    (isProduction
      ? await questions.ask('secondary location, off-site', needed)
      : await questions.ask('secondary location, off-site [none]', (line) => line || undefined))
  const sources = options.source ?? (await askSources(questions))
  return { environment, primary, secondary, sources }
}

async function askEnvironment(questions: Questions): Promise<Environment> {
  return await questions.ask(`environment (${environments.join(', ')}) [development]`, (line) => {
    const found = environments.find((one) => one === (line || 'development'))
    if (found === undefined) throw new Error(`Expected one of ${environments.join(', ')}.`)
    return found
  })
}

async function askSources(questions: Questions): Promise<TypedSource[]> {
  const sources: TypedSource[] = []
  while (sources.length < sourcesMax) {
    const isFirst = sources.length === 0
    const question = isFirst
      ? 'what to protect (files:NAME=PATH, sqlite:NAME=PATH, postgresql:NAME=URL)'
      : 'what else [nothing]'
    const source = await questions.ask(question, (line) => (line === '' && !isFirst ? undefined : parseSource(line)))
    if (source === undefined) break
    sources.push(source)
  }
  return sources
}

function needed(line: string): string {
  if (line === '') throw new Error('Production must have it.')
  return line
}
