import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../base/failure.ts'
import { chooseForm, type CommandForm } from './command-form.ts'

const policySet = { ZAKOPS_BACKUP_POLICY: '/p.yaml' }
const repositorySet = { RESTIC_REPOSITORY: '/r' }
const fileSet = { RESTIC_REPOSITORY_FILE: '/r' }

/** What is typed, what the environment says, and the form of `backup` and of `init` that it means. */
const table: readonly [
  typed: readonly string[],
  environment: Readonly<Record<string, string>>,
  backup: CommandForm,
  init: CommandForm,
][] = [
  [[], {}, 'policy', 'policy'],
  [[], { RESTIC_REPOSITORY: '', ZAKOPS_BACKUP_POLICY: '' }, 'policy', 'policy'],
  [[], policySet, 'policy', 'policy'],
  [[], repositorySet, 'plumbing', 'plumbing'],
  [[], fileSet, 'plumbing', 'plumbing'],
  [[], { ...policySet, ...repositorySet }, 'policy', 'policy'],
  [['--json'], repositorySet, 'plumbing', 'plumbing'],
  [['--repo'], {}, 'plumbing', 'plumbing'],
  [['--repository-file'], {}, 'plumbing', 'plumbing'],
  [['--repo'], policySet, 'plumbing', 'plumbing'],
  [['--policy'], {}, 'policy', 'policy'],
  [['--policy'], repositorySet, 'policy', 'policy'],
  [['--environment'], {}, 'policy', 'policy'],
  [['--environment'], repositorySet, 'plumbing', 'policy'],
  [['--environment', '--repo'], {}, 'plumbing', 'plumbing'],
]

test('chooseForm() takes what is typed, then the variable of the policy, then those of restic, then the policy', () => {
  const ofPolicyOnly = new Set(['--environment'])
  for (const [typed, environment, backup, init] of table) {
    for (const [name, form] of Object.entries({ backup, init })) {
      const chosen = chooseForm({ name, given: new Set(typed), ofPolicyOnly, environment })
      assert.equal(chosen, form, `${name} ${typed.join(' ')} ${JSON.stringify(environment)}`)
    }
  }
})

test('chooseForm() refuses a policy and a repository at once', () => {
  for (const place of ['--repo', '--repository-file']) {
    assert.throws(
      () => chooseForm({ name: 'heal', given: new Set(['--policy', place]), ofPolicyOnly: new Set(), environment: {} }),
      (error) => isFailure(error, 'usage') && /both a policy and a repository/.test(error.message),
    )
  }
})
