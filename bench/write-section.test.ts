import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withSection } from './write-section.ts'

test('withSection() puts a section behind others, and later in its own place', () => {
  const one = withSection('', 'engine', '# Engine\n\none')
  const two = withSection(one, 'policy', '# Policy\n\ntwo')
  assert.equal(
    two,
    '<!-- engine: begin -->\n# Engine\n\none\n<!-- engine: end -->\n\n<!-- policy: begin -->\n# Policy\n\ntwo\n<!-- policy: end -->\n',
  )
  assert.equal(withSection(two, 'engine', '# Engine\n\nthree'), two.replace('one', 'three'))
  assert.equal(withSection(two, 'policy', '# Policy\n\ntwo'), two)
})
