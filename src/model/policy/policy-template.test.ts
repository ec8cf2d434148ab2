import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { environments } from './policy.ts'
import { policyTemplate, type SourceDraft } from './policy-template.ts'
import { readPolicy } from './read-policy.ts'

const text = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }).filter((one) => !one.includes('\0'))
const words = fc.array(fc.oneof(text, fc.constantFrom('true', 'no', 'null', '1.5', '.5', '- a', '# b', 'a: b', "'")), {
  minLength: 1,
  maxLength: 3,
})
/** A path below a folder of its own, so that none lies in another. */
function pathIn(folder: string): fc.Arbitrary<string> {
  return text.map((name) => `${folder}/x${name.replaceAll('/', '_')}`)
}

const source: fc.Arbitrary<SourceDraft> = fc.oneof(
  fc.record({
    kind: fc.constant('files' as const),
    name: fc.constant('a'),
    paths: fc.array(pathIn('/files'), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant('sqlite' as const), name: fc.constant('b-2'), path: pathIn('./sqlite') }),
  fc.record({
    kind: fc.constant('postgresql' as const),
    name: fc.constant('true'),
    url: fc.webFragments().map((part) => `postgresql://user@host/${part.replaceAll(/[@:]/g, '')}`),
  }),
)

test('policyTemplate() is a policy that says what the draft says', () => {
  const draft = fc.record({
    environment: fc.constantFrom(...environments),
    primary: pathIn('/primary'),
    secondary: pathIn('/secondary'),
    keyring: pathIn('./keys/a'),
    unlock: fc.oneof(
      fc.record({ keyFile: pathIn('/keys/b') }),
      fc.record({ passphrase: pathIn('/keys/c').map((path) => `file:${path}`) }),
    ),
    responsibilities: fc.record({ devops: words, dba: words, security: words, management: words }),
    sources: fc.uniqueArray(source, { minLength: 1, selector: ({ name }) => name }),
    state: pathIn('/state'),
  })
  fc.assert(
    fc.property(draft, (given) => {
      const { policy } = readPolicy(policyTemplate(given), '/home/policy.yaml')
      const { environment, primary, secondary, keyring, unlock, responsibilities, state } = given
      assert.equal(policy.environment, environment)
      assert.deepEqual(policy.locations, {
        [environment]: {
          primary: { storage: primary, encrypted: true },
          secondary: { storage: secondary, encrypted: true },
        },
      })
      assert.deepEqual(policy.encryption.keyManagement, { keyring, unlock: { ...unlock } })
      assert.deepEqual(policy.responsibilities, { ...responsibilities })
      assert.equal(policy.state, state)
      for (const { name, ...rest } of given.sources) assert.partialDeepStrictEqual(policy.sources[name], { ...rest })
    }),
    { numRuns: 150 },
  )
})

test('policyTemplate() without a secondary location says N/A', () => {
  const policy = readPolicy(
    policyTemplate({
      environment: 'staging',
      primary: '/primary',
      secondary: undefined,
      keyring: '/keys/keyring.json',
      unlock: { keyFile: '/keys/key' },
      responsibilities: { devops: ['a'], dba: ['a'], security: ['a'], management: ['a'] },
      sources: [{ kind: 'sqlite', name: 'a', path: '/a' }],
      state: '/state',
    }),
    '/home/policy.yaml',
  ).policy
  assert.equal(policy.locations.staging?.secondary, 'N/A')
})
