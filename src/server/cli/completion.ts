/**
 * `sessionglass completion`: what a shell completes, made of the same table as the manual.
 */
import { type Command, EXIT } from './command.js'
import { UsageError } from './terminal.js'

const SHELLS = ['bash', 'zsh', 'fish'] as const

/** @param commands - all others; a function, because this one is among them */
export function completionOf(commands: () => readonly Command[]): Command {
  return {
    name: 'completion',
    summary: 'prints the completions of a shell',
    usage: SHELLS.join(' | '),
    about: 'Prints a script that completes commands, options and their values. Add it to the start of your shell.',
    options: {},
    examples: [
      ['source <(sessionglass completion bash)', 'in ~/.bashrc'],
      ['sessionglass completion fish > ~/.config/fish/completions/sessionglass.fish', 'for fish'],
    ],
    async run({ words: [shell], terminal: { stdout } }) {
      const script = SCRIPTS[shell as keyof typeof SCRIPTS]
      if (!script || !Object.hasOwn(SCRIPTS, shell as string))
        throw new UsageError(`One of ${SHELLS.join(', ')} is expected`)
      stdout.write(script(commands()))
      return EXIT.ok
    },
  }
}

const SCRIPTS: Readonly<Record<(typeof SHELLS)[number], (commands: readonly Command[]) => string>> = {
  bash: (commands) => `${bashFunction(commands)}complete -o default -F _sessionglass sessionglass\n`,
  zsh: (commands) =>
    `autoload -U +X bashcompinit && bashcompinit\n${bashFunction(commands)}complete -o default -F _sessionglass sessionglass\n`,
  fish: (commands) => `${commands.flatMap(fishLines).join('\n')}\n`,
}

function bashFunction(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name).join(' ')
  const options = commands.map(
    ({ name, options }) =>
      `    ${name}) options="${[...Object.keys(options), 'help'].map((option) => `--${option}`).join(' ')}" ;;`,
  )
  const choices = commands.flatMap(({ name, options }) =>
    Object.entries(options).flatMap(([option, { choices }]) =>
      choices
        ? [`    "${name} --${option}") COMPREPLY=($(compgen -W "${choices.join(' ')}" -- "$word")); return ;;`]
        : [],
    ),
  )
  return `_sessionglass() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command="\${COMP_WORDS[1]}" options=""
  if [ "$COMP_CWORD" -eq 1 ]; then COMPREPLY=($(compgen -W "${names} --help --version" -- "$word")); return; fi
  case "$command $before" in
${choices.join('\n')}
  esac
  case "$command" in
${options.join('\n')}
  esac
  case "$word" in -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;; esac
}
`
}

function fishLines({ name, summary, options }: Command): string[] {
  const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`
  return [
    `complete -c sessionglass -n __fish_use_subcommand -f -a ${name} -d ${quoted(summary)}`,
    ...Object.entries(options).map(([option, { help, value, choices }]) => {
      const takes = value === undefined ? '' : choices ? ` -x -a ${quoted(choices.join(' '))}` : ' -r'
      return `complete -c sessionglass -n ${quoted(`__fish_seen_subcommand_from ${name}`)} -l ${option}${takes} -d ${quoted(help)}`
    }),
  ]
}
