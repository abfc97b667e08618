import * as fc from 'fast-check'
import { text } from './json-texts.ts'

/*
 * YAML as people write it, in every style that the language has: not what a library emits, but what it has to read. A
 * drawn document is a tree with its styles; the writer below turns it into text. Some texts are no YAML in the end, or
 * none that SOPS takes: those show whether we refuse the same.
 */

type Scalar = {
  readonly kind: 'scalar'
  readonly style: Style
  readonly text: string
  readonly mark: string
  readonly chomp: '' | '-' | '+'
}
type Collection = {
  readonly kind: 'map' | 'seq'
  readonly flow: boolean
  readonly entries: readonly Entry[]
  readonly mark: string
  readonly step: number
}
type Node = Scalar | Collection | { readonly kind: 'alias'; readonly name: string } | { readonly kind: 'nothing' }
/** `raw` is unquoted whether that is possible or not. */
type Style = 'plain' | 'single' | 'double' | 'literal' | 'folded' | 'raw'

interface Entry {
  readonly key: Scalar
  readonly value: Node
  /** Comment lines and blank lines above. */
  readonly above: readonly Note[]
  /** What stands behind the value, or behind the key of a block. */
  readonly behind: string
}

interface Note {
  readonly text: string | null
  /** Which indentation it stands at: the entry's own, none, or further in. */
  readonly place: 'own' | 'none' | 'deeper'
}

const NUMBERS = '0777 0o17 -0x1F 0b101 1_000 +12 08 1. .5 1e3 1e400 9223372036854775807 -9223372036854775808 -0 -0.0 1e21 1.50 0.1 _ 1__0 .'
const WORDS =
  'yes TRUE tRUE ~ null -.INF .nan NaN 12:30:45 1:30 2020-01-01 2020-1-2 2001-12-14t21:59:43.10-05:00 1.2.3 word x y žluť 漢字 😀'
const SYNTAX = `- a#b a:b @x http://x/y?z=1&b it's << = end: [a {a a] %x \`x\` !x &x *x`
const BLANKS = ['', 'a b', 'two words', 'say "x"', 'a, b', '? x', ': x', '- x', '2001-12-14 21:59:43.10']
const PLAIN = [...[NUMBERS, WORDS, SYNTAX].flatMap((line) => line.split(' ')), ...BLANKS]
const MULTI = [
  'one\ntwo',
  'one\n\ntwo',
  'one\n  two\nthree\n',
  '  lead\nx',
  '\nfirst',
  'tail \nx\n',
  'a\n\n\n',
  '\n',
  'tab\there\n',
  '# no comment\n',
  'a: b\n- c\n',
  'long '.repeat(30),
]

const style = fc.oneof(
  { weight: 60, arbitrary: fc.constantFrom<Style>('plain', 'plain', 'plain', 'single', 'double', 'literal', 'folded') },
  fc.constant<Style>('raw'),
)
const chomp = fc.constantFrom<Scalar['chomp']>('', '-', '+')
const tag = fc.oneof(
  { weight: 20, arbitrary: fc.constant('') },
  fc.constantFrom('!!str ', '!!str ', '!custom ', '! ', '&a ', '&b ', '&a !!str ', '!!str &b '),
)
const words = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...PLAIN) }, { weight: 2, arbitrary: fc.constantFrom(...MULTI) }, text)

const scalar: fc.Arbitrary<Scalar> = fc.record({ kind: fc.constant('scalar' as const), style, text: words, mark: tag, chomp })
const keys = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('a', 'b', 'c', 'key', 'x_unencrypted', 'a b', 'é', 'a:b', '__proto__', 'k1') },
  { weight: 2, arbitrary: text },
)
const key: fc.Arbitrary<Scalar> = fc
  .record({ style: fc.constantFrom<Style>('plain', 'plain', 'plain', 'single', 'double'), text: keys })
  .filter((drawn) => drawn.text !== 'sops')
  .map(({ style: how, text: name }) => ({ kind: 'scalar', style: how, text: name, mark: '', chomp: '' }))

const remark = fc.constantFrom(
  ' note',
  ' note',
  'tight',
  '',
  ' two  blanks ',
  ' é😀',
  '# twice',
  ' a: b',
  " it's",
  '!x',
  ' ENC[no]',
  '\ttab',
)
const note: fc.Arbitrary<Note> = fc.record({
  text: fc.oneof({ weight: 2, arbitrary: remark }, fc.constant(null)),
  place: fc.constantFrom('own', 'own', 'own', 'own', 'none', 'deeper'),
})
const notes: fc.Arbitrary<Note[]> = fc.oneof({ weight: 3, arbitrary: fc.constant<Note[]>([]) }, fc.array(note, { maxLength: 3 }))
const behind = fc.oneof(
  { weight: 4, arbitrary: fc.constant('') },
  remark.map((words) => ` #${words}`),
  fc.constantFrom('  ', '\t', '\t# tab'),
)

const node = fc.letrec<{ node: Node; map: Collection; seq: Collection }>((tie) => {
  const entry = fc.record({ key, value: tie('node'), above: notes, behind })
  const common = {
    entries: fc.array(entry, { maxLength: 4 }),
    flow: fc.boolean().map((one) => one),
    mark: fc.constantFrom('', '', '', '', '&a ', '&b ', '!!map '),
    step: fc.nat(4),
  }
  return {
    node: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      { weight: 5, arbitrary: scalar },
      { weight: 1, arbitrary: fc.constant({ kind: 'nothing' as const }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('alias' as const), name: fc.constantFrom('a', 'b') }) },
      { weight: 2, arbitrary: tie('map') },
      { weight: 2, arbitrary: tie('seq') },
    ),
    map: fc.record({ kind: fc.constant('map' as const), ...common }),
    seq: fc.record({ kind: fc.constant('seq' as const), ...common, mark: fc.constantFrom('', '', '', '&a ', '!!seq ') }),
  }
})

/** The text of a YAML file of one or more documents. */
export const yamlText: fc.Arbitrary<string> = fc
  .record({
    documents: fc.array(fc.record({ map: node.map, end: notes }), { minLength: 1, maxLength: 3 }),
    marker: fc.constantFrom('---\n', '--- # mark\n', '---\n\n', '...\n---\n', '---   \n'),
    first: fc.constantFrom('', '', '', '', '---\n', '# top\n', '# top\n\n', '%YAML 1.1\n---\n', '\n', '# top\n---\n', '\ufeff'),
    last: fc.constantFrom('', '', '', '...\n', '---\n', '\n\n', '# end\n', '  # end further in\n'),
    ends: fc.constantFrom('\n', '\n', '\n', '\n', '\r\n'),
    final: fc.boolean(),
  })
  .map(({ documents, marker, first, last, ends, final }) => {
    const bodies = documents.map(({ map, end }, index) =>
      anchored(writeBlock({ ...map, flow: false, mark: '' }, '') + end.map((each) => writeNote(each, '')).join(''), index),
    )
    const whole = `${first}${bodies.join(marker)}${last}`.replaceAll('\n', ends)
    return final ? whole.replace(/\r?\n$/, '') : whole
  })

/**
 * Aliases of what there is not become text. So do all in later documents: an alias there that stands for itself makes
 * sops recurse until its stack ends, which takes long.
 */
function anchored(body: string, index: number): string {
  return body.replaceAll(/\*([ab])(?=[\s,\]}])/g, (alias, name: string, at: number) =>
    index === 0 && body.slice(0, at).includes(`&${name} `) ? alias : `${name}${name}`,
  )
}

function writeNote({ text: words, place }: Note, indent: string): string {
  return words === null ? '\n' : `${place === 'none' ? '' : place === 'own' ? indent : `${indent}  `}#${words}\n`
}

/** The entries of a block collection, each on lines of its own. An empty one has to be in flow style. */
function writeBlock(map: Collection, indent: string): string {
  if (map.entries.length === 0) return indent === '' ? '' : `${indent}${map.kind === 'map' ? '{}' : '[]'}\n`
  return once(map)
    .map(({ key: name, value, above, behind: rest }) => {
      const head = map.kind === 'map' ? `${writeKey(name)}:` : '-'
      const notes = above.map((each) => writeNote(each, indent)).join('')
      return `${notes}${indent}${head}${writeValue(value, indent, map, rest)}`
    })
    .join('')
}

/** A key that is there twice makes the whole text worthless for the test, most of the time. */
function once({ kind, entries }: Pick<Collection, 'kind' | 'entries'>): readonly Entry[] {
  if (kind === 'seq') return entries
  return entries.filter(({ key: { text: name } }, index) => entries.findIndex((other) => other.key.text === name) === index)
}

function writeValue(value: Node, indent: string, around: Collection, rest: string): string {
  if (value.kind === 'nothing') return `${rest}\n`
  if (value.kind === 'alias') return ` *${value.name}${rest}\n`
  if (value.kind === 'scalar') return writeScalar(value, indent, rest)
  if (value.flow || value.entries.length === 0) return ` ${value.mark}${writeFlow(value, `${indent}  `)}${rest}\n`
  // A sequence may stand right below its key; a collection in a list may begin on the line of its dash.
  const step = value.kind === 'seq' && around.kind === 'map' && value.step === 0 ? '' : ' '.repeat(value.step || 2)
  const block = writeBlock(value, indent + step)
  const compact = around.kind === 'seq' && value.mark === '' && rest === '' && value.entries[0]?.above.length === 0
  if (compact && value.step !== 3) return writeBlock(value, `${indent}  `).replace(/^ +/, ' ')
  return `${value.mark === '' ? '' : ` ${value.mark.trim()}`}${rest}\n${block}`
}

function writeScalar({ style: how, text: words, mark, chomp: end }: Scalar, indent: string, rest: string): string {
  // A block of nothing but blanks is empty to the parser that we use, and not to that of sops.
  if ((how === 'literal' || how === 'folded') && /\S|^$/.test(words) && !/[\r\u0085\u2028\u2029]/.test(words)) {
    const hint = /^[ \n]/.test(words) ? '2' : ''
    const body = words.split('\n').map((line) => (line === '' ? '' : `${indent}  ${line}`))
    return ` ${mark}${how === 'literal' ? '|' : '>'}${hint}${end}${rest}\n${body.join('\n')}\n`
  }
  return ` ${mark}${spelled(how, words, `${indent}  `)}${rest}\n`
}

function writeKey({ style: how, text: words }: Scalar): string {
  // An unquoted key has to be text.
  const name = words.replaceAll('\n', ' ')
  return spelled(how === 'plain' && !/^[a-zé_]\S*$/.test(name) ? 'double' : how, name, '')
}

function spelled(how: Style, words: string, indent: string, flow = false): string {
  // Line breaks in quotes and in plain text are folded: each one is doubled, and lines are indented.
  const folded = words.replaceAll(/ *\n */g, `\n\n${indent}`)
  if ((how === 'raw' && !/\p{Cc}/u.test(words)) || (how === 'plain' && staysPlain(words, flow))) return folded
  if (how === 'double' || /[^\P{C}\n]|[\u2028\u2029\ufeff]/u.test(words))
    return JSON.stringify(words.toWellFormed()).replaceAll('\u007f', '\\x7f')
  return `'${folded.replaceAll("'", "''")}'`
}

/** A cautious guess. */
function staysPlain(words: string, flow: boolean): boolean {
  if (/[^\P{C}\n]|[\u2028\u2029\ufeff]/u.test(words) || /: |:$| #|^\s|\s$|[\t\n]/.test(words)) return false
  if (/^[,[\]{}#&*!|>'"%@`]|^[-?:](?: |$)|^(?:---|\.\.\.)/.test(words)) return false
  return !(flow && (words === '' || words === '-' || /[,[\]{}:?]/.test(words)))
}

function writeFlow({ kind, entries }: Collection, indent: string): string {
  const parts = once({ kind, entries }).map(({ key: name, value, behind: rest }) => {
    const written =
      value.kind === 'scalar'
        ? `${value.mark}${spelled(quoted(value.style), value.text, indent, true)}`
        : value.kind === 'alias'
          ? `*${value.name} `
          : value.kind === 'nothing'
            ? kind === 'map'
              ? ''
              : '~'
            : `${value.mark}${writeFlow(value, indent)}`
    const gap = rest.includes('#') ? `,${rest}\n${indent}` : ', '
    return `${kind === 'map' ? `${spelled(quoted(name.style), name.text.replaceAll('\n', ' '), '', true)}: ` : ''}${written}${gap}`
  })
  return kind === 'map' ? `{${parts.join('')}}` : `[${parts.join('')}]`
}

/** Unquoted text in flow style where it cannot be is read by each library in its own way. */
const quoted = (how: Style): Style => (how === 'literal' || how === 'folded' ? 'double' : how === 'raw' ? 'plain' : how)
