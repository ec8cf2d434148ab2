import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { runWords } from '../../../testing/fake-world.ts'
import { type CompletionNode } from './completion-model.ts'
import { completionScript, shells } from './completion-script.ts'

const nodes: readonly CompletionNode[] = [
  {
    words: [],
    subcommands: [{ name: 'repo', summary: "a repository's care" }],
    flags: [{ flag: '--repo', summary: 'place', takes: 'file' }],
  },
  { words: ['repo'], subcommands: [{ name: 'init', summary: 'make' }], flags: [] },
  {
    words: ['repo', 'init'],
    subcommands: [],
    flags: [
      { flag: '--mode', summary: 'how', takes: ['fast', 'slow'] },
      { flag: '--name', summary: 'text', takes: 'text' },
    ],
  },
]

/** What bash offers after these words, the last of which is being typed. */
function offered(words: readonly string[]): string[] {
  const quoted = words.map((word) => `'${word}'`).join(' ')
  const script = `${completionScript('bash', nodes)}
compopt() { :; }
COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _zakops_backup; printf '%s\\n' "\${COMPREPLY[@]}"`
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line !== '')
}

test('completionScript() makes bash offer commands, flags and choices', () => {
  assert.deepEqual(offered(['zakops-backup', 'r']), ['repo'])
  assert.deepEqual(offered(['zakops-backup', '--repo', '/x', 'repo', 'i']), ['init'])
  assert.deepEqual(offered(['zakops-backup', 'repo', 'init', '--']), ['--mode', '--name'])
  assert.deepEqual(offered(['zakops-backup', 'repo', 'init', '--mode', '']), ['fast', 'slow'])
  assert.deepEqual(offered(['zakops-backup', 'repo', 'init', '--name', '']), [])
  assert.ok(offered(['zakops-backup', '--repo', '/et']).includes('/etc'))
})

test('completionScript() quotes what is not a word', () => {
  assert.ok(completionScript('fish', nodes).includes(String.raw`-d 'a repository'\''s care'`))
  assert.ok(completionScript('zsh', nodes).includes(String.raw`'repo:a repository'\''s care'`))
})

test('every shell gets a script of the real program', async () => {
  for (const shell of shells) {
    const run = await runWords(['completion', shell])
    assert.equal(run.code, 0)
    assert.match(run.stdout, /backup/)
    assert.match(run.stdout, /exclude-caches/)
    if (shell === 'bash') execFileSync('bash', ['-n'], { input: run.stdout })
  }
})
