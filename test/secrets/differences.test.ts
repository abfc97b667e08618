import { expect, test } from 'vitest'
import { differences } from '../../lib/secrets/sops/differences.ts'
import { readJson } from '../../lib/secrets/sops/json.ts'
import { readMetadata, type Metadata } from '../../lib/secrets/sops/metadata.ts'
import { readPolicy, type CreationRule } from '../../lib/secrets/sops/policy.ts'

async function rule(text: string): Promise<CreationRule> {
  const [first] = (await readPolicy(`creation_rules:\n  - ${text.replaceAll('\n', '\n    ')}\n`)).rules
  if (first === undefined) throw new Error('no rule')
  return first
}

function file(fields: Record<string, unknown>): Metadata {
  return readMetadata(readJson(JSON.stringify({ lastmodified: '2026-01-01T00:00:00Z', mac: 'm', version: '3.13.3', ...fields })))
}

const age = (...names: string[]): { recipient: string; enc: string }[] => names.map((recipient) => ({ recipient, enc: 'x' }))

test('a file that is as its rule says differs in nothing, whatever the order, the comments of its SSH keys, and who is named twice', async () => {
  expect(
    differences(await rule("age: 'a,b,ssh-ed25519 AAA me@home'"), file({ age: age('ssh-ed25519 AAA', 'b', 'a', 'a') }), false),
  ).toEqual([])
  const groups = {
    key_groups: [{ age: age('b') }, { age: age('a', 'c') }],
    shamir_threshold: 2,
    encrypted_regex: '^x',
    mac_only_encrypted: true,
  }
  const same = 'key_groups: [{age: [c, a]}, {age: [b]}]\nencrypted_regex: ^x\nmac_only_encrypted: true'
  expect(differences(await rule(same), file(groups), false)).toEqual([])
  expect(
    differences(
      await rule('age: a\npgp: F\nazure_keyvault: u'),
      file({ age: age('a'), pgp: [{ fp: 'F' }], azure_kv: [{ name: 'u' }] }),
      false,
    ),
  ).toEqual([])
  // A binary file has no selector, and its reader needs none.
  expect(differences(await rule('age: a\nencrypted_regex: x\nmac_only_encrypted: true'), file({ age: age('a') }), true)).toEqual([])
})

test('whoever is in the file and not in the rule is found first, then whoever the rule names in vain', async () => {
  const found = differences(await rule('age: [a, b]\nkms: k'), file({ age: age('a', 'mallory'), pgp: [{ fp: 'F' }] }), false)
  expect(found.map(({ kind, who }) => [kind, who])).toEqual([
    ['injected', 'mallory'],
    ['injected', 'a key of kind pgp'],
    ['missing', 'b'],
    ['missing', 'a key of kind kms'],
  ])
})

test('another threshold, other groups, another selector and another reach of the MAC are found', async () => {
  const three = 'shamir_threshold: 2\nkey_groups: [{age: [a]}, {age: [b]}, {age: [c]}]'
  const kinds = async (text: string, fields: Record<string, unknown>): Promise<string[]> =>
    differences(await rule(text), file(fields), false).map(({ kind }) => kind)
  expect(await kinds(three, { age: age('a', 'b', 'c') })).toEqual(['groups'])
  expect(await kinds(three, { key_groups: [{ age: age('a') }, { age: age('b') }, { age: age('c') }], shamir_threshold: 3 })).toEqual([
    'groups',
  ])
  // With the key of a in a second group, a alone has two of three parts.
  expect(await kinds(three, { key_groups: [{ age: age('a') }, { age: age('b', 'a') }, { age: age('c') }], shamir_threshold: 2 })).toEqual([
    'groups',
  ])
  expect(await kinds('age: a', { age: age('a'), unencrypted_regex: '.*' })).toEqual(['selector'])
  expect(await kinds('age: a', { age: age('a'), mac_only_encrypted: true })).toEqual(['mac'])
})
