import { inspect } from 'node:util'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GitopsError } from '../../lib/model/errors.ts'
import { fingerprint, hostKey, hostKeyName, isSealed, newHostKey, open, seal } from '../../lib/secrets/seal.ts'
import { Secret } from '../../lib/secrets/secret.ts'
import { secretValues } from '../../lib/secrets/values.ts'

const KEY = hostKey(Buffer.alloc(32, 7))
const OTHER = hostKey(Buffer.alloc(32, 8))
const secret = new Secret('canary-sealed')

describe('a sealed copy', () => {
  test('any plaintext sealed comes back whole under the same key and the same words', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.string(), (bytes, about) => {
        expect(
          open(KEY, seal(KEY, new Secret(bytes), about), about)
            .bytes()
            .equals(Buffer.from(bytes)),
        ).toBe(true)
      }),
    )
  })

  test('another key, or another place, does not open it', () => {
    const sealed = seal(KEY, secret, '~/.claude.json generation 3')
    expect(() => open(OTHER, sealed, '~/.claude.json generation 3')).toThrow('does not open with the host key')
    expect(() => open(KEY, sealed, '~/.claude.json generation 4')).toThrow(GitopsError)
  })

  test('one bit changed anywhere is noticed', () => {
    const sealed = seal(KEY, secret, 'here')
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(() => open(KEY, changed, 'here'), `byte ${at}`).toThrow(GitopsError)
    }
  })

  test('a piece cut off anywhere is noticed', () => {
    const sealed = seal(KEY, secret, 'here')
    for (let length = 0; length < sealed.length; length += 1) {
      expect(() => open(KEY, sealed.subarray(0, length), 'here'), `${length} bytes`).toThrow(GitopsError)
    }
  })

  test('sealing the same twice gives different bytes, and neither shows the plaintext', () => {
    const [one, two] = [seal(KEY, secret, 'here'), seal(KEY, secret, 'here')]
    expect(one.equals(two)).toBe(false)
    expect(one.includes('canary')).toBe(false)
    expect(isSealed(one)).toBe(true)
    expect(isSealed(Buffer.from('canary-sealed'))).toBe(false)
  })

  test('the layout of version 1 stays readable', () => {
    const stored = Buffer.from(V1, 'base64')
    expect(open(KEY, stored, 'here').text()).toBe('canary-sealed')
  })
})

/** `seal(KEY, secret, 'here')` of the first version. */
const V1 = 'Z2l0b3BzLXNlYWwAAcgKyG6zLK8ZvTqC+u7mSLtyPgUJxjeD1FE8EnFHl5Sntlefe9nJ9uVS+S+qmNZSqRW9kkPmUuUgxsQWRuk='

describe('a fingerprint', () => {
  test('is equal for equal plaintext at an equal place, and only then', () => {
    expect(fingerprint(KEY, '~/.claude.json', secret)).toBe(fingerprint(KEY, '~/.claude.json', new Secret('canary-sealed')))
    const others = [
      fingerprint(OTHER, '~/.claude.json', secret),
      fingerprint(KEY, '~/.claude.jso', secret),
      fingerprint(KEY, '~/.claude.json', new Secret('canary-sealeD')),
      // What is cut off one side and put to the other is not the same.
      fingerprint(KEY, '~/.claude.jsonc', new Secret('anary-sealed')),
    ]
    expect(new Set([fingerprint(KEY, '~/.claude.json', secret), ...others]).size).toBe(5)
  })

  test('says nothing of the plaintext and keeps its form', () => {
    expect(fingerprint(KEY, '~/.claude.json', secret)).toBe('hmac-sha256:43228d4c1028992e5c7bc4b1c0a9aa8750844c292955da64654e877d1df9d5de')
  })
})

describe('the host key', () => {
  test('is 32 random bytes, and a file of another length is refused', () => {
    expect(newHostKey().bytes()).toHaveLength(32)
    expect(newHostKey().bytes().equals(newHostKey().bytes())).toBe(false)
    expect(() => hostKey(Buffer.alloc(31))).toThrow('the host key has 31 bytes')
  })

  test('has a name that tells keys apart and can be stored', () => {
    expect(hostKeyName(KEY)).toMatch(/^[0-9a-f]{16}$/)
    expect(hostKeyName(KEY)).not.toBe(hostKeyName(OTHER))
    expect(KEY.bytes().toString('hex')).not.toContain(hostKeyName(KEY))
  })
})

describe('a secret', () => {
  test('a number among the values of a secret is known as it is written', () => {
    expect(secretValues(Buffer.from('{"pin": 12345678901234567890, "list": [1.000000, 1e6]}'))).toEqual(
      expect.arrayContaining(['12345678901234567890', '1.000000', '1000000']),
    )
  })

  test('prints as [secret] wherever it is printed by accident', () => {
    const shown = [
      String(secret),
      // oxlint-disable-next-line typescript/restrict-template-expressions -- that is the accident
      `${secret}`,
      JSON.stringify({ secret }),
      inspect(secret),
      inspect({ deep: { secret } }, { showHidden: true, depth: 9 }),
    ]
    for (const text of shown) expect(text).toContain('[secret]')
    expect(shown.join()).not.toContain('canary')
    expect(Object.keys(secret)).toEqual([])
  })

  test('keeps its own copy, and wiping it leaves nothing', () => {
    const bytes = Buffer.from('canary')
    const kept = new Secret(bytes)
    bytes.fill(0)
    expect(kept.text()).toBe('canary')
    kept.wipe()
    expect(kept.bytes().every((byte) => byte === 0)).toBe(true)
  })
})
