/** Reads what was made to exhaust its reader, in a process of its own whose memory `bounded.test.ts` limits; prints what came of it. */
import { newIdentity } from '../../lib/secrets/age.ts'
import { faultKind } from '../../lib/secrets/fault.ts'
import { decryptSops } from '../../lib/secrets/sops/decrypt.ts'
import { encryptSops } from '../../lib/secrets/sops/encrypt.ts'

const SIZE = 10_000_000
const repeated = (text: string): string => text.repeat(SIZE / text.length)

const texts: Readonly<Record<string, () => string>> = {
  'JSON: arrays in arrays': () => `{"a":${repeated('[')}`,
  'JSON: objects in objects': () => repeated('{"a":'),
  'YAML: lists in lists': () => `a: ${repeated('[')}`,
  'YAML: mappings in mappings': () => `a: ${repeated('{a: ')}`,
  'YAML: dashes behind dashes': () => `a:\n ${repeated('- ')}`,
  'YAML: keys of keys': () => repeated('? '),
  'YAML: ever further in': () => Array.from({ length: 4400 }, (_, index) => `${' '.repeat(index)}a:`).join('\n'),
  'YAML: aliases of aliases': () => bomb((name) => `[${Array.from({ length: 10 }, () => `*${name}`).join(', ')}]`),
  'YAML: aliases in mappings': () => bomb((name) => `{a: *${name}, b: *${name}}`),
  'YAML: tags without end': () => `a: ${repeated('!!str ')}`,
}

function bomb(twice: (name: string) => string): string {
  return `a0: &a0 {a: b}\n${Array.from({ length: 40 }, (_, index) => `a${index + 1}: &a${index + 1} ${twice(`a${index}`)}\n`).join('')}`
}

const { recipient } = await newIdentity()
const outcome = async (work: () => Promise<unknown>): Promise<{ seconds: number; came: string }> => {
  const start = performance.now()
  const came = await work().then(
    () => 'fine',
    (error: unknown) => faultKind(error) ?? String(error),
  )
  return { seconds: (performance.now() - start) / 1000, came }
}

const refused: Record<string, { seconds: number; came: string }> = {}
for (const [name, text] of Object.entries(texts))
  refused[name] = await outcome(() => decryptSops(Buffer.from(text()), [], { format: name.startsWith('JSON') ? 'json' : 'yaml' }))

const selected: Record<string, { seconds: number; came: string }> = {}
for (const pattern of ['^(a+)+$', '(a|aa)+$', '(.*a){25}', '((a{0,30}){0,30})$']) {
  const document = Buffer.from(JSON.stringify({ [`${'a'.repeat(5000)}!`]: 'b' }))
  const rule = { kind: 'encrypted_regex', pattern } as const
  selected[pattern] = await outcome(() => encryptSops(document, { format: 'json', recipients: [recipient], now: new Date(0), rule }))
}
console.log(JSON.stringify({ refused, selected, megabytes: process.resourceUsage().maxRSS / 1024 }))
