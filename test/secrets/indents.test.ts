import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { newIdentity, parseIdentities } from '../../lib/secrets/age.ts'
import { encryptSops } from '../../lib/secrets/sops/encrypt.ts'
import { readPolicy } from '../../lib/secrets/sops/policy.ts'
import { reencryptSops } from '../../lib/secrets/sops/reencrypt.ts'
import { noSops, realSops } from '../support/real-sops.ts'

const NOW = new Date('2026-03-01T12:00:00Z')
const FLAT = { json: '{}\n', yaml: 'a: x\n', binary: 'x' } as const

/** What is left of the lines without their values. */
const shape = (text: string): string =>
  text
    .split('\n')
    .map((line) => /^[\t ]*(?:- )?"?\w*"?:?/.exec(line.replace(/^([\t ]*)[\w+/=]{40,}$/, '$1'))?.[0])
    .join('\n')

test('what shows no layout of its own is indented as the stores of .sops.yaml say, as sops does it', async ({ skip }) => {
  const real = await realSops()
  const scratch = mkdtempSync(join(tmpdir(), 'gitops-indents-'))
  try {
    for (const [json, yaml] of [
      [2, 2],
      [0, 9],
      [-1, 0],
      [1, 12],
    ]) {
      const text = `stores: {json: {indent: ${json}}, json_binary: {indent: ${json}}, yaml: {indent: ${yaml}}}\ncreation_rules: [{age: '${real.to}'}]\n`
      const { indents } = await readPolicy(text)
      writeFileSync(join(scratch, 'sops.yaml'), text)
      for (const format of ['json', 'yaml', 'binary'] as const) {
        const plaintext = Buffer.from(FLAT[format])
        const ours = (await encryptSops(plaintext, { format, recipients: [real.to], now: NOW, indents })).bytes
        if (noSops !== null) continue
        writeFileSync(join(scratch, 'file'), plaintext)
        const args = [
          '--config',
          join(scratch, 'sops.yaml'),
          'encrypt',
          '--input-type',
          format,
          '--output-type',
          format,
          join(scratch, 'file'),
        ]
        const theirs = execFileSync(process.env['GITOPS_SOPS'] ?? 'sops', args)
        expect(shape(ours.toString()), `${format} ${json} ${yaml}`).toBe(shape(theirs.toString()))
        expect(real.run('decrypt', format, ours).toString().trim()).toBe(FLAT[format].trim())
      }
    }
    skip(noSops !== null, noSops ?? '')
  } finally {
    real.close()
    rmSync(scratch, { recursive: true, force: true })
  }
})

test('a text that has a layout keeps it whatever the stores say, and an encrypted one its own when it is encrypted again', async () => {
  const { identity, recipient } = await newIdentity()
  const identities = await parseIdentities(identity.text(), 'a test')
  const indents = { json: 3, binary: 3, yaml: 3 }
  const options = { recipients: [recipient], now: NOW, indents }
  for (const [format, plain, begins] of [
    ['json', '{\n  "a": "x"\n}\n', '\n  "sops"'],
    ['json', '{"a": "x"}', '\n   "age"'],
    ['yaml', 'a:\n  b: x\n', '\n  age'],
    ['yaml', 'a: x\n', '\n   age'],
  ] as const) {
    const { bytes } = await encryptSops(Buffer.from(plain), { ...options, format })
    expect(bytes.toString()).toContain(begins)
    const next = await reencryptSops(bytes, Buffer.from(plain.replace('x', 'y')), { ...options, identities })
    const different = next.bytes
      .toString()
      .split('\n')
      .filter((line) => !bytes.toString().split('\n').includes(line))
    expect(different).toHaveLength(2)
  }
})
