import * as v from 'valibot'
import type { Finding } from './finding.ts'
import { EVENTS, KEYS, type Kind } from './keys.ts'

const text = v.string('must be a text')
const filled = v.pipe(text, v.nonEmpty('must not be empty'))
const texts = v.array(text, 'must be a list of texts')
/** valibot takes a list for an object without keys. */
function noList<Schema extends v.GenericSchema>(schema: Schema, message: string) {
  return v.pipe(
    v.custom<v.InferInput<Schema>>((value) => !Array.isArray(value), message),
    schema,
  )
}

const object = noList(v.record(v.string(), v.unknown(), 'must be an object'), 'must be an object')

/** `Tool` or `Tool(content)`; which tools there are is not ours to say. */
const rule = v.pipe(
  text,
  v.regex(/^[A-Za-z_][\w.*:-]*(?:\([^]+\))?$/, 'must be a permission rule: Tool, or Tool(content) up to its last character'),
)
const rules = v.array(rule, 'must be a list of permission rules')

const OF_TYPE: Readonly<Record<string, string>> = { command: 'command', prompt: 'prompt', agent: 'prompt', http: 'url' }
const hook = v.pipe(
  v.looseObject({ type: filled, timeout: v.optional(v.number('must be a number of seconds')) }, 'must be an object'),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return
    const hook: Record<string, unknown> = dataset.value
    const needs = OF_TYPE[dataset.value.type]
    if (needs === undefined || (typeof hook[needs] === 'string' && hook[needs] !== '')) return
    addIssue({ message: `of type ${JSON.stringify(dataset.value.type)} must have ${JSON.stringify(needs)}, a text that is not empty` })
  }),
)
const matched = v.looseObject(
  { matcher: v.optional(text), hooks: v.array(hook, 'must be a list of hooks') },
  'must be { matcher, hooks: [ … ] }',
)
const program = v.looseObject({ type: v.literal('command', "must be 'command'"), command: filled }, 'must be { type, command }')

const BY_KIND: Readonly<Record<Kind, v.GenericSchema>> = {
  boolean: v.boolean('must be true or false'),
  string: text,
  number: v.number('must be a number'),
  texts,
  list: v.array(v.unknown(), 'must be a list'),
  object,
  any: v.unknown(),
}

const entries: Record<string, v.GenericSchema> = Object.fromEntries(
  Object.entries(KEYS).flatMap(([kind, names]) => names.split(' ').map((name) => [name, v.optional(BY_KIND[kind as Kind])])),
)

const known = v.looseObject(
  {
    ...entries,
    permissions: v.optional(
      v.looseObject(
        {
          allow: v.optional(rules),
          ask: v.optional(rules),
          deny: v.optional(rules),
          additionalDirectories: v.optional(texts),
          defaultMode: v.optional(text),
        },
        'must be an object',
      ),
    ),
    hooks: v.optional(
      noList(v.record(v.string(), v.array(matched, 'must be a list'), 'must be an object'), 'must be an object, from an event to a list'),
    ),
    env: v.optional(v.record(v.string(), v.union([text, v.number(), v.boolean()], 'must be a text'), 'must be an object')),
    model: v.optional(text),
    statusLine: v.optional(program),
    subagentStatusLine: v.optional(program),
    fileSuggestion: v.optional(program),
  },
  'must be a JSON object',
)

const settings = noList(known, 'must be a JSON object')

/** A command that settings name, and where. */
export interface Command {
  readonly place: string
  readonly command: string
}

/** What is wrong, or only unknown, in the value of settings.json, and which commands it names. */
export function judgeSettings(value: unknown): { findings: Finding[]; commands: Command[] } {
  const parsed = v.safeParse(settings, value)
  if (!parsed.success) {
    const findings = parsed.issues.map((issue): Finding => {
      const place = (issue.path ?? []).map((item) => String(item.key)).join('.')
      const at = (issue.path ?? []).map((item) => String(item.key))
      return { kind: 'error', place: 'settings.json', message: `${place === '' ? 'it' : place} ${issue.message}`, at }
    })
    return { findings, commands: [] }
  }
  return { findings: [...unknownKeys(parsed.output), ...unknownHooks(parsed.output.hooks ?? {})], commands: commandsIn(parsed.output) }
}

function unknownKeys(value: object): Finding[] {
  return Object.keys(value)
    .filter((key) => !Object.hasOwn(known.entries, key))
    .map((key) => warning(`${key} is no key that is known here; is it spelt right?`, [key]))
}

type Hooks = Record<string, v.InferOutput<typeof matched>[]>

function unknownHooks(hooks: Hooks): Finding[] {
  const events = EVENTS.split(' ')
  const types = Object.values(hooks).flatMap((each) => each.flatMap((one) => one.hooks.map(({ type }) => type)))
  return [
    ...Object.keys(hooks)
      .filter((event) => !events.includes(event))
      .map((event) => warning(`hooks.${event} is no event that is known here; is it spelt right?`, ['hooks', event])),
    ...[...new Set(types)]
      .filter((type) => OF_TYPE[type] === undefined)
      .map((type) => warning(`a hook is of the unknown type ${JSON.stringify(type)}`, ['hooks'])),
  ]
}

function commandsIn(value: v.InferOutput<typeof settings>): Command[] {
  const hooks = Object.entries(value.hooks ?? {}).flatMap(([event, all]) =>
    all.flatMap((one, index) =>
      one.hooks.flatMap((hook, at) => {
        const { type, command, args } = hook as { type: string; command?: unknown; args?: unknown }
        // Without a shell the command is one word.
        return type === 'command' && typeof command === 'string'
          ? [{ place: `hooks.${event}.${index}.hooks.${at}`, command: Array.isArray(args) ? JSON.stringify(command) : command }]
          : []
      }),
    ),
  )
  const named = (['statusLine', 'subagentStatusLine', 'fileSuggestion'] as const).flatMap((place) => {
    const program = value[place]
    return program === undefined ? [] : [{ place, command: program.command }]
  })
  return [...hooks, ...named]
}

function warning(message: string, at: readonly string[]): Finding {
  return { kind: 'warning', place: 'settings.json', message, at }
}
