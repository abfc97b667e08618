import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { newIdentity, parseIdentities, recipient, type AgeIdentity, type Recipient } from '../../lib/secrets/age.ts'
import { newDataKey } from '../../lib/secrets/sops/cipher.ts'
import { recoverDataKey } from '../../lib/secrets/sops/data-key.ts'
import { decryptSops, inspectSops } from '../../lib/secrets/sops/decrypt.ts'
import type { Branch } from '../../lib/secrets/sops/document.ts'
import { encryptSops } from '../../lib/secrets/sops/encrypt.ts'
import { writeJson } from '../../lib/secrets/sops/json-write.ts'
import { readJson } from '../../lib/secrets/sops/json.ts'
import { writeMetadata } from '../../lib/secrets/sops/metadata-write.ts'
import { readMetadata, type Metadata } from '../../lib/secrets/sops/metadata.ts'
import { reencryptSops } from '../../lib/secrets/sops/reencrypt.ts'
import { combineParts, splitSecret } from '../../lib/secrets/sops/shamir.ts'
import { wrapDataKey, wrapsFor } from '../../lib/secrets/sops/wrap-key.ts'

const SOPS = process.env['GITOPS_SOPS'] ?? 'sops'
const NOW = new Date('2026-03-01T12:00:00Z')
const PLAIN = Buffer.from('{"token":"s3cret","port":7}')
const scratch = mkdtempSync(join(tmpdir(), 'gitops-groups-'))

afterAll(() => rmSync(scratch, { recursive: true, force: true }))

interface Person {
  readonly to: Recipient
  readonly text: string
  readonly keys: AgeIdentity[]
}

async function people(count: number): Promise<Person[]> {
  const made = Array.from({ length: count }, async () => {
    const { identity, recipient } = await newIdentity()
    return { to: recipient, text: identity.text(), keys: await parseIdentities(identity.text(), 'a test') }
  })
  return Promise.all(made)
}

const block = (json: unknown): Branch => readJson(JSON.stringify(json))
const text = (written: Branch): string => writeJson(written)

describe('parts of a secret', () => {
  test('any parts that are enough give the secret, whichever they are, and one part less does not', () => {
    const shape = fc.integer({ min: 2, max: 9 }).chain((parts) => fc.tuple(fc.constant(parts), fc.integer({ min: 2, max: parts })))
    fc.assert(
      fc.property(
        shape,
        fc.uint8Array({ minLength: 16, maxLength: 40 }),
        fc.infiniteStream(fc.nat()),
        ([count, threshold], secret, order) => {
          const parts = splitSecret(secret, count, threshold)
          expect(parts.map((part) => part.at(-1))).toEqual(Array.from({ length: count }, (_, index) => index + 1))
          const shuffled = parts.map((part) => ({ part, at: order.next().value as number })).toSorted((one, two) => one.at - two.at)
          const some = shuffled.map(({ part }) => part)
          expect(combineParts(some.slice(0, threshold))?.equals(secret)).toBe(true)
          expect(combineParts(some)?.equals(secret)).toBe(true)
          // Sixteen bytes that are equal by chance: never.
          expect(combineParts(some.slice(0, threshold - 1))?.equals(secret)).toBe(false)
        },
      ),
    )
  })
})

describe('key groups', () => {
  test('a file for two of three groups opens with keys of any two groups, and with no single one', async () => {
    const [one, two, three, four] = (await people(4)) as [Person, Person, Person, Person]
    const recipients = { groups: [[one.to], [two.to], [three.to, four.to]], threshold: 2 }
    for (const format of ['json', 'yaml'] as const) {
      const { bytes } = await encryptSops(PLAIN, { format, recipients, now: NOW })
      for (const [left, right] of [
        [one, two],
        [two, four],
        [three, one],
      ] as const) {
        const opened = await decryptSops(bytes, [...left.keys, ...right.keys])
        expect(JSON.stringify(opened.recipients)).toBe(JSON.stringify([one.to, two.to, three.to, four.to]))
        expect(opened.plaintext.text()).toContain('s3cret')
      }
      await expect(decryptSops(bytes, two.keys)).rejects.toThrow('2 of its 3 groups, and only 1')
      await expect(decryptSops(bytes, [...three.keys, ...four.keys])).rejects.toThrow('only 1')
    }
  })

  test('a threshold that cannot be, or an empty group, is refused before anything is encrypted', async () => {
    const [one, two] = (await people(2)) as [Person, Person]
    for (const [groups, threshold, said] of [
      [[[one.to], [two.to]], 1, 'shamir_threshold of 1'],
      [[[one.to], [two.to]], 3, 'shamir_threshold of 3'],
      [[[one.to], [two.to]], 1.5, 'shamir_threshold'],
      [[[one.to], []], 2, 'a key group without a recipient'],
      [[[]], 1, 'no recipient'],
      [[], 1, 'no recipient'],
    ] as const) {
      await expect(encryptSops(PLAIN, { format: 'json', recipients: { groups, threshold }, now: NOW })).rejects.toThrow(said)
    }
  })

  test('the real sops opens our two of three, and we open its', async ({ skip }) => {
    skip(spawnSync(SOPS, ['--version']).status !== 0, 'there is no sops here')
    const [one, two, three] = (await people(3)) as [Person, Person, Person]
    const groups = [one, two, three].map(({ to }) => [to])
    const sops = (who: readonly Person[], ...args: string[]): string => {
      const env = { PATH: process.env['PATH'], HOME: scratch, SOPS_AGE_KEY: who.map(({ text: key }) => key).join('\n') }
      return execFileSync(SOPS, args, { cwd: scratch, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    }
    writeFileSync(
      join(scratch, '.sops.yaml'),
      `creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n${groups.map(([to]) => `      - age: ['${to}']\n`).join('')}`,
    )
    writeFileSync(join(scratch, 'plain.json'), PLAIN)
    const theirs = sops([], 'encrypt', 'plain.json')
    expect((await decryptSops(Buffer.from(theirs), [...one.keys, ...three.keys])).plaintext.text()).toContain('s3cret')
    for (const format of ['json', 'yaml'] as const) {
      const ours = await encryptSops(PLAIN, { format, recipients: { groups, threshold: 2 }, now: NOW })
      writeFileSync(join(scratch, `ours.${format}`), ours.bytes)
      expect(sops([three, two], 'decrypt', '--output-type', 'json', `ours.${format}`)).toContain('s3cret')
      expect(() => sops([three], 'decrypt', `ours.${format}`)).toThrow()
      // As laid out by sops: what it writes when it wraps the key again differs only in what must.
      sops([one, two], 'rotate', '-i', `ours.${format}`)
      expect((await decryptSops(readFileSync(join(scratch, `ours.${format}`)), [...two.keys, ...three.keys])).groups).toBe(3)
    }
  })
})

describe('the block of a file is carried, not made again', () => {
  const OLD = {
    kms: [{ arn: 'arn:aws:kms:eu:1:key/x', created_at: '2020-01-01T00:00:00Z', enc: 'AQID', aws_profile: '' }],
    gcp_kms: [],
    hc_vault: null,
    age: [{ recipient: 'age1one', enc: 'sealed one', note: 'kept' }],
    lastmodified: '2020-01-01T00:00:00.5Z',
    mac: 'ENC[old]',
    pgp: [{ created_at: '2020-01-01T00:00:00Z', enc: '-----BEGIN PGP MESSAGE-----', fp: 'ABC' }],
    encrypted_regex: '^token$',
    mac_only_encrypted: 'true',
    future: { of: ['sops'] },
    version: '3.9.4',
  }

  test('a block that nothing changed in is written as it was read, whatever it holds', () => {
    for (const given of [OLD, { ...OLD, kms: [], pgp: null, unencrypted_suffix: '', encrypted_regex: undefined }])
      expect(text(writeMetadata(readMetadata(block(given))))).toBe(text(block(given)))
  })

  test('a new MAC changes the MAC and its time; keys of other kinds, unknown fields and the order stay', () => {
    const metadata = readMetadata(block(OLD))
    const written = writeMetadata({ ...metadata, mac: 'ENC[new]', lastModified: '2026-03-01T12:00:00Z' })
    expect(text(written)).toBe(text(block({ ...OLD, mac: 'ENC[new]', lastmodified: '2026-03-01T12:00:00Z' })))
  })

  test('another recipient stands beside the old one as that stands there, and another selector replaces the old one', () => {
    const metadata = readMetadata(block(OLD))
    const [group] = metadata.groups
    if (group === undefined) throw new Error('no group')
    const age = [...group.age, { recipient: 'age1two', enc: 'sealed two' }]
    const rule = { kind: 'encrypted_suffix', suffix: '_secret' } as const
    const { encrypted_regex: _, ...rest } = OLD
    expect(text(writeMetadata({ ...metadata, groups: [{ ...group, age }], rule }))).toBe(
      text(block({ ...rest, age: [...OLD.age, { recipient: 'age1two', enc: 'sealed two' }], encrypted_suffix: '_secret' })),
    )
  })

  test('groups keep the vault keys in them, and a file that comes down to one group has its keys at the top', () => {
    const vault = [{ vault_address: 'https://vault', engine_path: 'transit', key_name: 'k', enc: 'x' }]
    const groups = [
      { age: [{ enc: 'a', recipient: 'age1one' }], hc_vault: vault },
      { hc_vault: vault, extra: 1 },
    ]
    const rest = { lastmodified: '2020-01-01T00:00:00Z', mac: 'm', shamir_threshold: 2, version: '3.13.3' }
    const metadata = readMetadata(block({ key_groups: groups, ...rest }))
    expect(metadata.groups.map(({ others }) => others)).toEqual([['hc_vault'], ['hc_vault']])
    const changed = { ...metadata, threshold: 1, groups: metadata.groups.slice(0, 1) } satisfies Metadata
    expect(text(writeMetadata(changed))).toBe(
      text(block({ age: groups[0]?.age, hc_vault: vault, lastmodified: rest.lastmodified, mac: 'm', version: '3.13.3' })),
    )
    const [first, second] = metadata.groups
    if (first === undefined || second === undefined) throw new Error('no groups')
    const more = [{ ...first, age: [{ recipient: 'age1two', enc: 'b' }] }, second]
    expect(text(writeMetadata({ ...metadata, groups: more }))).toBe(
      text(
        block({
          key_groups: [{ age: [{ enc: 'b', recipient: 'age1two' }], hc_vault: vault }, groups[1]],
          ...rest,
        }),
      ),
    )
  })
})

describe('wrapping a key again', () => {
  test('whoever could open a file alone and now needs others does not know its new data key; an SSH key under another comment is the same', async () => {
    const [one, two] = (await people(2)) as [Person, Person]
    const first = await encryptSops(PLAIN, { format: 'json', recipients: [one.to, two.to], now: NOW })
    const recipients = { groups: [[one.to], [two.to]], threshold: 2 }
    const second = await reencryptSops(first.bytes, PLAIN, { identities: one.keys, now: NOW, recipients })
    expect([second.rekeyed, second.changed, second.removed]).toEqual([true, true, []])
    await expect(decryptSops(second.bytes, one.keys)).rejects.toThrow('2 of its 2 groups')
    const ssh = (comment: string): Promise<Recipient> =>
      recipient(`ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKoBF0w/ooKK1y5hi70urikzg2yv2qLxrJRY3Ihn2tG4 ${comment}`)
    const both = [await ssh('me@home'), one.to]
    const third = await encryptSops(PLAIN, { format: 'json', recipients: [...both, await ssh('me again')], now: NOW })
    expect((await inspectSops(third.bytes))?.recipients).toEqual(both)
    const fourth = await reencryptSops(third.bytes, PLAIN, { identities: one.keys, now: NOW, recipients: [one.to, await ssh('me@work')] })
    expect([fourth.changed, fourth.removed]).toEqual([false, []])
  })

  test('whoever stays keeps what was sealed for them, the new one is sealed for, and keys of other kinds stay', async () => {
    const [one, two, three] = (await people(3)) as [Person, Person, Person]
    const key = newDataKey()
    const first = await wrapDataKey(key, [one.to, two.to])
    expect(await wrapDataKey(key, [two.to, one.to], first)).toBe(first)
    expect([wrapsFor(first, [one.to]), wrapsFor(first, [two.to, one.to, one.to]), wrapsFor(first, [one.to, three.to])]).toEqual([
      false,
      true,
      false,
    ])
    const [group] = first.groups
    if (group === undefined) throw new Error('no group')
    const withPgp = { ...first, groups: [{ ...group, others: ['pgp'] }] }
    const second = await wrapDataKey(key, [three.to, two.to], withPgp)
    expect(second.groups[0]?.age.map(({ recipient }) => recipient)).toEqual([three.to, two.to])
    expect(second.groups[0]?.age[1]).toBe(group.age[1])
    expect(second.groups[0]?.others).toEqual(['pgp'])
    const metadata = {
      ...second,
      lastModified: '',
      mac: '',
      rule: { kind: 'all' },
      macOnlyEncrypted: false,
      version: '',
      from: null,
    } as const
    expect((await recoverDataKey(metadata, three.keys)).equals(key)).toBe(true)
    // In groups the PGP key would need a part of its own, which nobody here can seal for it.
    await expect(wrapDataKey(key, { groups: [[one.to], [two.to]], threshold: 2 }, withPgp)).rejects.toThrow('pgp')
  })
})
