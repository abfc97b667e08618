import type { Identity } from 'age-encryption'
import { describe, expect, test } from 'vitest'
import { customIdentity, newIdentity, parseIdentities, recipient, unwrap, wrap } from '../../lib/secrets/age.ts'
import { faultKind, inFile, sopsExitCode } from '../../lib/secrets/fault.ts'
import { GitopsError, sentence } from '../../lib/model/errors.ts'
import { decryptSops } from '../../lib/secrets/sops/decrypt.ts'
import { encryptSops } from '../../lib/secrets/sops/encrypt.ts'

const NOW = new Date('2026-03-01T12:00:00Z')

async function caught(doing: Promise<unknown>): Promise<GitopsError> {
  const error: unknown = await doing.then(
    () => null,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(GitopsError)
  return error as GitopsError
}

describe('identity files', () => {
  test('hold one identity a line, with comments and empty lines between', async () => {
    const [one, two] = [await newIdentity(), await newIdentity()]
    const text = `# created: today\n# public key: ${one.recipient}\n${one.identity.text()}\n\r\n${two.identity.text()}\r\n`
    const parsed = await parseIdentities(text, 'keys.txt')
    expect(parsed.map(({ name, origin }) => [name, origin])).toEqual([
      [one.recipient, 'keys.txt'],
      [two.recipient, 'keys.txt'],
    ])
  })

  test('from SOPS_AGE_KEY may stand on one line', async () => {
    const [one, two] = [await newIdentity(), await newIdentity()]
    const parsed = await parseIdentities(`${one.identity.text()} ${two.identity.text()}`, 'SOPS_AGE_KEY', 'space')
    expect(parsed.map(({ name }) => name)).toEqual([one.recipient, two.recipient])
  })

  test('with a broken line are refused by the number of the line, never by its text', async () => {
    const { identity } = await newIdentity()
    const typo = identity.text().slice(0, -1) + (identity.text().endsWith('Q') ? 'P' : 'Q')
    for (const line of [typo, identity.text().toLowerCase(), ` ${identity.text()}`, 'canary']) {
      const error = await caught(parseIdentities(`# one\n${line}\n`, 'keys.txt'))
      expect(faultKind(error)).toBe('identity')
      expect(error.message).toBe('line 2 of keys.txt is not an age identity')
      expect(sentence(error).toUpperCase()).not.toContain(identity.text().slice(20))
      expect(JSON.stringify(error.cause)).not.toContain(identity.text().slice(20))
    }
  })

  test('with an identity of a plug-in keep it for the message and use the others', async () => {
    const { identity, recipient: to } = await newIdentity()
    const parsed = await parseIdentities(`AGE-PLUGIN-YUBIKEY-1QQQQ\n${identity.text()}\n`, 'keys.txt')
    expect(parsed.map(({ name }) => name)).toEqual(['', to])
    expect(parsed[0]?.fault).toBe('line 1 of keys.txt is an identity of a plug-in, which is not supported')
    expect(Buffer.from((await unwrap(await wrap(Buffer.from('hello'), to), parsed)) ?? []).toString()).toBe('hello')
  })

  test('print nothing of a key when they are logged', async () => {
    const { identity } = await newIdentity()
    expect(JSON.stringify(await parseIdentities(identity.text(), 'keys.txt'))).not.toContain('AGE-SECRET')
  })
})

describe('recipients', () => {
  test('are checked to the last character, white space around them is not', async () => {
    const { recipient: to } = await newIdentity()
    expect(await recipient(` ${to}\n`)).toBe(to)
    const error = await caught(recipient(`${to.slice(0, -1)}${to.endsWith('q') ? 'p' : 'q'}`))
    expect([error.code, faultKind(error)]).toEqual(['config', 'recipient'])
  })

  test('that are private keys are refused without repeating them', async () => {
    const { identity } = await newIdentity()
    const error = await caught(recipient(identity.text()))
    expect(error.message).toContain('a private key stands where')
    expect(sentence(error)).not.toContain(identity.text().slice(20))
  })
})

test('an identity of age’s own interface opens files, and one that fails does not hide the others', async () => {
  const { identity, recipient: to } = await newIdentity()
  const { bytes } = await encryptSops(Buffer.from('{"a": "b"}'), { format: 'json', recipients: [to], now: NOW })
  let asked = 0
  const broken: Identity = {
    unwrapFileKey() {
      asked += 1
      throw new Error('the key was pulled out')
    },
  }
  const identities = [customIdentity('a hardware key', 'the plug-in', broken), ...(await parseIdentities(identity.text(), 'keys.txt'))]
  expect((await decryptSops(bytes, identities)).plaintext.text()).toBe('{"a": "b"}')
  expect(asked).toBe(1)
})

test('a caller puts the file’s name before a message and keeps its class, hint and exit code', async () => {
  const error = inFile('.claude/.claude.json.enc', await caught(decryptSops(Buffer.from(''), [])))
  expect(error.message).toBe('.claude/.claude.json.enc is empty')
  expect([error.code, faultKind(error), sopsExitCode(error)]).toEqual(['invalid', 'empty', 1])
  expect(error.hint).toContain('Git')
  expect(sopsExitCode(new GitopsError('io', 'another'))).toBeNull()
})
