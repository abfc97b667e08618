import { expect, test } from 'vitest'
import { newIdentity } from '../../lib/secrets/age.ts'
import type { Branch, Value } from '../../lib/secrets/sops/document.ts'
import { encryptSops } from '../../lib/secrets/sops/encrypt.ts'
import { readYaml } from '../../lib/secrets/sops/yaml-read.ts'
import { noSops, realSops } from '../support/real-sops.ts'

const NOW = new Date('2026-03-01T12:00:00Z')

/** A text, and the keys around each of its comments as sops sees them. */
const TEXTS: readonly (readonly [text: string, around: Readonly<Record<string, string>>])[] = [
  ['a:\n  b:\n    c: 1\n  # e\nz: 1\n', { e: '/a/b' }],
  ['a:\n  b:\n    c: 1\n  # e\n\nz: 1\n', { e: '/a' }],
  ['a:\n  b:\n    c: 1\n# e\nz: 1\n', { e: '' }],
  ['a:\n  b:\n    c: 1\n    # d\n  # e\n# f\nz: 1\n', { d: '/a/b', e: '/a', f: '' }],
  ['a:\n- x\n# e\n\nz: 1\n', { e: '/a' }],
  ['a:\n- x\n\n# e\n\nz: 1\n', { e: '' }],
  ['a:\r\n- x\r\n# e\r\nz: 1\r\n', { e: '/a' }],
  ['a:\n  - b\n  - # e\nz: 1\n', { e: '' }],
  ['a:\n- b:\n    c: 1\n-\n  # e\n  d: 1\n', { e: '/a' }],
  ['a: !!map # e\n  b: 1\n', { e: '/a' }],
  ['a: &x # e\n  b: 1\n', { e: '/a' }],
  ['a: # e\n  b: 1\n', { e: '' }],
  ['a: {x: [], y: 2, # e\n  z: {u: 3}, # f\n  } # g\n', { e: '/a', f: '/a/z', g: '/a' }],
]

test.for(TEXTS)('each comment of a YAML file is taken to be among the keys where sops sees it: %j', async ([text, around]) => {
  expect(placed(await readYaml(text))).toEqual(around)
})

test('sops decrypts each of these comments when we have encrypted it', async ({ skip }) => {
  skip(noSops !== null, noSops ?? '')
  const sops = await realSops()
  for (const [text, around] of TEXTS) {
    const { bytes } = await encryptSops(Buffer.from(text), { format: 'yaml', recipients: [sops.to], now: NOW })
    for (const name of Object.keys(around)) expect(bytes.toString()).not.toContain(`# ${name}`)
    const plain = sops.run('decrypt', 'yaml', bytes).toString()
    expect(plain).not.toContain('ENC[')
    for (const name of Object.keys(around)) expect(plain).toContain(`# ${name}`)
  }
  sops.close()
})

function placed(documents: readonly Branch[]): Record<string, string> {
  const found: Record<string, string> = {}
  const visit = (value: Value, path: string): void => {
    if (typeof value !== 'object' || value === null || !('kind' in value)) return
    if (value.kind === 'comment') found[value.text.trim()] = path
    if (value.kind !== 'branch' && value.kind !== 'list') return
    for (const entry of value.items) {
      if (typeof entry === 'object' && entry !== null && 'kind' in entry && entry.kind === 'item')
        visit(entry.value, `${path}/${entry.key}`)
      else visit(entry, path)
    }
  }
  for (const document of documents) visit(document, '')
  return found
}

test('under a rule that goes by comments a file that would be read otherwise is refused before it is given away', async () => {
  const { recipient } = await newIdentity()
  const rule = { kind: 'encrypted_comment_regex', pattern: 'note' } as const
  for (const text of ['{a:[{n,d: d} #note\n]}', 'b:\n- {1",é: 0} #note\n#\n-']) {
    const written = encryptSops(Buffer.from(text), { format: 'yaml', recipients: [recipient], now: NOW, rule })
    await expect(written).rejects.toThrow('cannot be encrypted under encrypted_comment_regex')
  }
})
