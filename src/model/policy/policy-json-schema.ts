import { z } from 'zod'
import { policySchema } from './policy.ts'

/** The part of JSON Schema (draft 2020-12) that a policy uses. */
export interface JsonSchema {
  readonly type?: string
  /** What kind of value it is, in words: "length of time". */
  readonly title?: string
  readonly description?: string
  readonly default?: unknown
  readonly const?: string | number | boolean
  readonly enum?: readonly string[]
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: boolean | JsonSchema
  readonly propertyNames?: JsonSchema
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
}

/** The policy file as JSON Schema, for editors. It holds the shape; the rules beyond it are `policy check`'s. */
export function policyJsonSchema(): JsonSchema & { readonly title: string } {
  const schema = z.toJSONSchema(policySchema, { io: 'input' }) as JsonSchema
  return { title: 'ZakOps Backup policy', ...schema }
}
