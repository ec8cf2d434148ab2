import type { CompletionFlag, CompletionNode } from './completion-model.ts'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** A script that teaches a shell the commands and flags of this program. */
export function completionScript(shell: Shell, nodes: readonly CompletionNode[]): string {
  switch (shell) {
    case 'bash':
      return bashScript(nodes)
    case 'zsh':
      return zshScript(nodes)
    case 'fish':
      return fishScript(nodes)
    default:
      return shell satisfies never
  }
}

const program = 'zakops-backup'

/** Shell code that goes one word further: from "/repo" and "init" to "/repo/init". */
function stepCases(nodes: readonly CompletionNode[]): string[] {
  return nodes.flatMap((node) =>
    node.subcommands.map(({ name }) => `      '${keyOf(node)}:${name}') command="$command/${name}" ;;`),
  )
}

function keyOf(node: CompletionNode): string {
  return node.words.map((word) => `/${word}`).join('')
}

function flagsTaking(nodes: readonly CompletionNode[], what: (takes: CompletionFlag['takes']) => boolean): string[] {
  return [...new Set(nodes.flatMap(({ flags }) => flags.filter(({ takes }) => what(takes)).map(({ flag }) => flag)))]
}

function bashScript(nodes: readonly CompletionNode[]): string {
  const files = flagsTaking(nodes, (takes) => takes === 'file').join('|')
  const texts = flagsTaking(nodes, (takes) => takes === 'text').join('|')
  const choices = nodes.flatMap((node) =>
    node.flags
      .filter(({ takes }) => Array.isArray(takes))
      .map(({ flag, takes }) => `    '${keyOf(node)}:${flag}') words='${(takes as readonly string[]).join(' ')}' ;;`),
  )
  const offers = nodes.map((node) => {
    const words = [...node.subcommands.map(({ name }) => name), ...node.flags.map(({ flag }) => flag)]
    return `    '${keyOf(node)}') words='${words.join(' ')}' ;;`
  })
  return `# bash completion for ${program}: source it, or put it into /etc/bash_completion.d/
_zakops_backup() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command='' words='' at
  for ((at = 1; at < COMP_CWORD; at++)); do
    case "$command:\${COMP_WORDS[at]}" in
${stepCases(nodes).join('\n')}
    esac
  done
  COMPREPLY=()
  case "$previous" in
    ${files || '-'}) compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
    ${texts || '-'}) return ;;
  esac
  case "$command:$previous" in
${choices.join('\n')}
  esac
  if [[ -n $words ]]; then COMPREPLY=($(compgen -W "$words" -- "$current")); return; fi
  case "$command" in
${offers.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [[ \${#COMPREPLY[@]} -eq 0 && $current != -* ]]; then
    compopt -o filenames
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -F _zakops_backup ${program}`
}

function zshScript(nodes: readonly CompletionNode[]): string {
  const files = flagsTaking(nodes, (takes) => takes === 'file').join('|')
  const texts = flagsTaking(nodes, (takes) => takes === 'text').join('|')
  const offers = nodes.map((node) => {
    const commands = node.subcommands.map(({ name, summary }) => `      ${quoted(`${name}:${summary}`)}`)
    const flags = node.flags.map(({ flag, summary }) => `      ${quoted(`${flag}:${summary}`)}`)
    return `    '${keyOf(node)}')
      commands=(
${commands.join('\n')}
      )
      flags=(
${flags.join('\n')}
      ) ;;`
  })
  const choices = nodes.flatMap((node) =>
    node.flags
      .filter(({ takes }) => Array.isArray(takes))
      .map(
        ({ flag, takes }) =>
          `    '${keyOf(node)}:${flag}') compadd -- ${(takes as readonly string[]).join(' ')}; return ;;`,
      ),
  )
  return `#compdef ${program}
# zsh completion for ${program}: put it as _${program} into a folder of $fpath
_zakops_backup() {
  local command='' at previous="$words[CURRENT-1]"
  local -a commands flags
  for ((at = 2; at < CURRENT; at++)); do
    case "$command:$words[at]" in
${stepCases(nodes).join('\n')}
    esac
  done
  case "$previous" in
    ${files || '-'}) _files; return ;;
    ${texts || '-'}) return ;;
  esac
  case "$command:$previous" in
${choices.join('\n')}
  esac
  case "$command" in
${offers.join('\n')}
  esac
  if [[ $PREFIX == -* ]]; then
    _describe -o option flags
  elif (( $#commands )); then
    _describe command commands
  else
    _files
  fi
}
compdef _zakops_backup ${program}`
}

function fishScript(nodes: readonly CompletionNode[]): string {
  const lines = [`# fish completion for ${program}: put it into ~/.config/fish/completions/${program}.fish`]
  for (const node of nodes) {
    const when = fishCondition(node, nodes)
    for (const { name, summary } of node.subcommands) {
      lines.push(`complete -c ${program} -n ${quoted(when)} -f -a ${quoted(name)} -d ${quoted(summary)}`)
    }
    for (const { flag, summary, takes } of node.flags) {
      const name = flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`
      const word =
        takes === 'nothing'
          ? ''
          : takes === 'file'
            ? ' -r -F'
            : takes === 'text'
              ? ' -x'
              : ` -x -a ${quoted(takes.join(' '))}`
      lines.push(`complete -c ${program} -n ${quoted(when)} ${name}${word} -d ${quoted(summary)}`)
    }
  }
  return lines.join('\n')
}

/** fish asks, for each offer, whether its command is the one being typed. */
function fishCondition(node: CompletionNode, nodes: readonly CompletionNode[]): string {
  if (node.words.length === 0) return '__fish_use_subcommand'
  const seen = node.words.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ')
  const below = nodes.find((one) => one === node)!.subcommands.map(({ name }) => name)
  return below.length === 0 ? seen : `${seen}; and not __fish_seen_subcommand_from ${below.join(' ')}`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
