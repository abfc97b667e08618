import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { newIdentity, parseIdentities, recipient, unwrap, wrap, type AgeIdentity, type Recipient } from '../../lib/secrets/age.ts'
import { sentence, type GitopsError } from '../../lib/model/errors.ts'
import { readIdentityFile } from '../../lib/secrets/identity-file.ts'
import { askNobody, type Ask } from '../../lib/secrets/passphrase.ts'
import { Secret } from '../../lib/secrets/secret.ts'
import { decryptSops } from '../../lib/secrets/sops/decrypt.ts'
import { encryptSops } from '../../lib/secrets/sops/encrypt.ts'
import { readSshIdentity } from '../../lib/secrets/ssh-identity.ts'

const KEYS = resolve(import.meta.dirname, '../fixtures/keys')
const PASSPHRASE = 'correct horse battery staple'
const NOW = new Date('2026-03-01T12:00:00Z')
const read = (name: string): Buffer => readFileSync(join(KEYS, name))

/** Answers with these passphrases, one after the other, and remembers what was asked. */
function person(...answers: string[]): { ask: Ask; asked: string[] } {
  const asked: string[] = []
  const ask: Ask = (what, again) => {
    asked.push(again ? `${what} again` : what)
    const answer = answers.shift()
    return Promise.resolve(answer === undefined ? 'nobody answers' : new Secret(answer))
  }
  return { ask, asked }
}

/** The identities of one of the key files, whatever its kind. */
async function keysOf(name: string, ask: Ask = askNobody, publicLine = true): Promise<readonly AgeIdentity[]> {
  if (name.endsWith('.identity')) return readIdentityFile(read(name), name, { ask })
  const line = publicLine ? read(`${name}.pub`).toString('utf8') : null
  return [await readSshIdentity({ text: new Secret(read(name)), origin: name, publicLine: line, ask })]
}

const opened = async (name: string, identities: readonly AgeIdentity[]): Promise<string> =>
  (await decryptSops(read(`${name}.json`), identities)).plaintext.text()

async function refusal(doing: Promise<unknown>): Promise<GitopsError> {
  return doing.then(
    () => expect.unreachable('it should have been refused'),
    (error: unknown) => error as GitopsError,
  )
}

describe('a file that the real sops encrypted', () => {
  for (const [name, key, kind] of [
    ['ed25519', 'ed25519', 'an Ed25519 SSH key'],
    ['rsa', 'rsa', 'an RSA SSH key'],
    ['rsa-pem', 'rsa-pem', 'an RSA SSH key in PEM'],
    ['ssh-to-age', 'ed25519', 'the age recipient that ssh-to-age makes of an Ed25519 SSH key'],
    ['hybrid', 'hybrid.identity', 'a post-quantum recipient'],
  ] as const)
    test(`to ${kind} is opened`, async () => {
      expect(await opened(name, await keysOf(key))).toContain(`canary-${name}`)
    })

  for (const [name, key, kind] of [
    ['ed25519-locked', 'ed25519-locked', 'an Ed25519 SSH key with a passphrase'],
    ['ed25519-cbc', 'ed25519-cbc', 'an SSH key that another cipher protects'],
    ['rsa-locked', 'rsa-locked', 'an RSA SSH key with a passphrase'],
    ['rsa-pem-locked', 'rsa-pem-locked', 'an RSA SSH key in PEM with a passphrase'],
    ['rsa-pkcs8-locked', 'rsa-pkcs8-locked', 'an RSA SSH key in PKCS #8 with a passphrase'],
    ['locked', 'locked.identity', 'an identity in a file with a passphrase'],
    ['locked-armored', 'locked-armored.identity', 'an identity in an armored file with a passphrase'],
  ] as const)
    test(`to ${kind} is opened with the second passphrase when the first is wrong, and the next file without asking`, async () => {
      const { ask, asked } = person('wrong', PASSPHRASE)
      const keys = await keysOf(key, ask)
      const all = await Promise.all([opened(name, keys), opened(name, keys)])
      for (const text of [...all, await opened(name, keys)]) expect(text).toContain(`canary-${name}`)
      expect(asked).toEqual([key, `${key} again`])
    })
})

test('a passphrase is asked for only when nothing else opens the file, and for SSH only when the file is for that key', async () => {
  const { ask, asked } = person()
  const all = (await Promise.all(['ed25519-locked', 'locked.identity', 'ed25519', 'rsa'].map((name) => keysOf(name, ask)))).flat()
  expect(await opened('rsa', all)).toContain('canary-rsa')
  expect(asked).toEqual([])
  for (const other of ['hybrid', 'ed25519-cbc']) await refusal(opened(other, all))
  expect(asked).toEqual(['locked.identity'])
  await refusal(opened('ed25519-locked', all))
  expect(asked).toEqual(['locked.identity', 'ed25519-locked'])
})

test('a file that does not open tells which passphrase was wrong, which key was not asked for and which is no key', async () => {
  const { ask } = person('wrong', 'as wrong')
  const names = ['locked-armored.identity', 'ed25519-locked', 'ecdsa', 'rsa-short', 'ed25519-gcm', 'rsa']
  const all = (await Promise.all(names.map((name) => keysOf(name, ask)))).flat()
  const error = await refusal(opened('hybrid', [...all, ...(await keysOf('rsa-pem-locked', ask, false))]))
  expect(error.message).toMatch(
    /^cannot be decrypted: the only identity does not open it\. Recipients of the file: age1pq1\w{17}…\w{12}\. /,
  )
  expect(error.message).toMatch(/Tried: ssh-rsa AAAA\S+…\S{12} from rsa\. /)
  expect(error.message).toMatch(/Not asked for, as the file has nothing for them: ssh-ed25519 AAAA\S+ from ed25519-locked\. /)
  expect(error.message).toContain('locked-armored.identity is protected by a passphrase, and nobody answers')
  expect(error.message).toContain('ecdsa is of the type "ecdsa-sha2-nistp256", which age cannot use; ssh-ed25519 and ssh-rsa can be')
  expect(error.message).toContain('rsa-short is an RSA key of 1024 bits; age wants 2048 or more')
  expect(error.message).toContain(
    'ed25519-gcm is protected with "aes256-gcm@openssh.com", which is not supported; `ssh-keygen -p` writes it anew',
  )
  expect(error.message).toContain('rsa-pem-locked is protected by a passphrase and hides whose it is')
  expect(sentence(error)).not.toContain('wrong')
  expect(sentence(error)).not.toContain('PRIVATE')
})

test('keys that other programs wrote in PKCS #8 are read too, and kinds that are no SSH key for age are named', async () => {
  const made = (type: 'ed25519' | 'x25519', passphrase?: string): { pem: string; line: string } => {
    const { privateKey, publicKey } = type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('x25519')
    const cipher = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase }
    const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
    const wire = Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from('ssh-ed25519'), Buffer.from([0, 0, 0, 32]), raw])
    return {
      pem: privateKey.export({ format: 'pem', type: 'pkcs8', ...cipher }).toString(),
      line: `ssh-ed25519 ${wire.toString('base64')}`,
    }
  }
  for (const passphrase of [undefined, PASSPHRASE]) {
    const { pem, line } = made('ed25519', passphrase)
    const { ask } = person(PASSPHRASE)
    const identity = await readSshIdentity({ text: new Secret(pem), origin: 'id', publicLine: line, ask })
    const { bytes } = await encryptSops(Buffer.from('{"a": "b"}'), { format: 'json', recipients: [await recipient(line)], now: NOW })
    expect((await decryptSops(bytes, [identity])).plaintext.text()).toContain('"b"')
  }
  const other = await readSshIdentity({ text: new Secret(made('x25519').pem), origin: 'id', publicLine: null, ask: askNobody })
  expect(other.fault).toBe('id is a key of the type x25519, which age cannot use')
})

test('a broken or cut SSH key, or one with the public half of another, is a place without a key, and says so', async () => {
  const text = read('ed25519').toString('utf8')
  const [first = '', ...lines] = text.split('\n')
  const container = Buffer.from(lines.slice(0, -2).join(''), 'base64')
  const broken = [
    text.replace('b3BlbnNzaC1', 'b3BlbnNzaD1'),
    [first, ...lines.slice(1)].join('\n'),
    `${first}\n${container.subarray(0, -60).toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`,
    text.replace('OPENSSH PRIVATE KEY', 'PRIVATE KEY'),
    'nothing of the kind',
    '',
  ]
  for (let at = 0; at < container.length; at += 7) {
    const changed = Buffer.from(container)
    changed[at] = (changed[at] ?? 0) ^ 0x41
    broken.push(`${first}\n${changed.toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`)
  }
  for (const text of broken) {
    const identity = await readSshIdentity({ text: new Secret(text), origin: 'id', publicLine: null, ask: askNobody })
    // What is changed in its comment changes nothing.
    if (identity.key !== null) expect(await opened('ed25519', [identity])).toContain('canary')
    else expect(identity.fault).toMatch(/^id (?:is|says|does)\b/)
  }
  const ask = person(PASSPHRASE).ask
  const other = await readSshIdentity({
    text: new Secret(read('rsa-pem-locked')),
    origin: 'id',
    publicLine: read('rsa-locked.pub').toString('utf8'),
    ask,
  })
  expect((await refusal(opened('rsa-locked', [other]))).message).toContain('id does not belong to the public key beside it')
})

describe('an identity file with a passphrase', () => {
  const withStanza = (change: (text: string) => string): Buffer => {
    const text = read('locked.identity').toString('latin1')
    return Buffer.from(change(text), 'latin1')
  }

  test('that is broken, wants absurd work, or is encrypted to a key, is told as that without asking', async () => {
    const { ask, asked } = person(PASSPHRASE)
    const toKey = await wrap(Buffer.from('AGE-SECRET-KEY-1'), (await newIdentity()).recipient)
    const tried = [withStanza((text) => text.slice(0, 60)), Buffer.from(toKey)]
    for (const bytes of tried) {
      const [identity] = await readIdentityFile(bytes, 'keys.txt', { ask })
      expect(identity?.fault).toMatch(/^keys\.txt is (?:an age file that is broken|encrypted, and not with a passphrase)$/)
    }
    expect(asked).toEqual([])
    const absurd = await readIdentityFile(
      withStanza((text) => text.replace(/( 18\n)/, ' 40\n')),
      'keys.txt',
      { ask },
    )
    expect((await refusal(opened('locked', absurd))).message).toContain('takes more work to open than is sane')
  })
})

describe('what we encrypt', () => {
  for (const name of ['ed25519', 'rsa', 'rsa-pem'])
    test(`to the ${name} key of a public line with its comment is opened by it, and the line stands in the file`, async () => {
      const line = read(`${name}.pub`).toString('utf8')
      const to = await recipient(line)
      expect(to).toBe(line.trim())
      const { bytes } = await encryptSops(Buffer.from('{"a": "b"}'), { format: 'json', recipients: [to], now: NOW })
      const { plaintext, recipients } = await decryptSops(bytes, await keysOf(name))
      expect(plaintext.text()).toContain('"b"')
      expect(recipients).toEqual([line.trim()])
    })

  test('to a post-quantum recipient beside others is opened by any of them', async () => {
    const [hybrid] = await keysOf('hybrid.identity')
    const recipients = [
      await recipient(hybrid?.name ?? ''),
      await recipient(read('rsa.pub').toString('utf8')),
      (await newIdentity()).recipient,
    ]
    const { bytes } = await encryptSops(Buffer.from('{"a": "b"}'), { format: 'json', recipients, now: NOW })
    for (const key of ['hybrid.identity', 'rsa']) expect((await decryptSops(bytes, await keysOf(key))).plaintext.text()).toContain('"b"')
    expect(await unwrap(await wrap(Buffer.from('x'), recipients[0] as Recipient), await keysOf('rsa'))).toBeNull()
  })
})

describe('a recipient', () => {
  const ed25519 = read('ed25519.pub').toString('utf8').trim()
  const [, encoded = ''] = ed25519.split(' ')
  const X25519 = 'age1h7az7rpkp8fh2wpsgpr6rgqkj7er4zs9q8hktglt3n25yaz7ss6q6hx0mj'

  test.for([
    [X25519.replace('h7az', 'h7aq'), 'its check sum does not fit, so a character is wrong or missing'],
    [X25519.slice(0, -1), 'its check sum does not fit'],
    [X25519.replace('l', '1'), 'its check sum does not fit'],
    [X25519.toUpperCase(), 'is not an age recipient'],
    ['age1pq1qqqq', 'its check sum does not fit'],
    ['', '"" is not an age recipient'],
    ['member@example.org', 'is not an age recipient'],
    ['age1yubikey1qqqqqqqq', 'is a recipient of the plug-in age-plugin-yubikey, which is not supported'],
    ['age1tag1qqqqqqqq', 'is a recipient of the plug-in age-plugin-tag, which is not supported'],
    ['age1tagpq1qqqqqqqq', 'is a recipient of the plug-in age-plugin-tagpq, which is not supported'],
    [`${X25519.slice(0, 20)}\u200b${X25519.slice(20)}`, 'has a hidden character, U+200B, at position 21'],
    [`${X25519.slice(0, 20)}\n${X25519.slice(20)}`, 'has a hidden character, U+000A, at position 21'],
    [`ssh-ed25519\u00a0${encoded}`, 'has a hidden character, U+00A0, at position 12'],
    [`ssh-ed25519 ${encoded.slice(0, -3)}`, 'is not whole: its second word is not base64'],
    [`ssh-ed25519 ${encoded.slice(0, -4)}`, 'is not whole: it has another length than such keys have'],
    ['ssh-ed25519', 'is not whole: its second word is not base64'],
    ['ssh-ed25519 AAAA me@host', 'is not whole: its second word is cut off'],
    [`ssh-rsa ${encoded}`, 'says ssh-rsa and holds a key of the type "ssh-ed25519"'],
    [read('ecdsa.pub').toString('utf8'), 'is of the type "ecdsa-sha2-nistp256", which age cannot use'],
    [
      'sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t',
      'is of the type "sk-ssh-ed25519@openssh.com", which age cannot use',
    ],
    [read('rsa-short.pub').toString('utf8'), 'is an RSA key of 1024 bits; age wants 2048 or more'],
    [`${ed25519}, and more`, 'has a comma, which parts recipients'],
    ['AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ', 'a private key stands where a recipient (age1…) is expected'],
    ['AGE-PLUGIN-YUBIKEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQ', 'a private key stands where a recipient (age1…) is expected'],
    [read('ed25519').toString('utf8'), 'a private key stands where a recipient (age1…) is expected'],
  ] as const)('%# that cannot be encrypted to is refused by one sentence that says why', async ([text, why]) => {
    const error = await refusal(recipient(text))
    expect(error.message).toContain(why)
    expect([error.code, error.hint === undefined]).toEqual(['config', false])
    expect(sentence(error).length).toBeLessThan(400)
    if (text.includes('PRIVATE') || text.startsWith('AGE-')) expect(sentence(error)).not.toContain(text.slice(20, 40))
  })

  test('that is an Ed25519 key with a wrong character is refused where no such point is on the curve', async () => {
    const wire = Buffer.from(encoded, 'base64')
    const refused = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const changed = Buffer.from(wire)
        changed[20 + (index % 30)] = index
        return recipient(`ssh-ed25519 ${changed.toString('base64')}`).then(
          () => 0,
          () => 1,
        )
      }),
    )
    const count = refused.reduce<number>((sum, one) => sum + one, 0)
    expect(count).toBeGreaterThan(8)
    expect(count).toBeLessThan(35)
  })
})

test('keys print nothing of themselves when they are logged', async () => {
  const all = (await Promise.all(['ed25519', 'rsa', 'hybrid.identity'].map((name) => keysOf(name)))).flat()
  const { identity } = await newIdentity()
  const shown = JSON.stringify([...all, ...(await parseIdentities(identity.text(), 'x'))])
  expect(shown).not.toMatch(/AGE-SECRET|PRIVATE|"d"/)
})
