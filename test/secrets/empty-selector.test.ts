import { expect, test } from 'vitest'
import { newIdentity } from '../../lib/secrets/age.ts'
import { encryptSops } from '../../lib/secrets/sops/encrypt.ts'
import type { Rule } from '../../lib/secrets/sops/rules.ts'

test('a selector that is empty, which SOPS takes for none, is refused: nothing is written that does not decrypt', async () => {
  const { recipient } = await newIdentity()
  const rules: Rule[] = [
    { kind: 'encrypted_suffix', suffix: '' },
    { kind: 'unencrypted_suffix', suffix: '' },
    { kind: 'encrypted_regex', pattern: '' },
    { kind: 'unencrypted_comment_regex', pattern: '' },
  ]
  for (const rule of rules) {
    const made = encryptSops(Buffer.from('{"a":"s3cret"}'), { format: 'json', recipients: [recipient], now: new Date(), rule })
    await expect(made, rule.kind).rejects.toThrow(`${rule.kind} is empty`)
  }
})
