import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { answerFault, type ExpectedAnswer, isNoWeaker } from './expected-answer.ts'

const range: ExpectedAnswer = { atLeast: 5, atMost: 10 }

const answers: readonly [found: string | undefined, wanted: ExpectedAnswer, fault: string | undefined][] = [
  ['paid', { expect: 'paid' }, undefined],
  ['5', { expect: '5' }, undefined],
  ['5.0', { expect: '5' }, 'found "5.0", expected "5"'],
  [undefined, { expect: '5' }, 'found nothing, expected "5"'],
  [undefined, { atMost: 5 }, 'found nothing, expected a number of at most 5'],
  ['', { atMost: 5 }, 'found "", expected a number of at most 5'],
  ['5', range, undefined],
  ['10', range, undefined],
  ['5.0', range, undefined],
  ['+7', range, undefined],
  ['.7e1', range, undefined],
  ['4.999', range, 'found "4.999", expected a number from 5 to 10'],
  ['10.5', range, 'found "10.5", expected a number from 5 to 10'],
  ['-7', range, 'found "-7", expected a number from 5 to 10'],
  ['4', { atLeast: 5 }, 'found "4", expected a number of at least 5'],
  ['1e400', { atLeast: 5 }, undefined],
  ['1e400', { atMost: 5 }, 'found "1e400", expected a number of at most 5'],
  // None of these is a number, whatever a language would make of it.
  ['NaN', { atLeast: 0 }, 'found "NaN", expected a number of at least 0'],
  ['Infinity', { atLeast: 0 }, 'found "Infinity", expected a number of at least 0'],
  ['0x10', { atLeast: 0 }, 'found "0x10", expected a number of at least 0'],
  [' 7 ', range, 'found " 7 ", expected a number from 5 to 10'],
  ['7 days', range, 'found "7 days", expected a number from 5 to 10'],
  ['t', { atLeast: 0 }, 'found "t", expected a number of at least 0'],
]

test('answerFault() says what was found and what is wanted', () => {
  for (const [found, wanted, fault] of answers) assert.equal(answerFault(found, wanted), fault, `${found}`)
})

test('answerFault() does not round whole numbers', () => {
  const most = Number.MAX_SAFE_INTEGER + 1 // 9007199254740992, which is also what 9007199254740993 would be rounded to.
  assert.equal(answerFault('9007199254740992', { atMost: most }), undefined)
  assert.notEqual(answerFault('9007199254740993', { atMost: most }), undefined)
  assert.notEqual(answerFault('-9007199254740993', { atLeast: -most }), undefined)
})

test('isNoWeaker() says no where something passes now that did not before', () => {
  const bound = fc.option(fc.integer({ min: -5, max: 5 }), { nil: undefined })
  const wanted: fc.Arbitrary<ExpectedAnswer> = fc.oneof(
    fc.constantFrom('-3', '0', '2', 'paid').map((expect) => ({ expect })),
    fc.record({ atLeast: bound, atMost: bound }).filter(({ atLeast, atMost }) => {
      return (atLeast !== undefined || atMost !== undefined) && (atLeast ?? -9) <= (atMost ?? 9)
    }),
  )
  const numbers = Array.from({ length: 15 }, (_, at) => at - 7)
  const asked = ['paid', ...numbers.flatMap((one) => [`${one}`, `${one}.0`])]
  const passing = (one: ExpectedAnswer): Set<string> => new Set(asked.filter((found) => !answerFault(found, one)))
  fc.assert(
    fc.property(wanted, wanted, (before, after) => {
      assert.equal(isNoWeaker(after, before), passing(after).isSubsetOf(passing(before)))
    }),
  )
})
