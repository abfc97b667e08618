import { expect, test } from 'vitest'
import { newIdentity } from '../../lib/secrets/age.ts'
import { decryptSops } from '../../lib/secrets/sops/decrypt.ts'
import { encryptSops } from '../../lib/secrets/sops/encrypt.ts'
import { noSops, realSops } from '../support/real-sops.ts'

const NOW = new Date('2026-03-01T12:00:00Z')
const TAKEN = ['%YAML 1.1\n---\na: 1\n', '# x\n\n%TAG ! tag:example.com,2000:app/\n---\na: 1\n', 'a: |-\n  x\n  ...\n  %YAML 1.2\n']
const REFUSED: readonly (readonly [text: string, line: number])[] = [
  ['%YAML 1.2\n---\na: 1\n', 1],
  ['# x\r\n\r\n%YAML 1.2\r\n---\r\na: 1\r\n', 3],
  ['%YAML 1.10\n---\na: 1\n', 1],
  ['%FOO bar\n---\na: 1\n', 1],
  ['\uFEFF%YAML 1.2\n---\na: 1\n', 1],
  ['a: 1\n... # end\n# x\n%TAG ! tag:example.com,2000:app/\n%YAML 1.2\n---\nb: 1\n', 5],
]

test('YAML with a directive that SOPS does not read is refused by its line; what it reads keeps its directive', async () => {
  const to = (await newIdentity()).recipient
  const encrypt = async (text: string): Promise<string> =>
    (await encryptSops(Buffer.from(text), { format: 'yaml', recipients: [to], now: NOW })).bytes.toString()
  for (const [text, line] of REFUSED)
    await expect(encrypt(text), JSON.stringify(text)).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining(`directive at line ${line} `) as string,
    })
  for (const text of TAKEN) expect(await encrypt(text)).toContain(/^%.*/m.exec(text)?.[0] ?? 'sops:')
  const json = await encryptSops(Buffer.from('%YAML 1.2\n---\na: 1\n'), { input: 'yaml', format: 'json', recipients: [to], now: NOW })
  expect(json.bytes.toString()).toContain('"a": "ENC[')
})

test.skipIf(noSops !== null)('the real sops refuses the directives that are refused here, and no others', async () => {
  const real = await realSops()
  try {
    for (const [text] of REFUSED)
      expect(() => real.run('encrypt', 'yaml', Buffer.from(text), '--age', real.to), JSON.stringify(text)).toThrow(/YAML|directive/)
    for (const text of TAKEN) {
      const { bytes } = await encryptSops(Buffer.from(text), { format: 'yaml', recipients: [real.to], now: NOW })
      expect(real.run('decrypt', 'yaml', bytes).length).toBeGreaterThan(0)
      expect((await decryptSops(bytes, real.identities)).plaintext.text()).toBe(text)
    }
  } finally {
    real.close()
  }
})
