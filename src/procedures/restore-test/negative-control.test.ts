import assert from 'node:assert/strict'
import { test } from 'node:test'
import { negativeControl } from './negative-control.ts'
import type { TestEnvironment } from './test-environment.ts'

/** An environment whose copy is one bit, which damage turns. */
function bitEnvironment(isDamagedBefore: boolean, compares: 'right' | 'blind'): TestEnvironment {
  let isDamaged = isDamagedBefore
  return {
    compare: async () => (isDamaged && compares === 'right' ? ['the bit is another'] : []),
    damage: async () => {
      isDamaged = !isDamaged
      return 'the bit was turned'
    },
    [Symbol.asyncDispose]: async () => {},
  }
}

test('negativeControl() is rejected by a comparison that sees, also after a try that was killed', async () => {
  for (const isDamagedBefore of [false, true]) {
    const control = await negativeControl(bitEnvironment(isDamagedBefore, 'right'))
    assert.deepEqual(control, { damage: 'the bit was turned', outcome: 'rejected', found: 'the bit is another' })
  }
})

test('negativeControl() is missed by a comparison that is blind', async () => {
  const control = await negativeControl(bitEnvironment(false, 'blind'))
  assert.deepEqual(control, { damage: 'the bit was turned', outcome: 'missed', found: null })
})
