import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { asking } from '../../lib/host/ask.ts'
import { findIdentities } from '../../lib/host/identities.ts'
import { splitWords } from '../../lib/host/words.ts'
import { absPath } from '../../lib/model/path.ts'
import { decryptSops } from '../../lib/secrets/sops/decrypt.ts'

const KEYS = resolve(import.meta.dirname, '../fixtures/keys')
const SOPS = process.env['GITOPS_SOPS'] ?? 'sops'
const READER = resolve(import.meta.dirname, '../fixtures/sops/reader.identity')
const HYBRID = readFileSync(join(KEYS, 'hybrid.identity'), 'utf8').trim()
const PASSPHRASE = 'correct horse battery staple'

let home: string

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'gitops-home-'))
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

/** Puts one of the key files somewhere below the home. */
function place(key: string, path: string): string {
  const full = join(home, path)
  mkdirSync(dirname(full), { recursive: true })
  copyFileSync(join(KEYS, key), full)
  if (existsSync(join(KEYS, `${key}.pub`))) copyFileSync(join(KEYS, `${key}.pub`), `${full}.pub`)
  chmodSync(full, 0o600)
  return full
}

function script(name: string, text: string): string {
  const path = join(home, name)
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o700 })
  return path
}

type Env = Readonly<Record<string, string>>

async function ours(file: string, env: Env, platform = 'linux', files: readonly string[] = []): Promise<string> {
  const all = { PATH: process.env['PATH'], ...env }
  const identities = await findIdentities({ env: all, platform, home: absPath(home) }, { files, ask: asking({ env: all }) })
  return decryptSops(readFileSync(resolve(KEYS, file)), identities).then(
    ({ plaintext }) => plaintext.text(),
    (error: Error) => error.message,
  )
}

/** What the real sops prints in the same place; its complaint when it does not open the file. */
function theirs(file: string, env: Env): string {
  const ran = spawnSync(SOPS, ['decrypt', join(KEYS, file)], {
    env: { PATH: process.env['PATH'], HOME: home, ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return ran.status === 0 ? ran.stdout : `failed: ${ran.stderr}`
}

const hasSops = spawnSync(SOPS, ['--version'], { stdio: 'ignore' }).status === 0

describe('a key is found where sops finds it:', () => {
  /** A place, the file that the key in it opens, and how it is put there. */
  const places: readonly (readonly [string, string, () => Env])[] = [
    ['several keys with blanks between them in SOPS_AGE_KEY', 'hybrid', () => ({ SOPS_AGE_KEY: `${key(READER)} \t${HYBRID}\n` })],
    ['a file that SOPS_AGE_KEY_FILE names', 'hybrid', () => ({ SOPS_AGE_KEY_FILE: place('hybrid.identity', 'my key.txt') })],
    ['the output of SOPS_AGE_KEY_CMD', 'hybrid', () => ({ SOPS_AGE_KEY_CMD: `cat '${place('hybrid.identity', 'my key.txt')}' # mine` })],
    ['sops/age/keys.txt in ~/.config', 'hybrid', () => (place('hybrid.identity', '.config/sops/age/keys.txt'), {})],
    [
      'sops/age/keys.txt in XDG_CONFIG_HOME',
      'hybrid',
      () => (place('hybrid.identity', 'xdg/sops/age/keys.txt'), { XDG_CONFIG_HOME: join(home, 'xdg') }),
    ],
    ['~/.ssh/id_ed25519', 'ed25519', () => (place('ed25519', '.ssh/id_ed25519'), {})],
    ['~/.ssh/id_rsa', 'rsa-pem', () => (place('rsa-pem', '.ssh/id_rsa'), {})],
    ['SOPS_AGE_SSH_PRIVATE_KEY_FILE', 'rsa', () => ({ SOPS_AGE_SSH_PRIVATE_KEY_FILE: place('rsa', 'deploy') })],
    [
      'the output of SOPS_AGE_SSH_PRIVATE_KEY_CMD',
      'ed25519',
      () => ({ SOPS_AGE_SSH_PRIVATE_KEY_CMD: `cat ${place('ed25519', 'deploy')}` }),
    ],
    [
      'the last of many, when the others are broken, foreign or missing',
      'ed25519',
      () => {
        place('ecdsa', '.ssh/id_rsa')
        place('ed25519', '.ssh/id_ed25519')
        place('rsa', '.config/sops/age/keys.txt')
        return {
          SOPS_AGE_KEY_FILE: join(home, 'missing'),
          SOPS_AGE_KEY_CMD: 'false',
          SOPS_AGE_KEY: 'nonsense',
          SOPS_AGE_SSH_PRIVATE_KEY_CMD: '/no/such',
        }
      },
    ],
  ]
  for (const [where, file, prepare] of places)
    test(where, async () => {
      const env = prepare()
      expect(await ours(`${file}.json`, env)).toContain(`canary-${file}`)
      if (hasSops) expect(theirs(`${file}.json`, env)).toContain(`canary-${file}`)
    })

  test('the places of macOS and Windows', async () => {
    place('hybrid.identity', 'Library/Application Support/sops/age/keys.txt')
    expect(await ours('hybrid.json', {}, 'darwin')).toContain('canary-hybrid')
    expect(await ours('hybrid.json', {}, 'linux')).toContain('there is no age identity')
    expect(await ours('hybrid.json', { XDG_CONFIG_HOME: join(home, 'xdg') }, 'darwin')).toContain(join(home, 'xdg/sops/age/keys.txt'))
    place('hybrid.identity', 'roaming/sops/age/keys.txt')
    expect(await ours('hybrid.json', { APPDATA: join(home, 'roaming') }, 'win32')).toContain('canary-hybrid')
    expect(await ours('hybrid.json', {}, 'win32')).toContain('there is no age identity')
  })

  test('and in the files that the config names', async () => {
    expect(await ours('hybrid.json', {}, 'linux', [join(home, 'missing'), place('hybrid.identity', 'work.txt')])).toContain('canary-hybrid')
  })
})

const key = (file: string): string =>
  readFileSync(file, 'utf8')
    .replaceAll(/^#.*\n/gm, '')
    .trim()

test('a command that gives keys runs only when no key at hand opens the file, once for each recipient, which it hears, and sees no key of ours', async () => {
  const log = join(home, 'log')
  const command = script('give', `echo "[$SOPS_AGE_RECIPIENT] [$SOPS_AGE_KEY]" >> ${log}; cat "${place('ed25519', 'key')}"`)
  const env = { SOPS_AGE_SSH_PRIVATE_KEY_CMD: command, SOPS_AGE_KEY: HYBRID }
  expect(await ours('hybrid.json', env)).toContain('canary-hybrid')
  expect(existsSync(log)).toBe(false)
  const all = { PATH: process.env['PATH'], ...env }
  const identities = await findIdentities({ env: all, platform: 'linux', home: absPath(home) })
  const file = readFileSync(join(KEYS, 'ed25519.json'))
  await Promise.all([decryptSops(file, identities), decryptSops(file, identities)])
  expect(readFileSync(log, 'utf8')).toBe(`[${readFileSync(join(KEYS, 'ed25519.pub'), 'utf8').trim()}] []\n`)
})

test('a command that gives the same key whomever it is asked for runs once, and what a file calls its recipients cannot break it', async () => {
  const log = join(home, 'log')
  const give = script('give', `echo run >> ${log}; cat "${place('hybrid.identity', 'key')}"`)
  const text = readFileSync(join(KEYS, 'hybrid.json'), 'utf8')
  const file = JSON.parse(text) as { sops: { age: { recipient: string; enc: string }[] } }
  const foreign = JSON.parse(readFileSync(join(KEYS, 'rsa.json'), 'utf8')) as typeof file
  const [mine, other] = [file.sops.age[0], foreign.sops.age[0]]
  if (mine === undefined || other === undefined) throw new Error('a fixture without an entry')
  const open = (recipients: readonly string[], command: string): Promise<string> => {
    const age = [...recipients.map((recipient) => ({ ...other, recipient })), { ...mine, recipient: 'x' }]
    writeFileSync(join(home, 'many.json'), JSON.stringify({ ...file, sops: { ...file.sops, age } }))
    return ours(join(home, 'many.json'), { SOPS_AGE_KEY_CMD: command })
  }
  expect(await open(['a', 'b', 'c'], give)).toContain('canary-hybrid')
  expect(readFileSync(log, 'utf8')).toBe('run\n')
  expect(await open(['nul\0byte', 'new\nline', 'x'.repeat(1 << 20)], give)).toContain('canary-hybrid')
  const failing = await open(
    Array.from({ length: 300 }, (_, index) => `r${index}`),
    'false',
  )
  expect(failing).toContain('SOPS_AGE_KEY_CMD failed: false: exit code 1; SOPS_AGE_KEY_CMD is run 100 times at most')
})

test('a file that nothing opens names every place that was looked at, and what was wrong there', async () => {
  place('ecdsa', '.ssh/id_rsa')
  const keys = place('rsa', '.config/sops/age/keys.txt')
  const named = join(home, 'missing.txt')
  const said = await ours('ed25519.json', {
    SOPS_AGE_KEY_FILE: named,
    SOPS_AGE_KEY_CMD: `${script('fail', 'echo AGE-SECRET-KEY >&2; exit 7')} x`,
  })
  expect(said).toContain('there is no age identity to open it. Recipients of the file: ssh-ed25519 AAAA')
  expect(said).toContain(`SOPS_AGE_KEY_FILE (${named}) cannot be read: ENOENT`)
  expect(said).toContain(`SOPS_AGE_KEY_CMD failed: ${home}/fail: exit code 7`)
  expect(said).toContain(`line 1 of ${keys} is not an age identity`)
  expect(said).toContain(`${home}/.ssh/id_rsa is of the type "ecdsa-sha2-nistp256", which age cannot use`)
  expect(said).toMatch(/Nothing in: SOPS_AGE_KEY, SOPS_AGE_SSH_PRIVATE_KEY_FILE, SOPS_AGE_SSH_PRIVATE_KEY_CMD, \S+\/\.ssh\/id_ed25519$/)
  expect(said).not.toContain('AGE-SECRET')
  expect(await ours('ed25519.json', { SOPS_AGE_KEY_CMD: `"open` })).toContain('SOPS_AGE_KEY_CMD is no command line')
  expect(await ours('ed25519.json', { SOPS_AGE_KEY_CMD: 'no-such-command' })).toContain('SOPS_AGE_KEY_CMD failed: no-such-command: ENOENT')
  chmodSync(keys, 0)
  const unreadable = process.getuid?.() === 0 ? 'is not an age identity' : 'cannot be read: EACCES'
  expect(await ours('ed25519.json', {})).toContain(unreadable)
})

describe('a passphrase', () => {
  test('comes from GITOPS_AGE_PASSPHRASE_CMD, which hears what it is for, and is in no argument and no environment', async () => {
    const file = place('ed25519-locked', '.ssh/id_ed25519')
    const log = join(home, 'log')
    const command = script('give', `echo "$GITOPS_AGE_PASSPHRASE_FOR" >> ${log}; echo '${PASSPHRASE}'`)
    expect(await ours('ed25519-locked.json', { GITOPS_AGE_PASSPHRASE_CMD: command })).toContain('canary-ed25519-locked')
    expect(readFileSync(log, 'utf8')).toBe(`${file}\n`)
    // In CI as well: nobody has to be asked.
    expect(await ours('ed25519-locked.json', { GITOPS_AGE_PASSPHRASE_CMD: command, CI: 'true' })).toContain('canary-ed25519-locked')
    const wrong = await ours('ed25519-locked.json', { GITOPS_AGE_PASSPHRASE_CMD: 'echo not this' })
    expect(wrong).toContain(`${file} is protected by a passphrase, and the one that GITOPS_AGE_PASSPHRASE_CMD gives is wrong`)
    expect(await ours('ed25519-locked.json', { GITOPS_AGE_PASSPHRASE_CMD: 'false' })).toContain(
      'GITOPS_AGE_PASSPHRASE_CMD failed: false: exit code 1',
    )
  })

  test('opens an identity file that a command gives encrypted', async () => {
    const file = place('locked-armored.identity', 'keys.txt')
    const env = { SOPS_AGE_KEY_CMD: `cat ${file}`, GITOPS_AGE_PASSPHRASE_CMD: `echo '${PASSPHRASE}'` }
    expect(await ours('locked-armored.json', env)).toContain('canary-locked-armored')
  })

  test('is not asked for in CI, and the sentence says so', async () => {
    place('ed25519-locked', '.ssh/id_ed25519')
    expect(await ours('ed25519-locked.json', { CI: 'true' })).toContain('is protected by a passphrase, and nobody is asked for it in CI')
  })
})

test('a command line is split into words as a shell would, and nothing in it is expanded', () => {
  const words: readonly (readonly [string, readonly string[] | null])[] = [
    ['', []],
    ['  op read  x ', ['op', 'read', 'x']],
    [`one "two three" four`, ['one', 'two three', 'four']],
    [`a'b c'd"e f"`, ['ab cde f']],
    [`'' ""`, ['', '']],
    [String.raw`a\ b "c\"d" 'e\f' "g\h"`, ['a b', 'c"d', String.raw`e\f`, 'gh']],
    ['a #b c', ['a']],
    ['a#b\n#c\nd', ['a#b', 'd']],
    ['$HOME `id` *', ['$HOME', '`id`', '*']],
    [`"open`, null],
    [`'open`, null],
    ['end\\', null],
  ]
  for (const [line, expected] of words) expect(splitWords(line)).toEqual(expected)
})

test('the real sops opens what we encrypt to every kind of key', async ({ skip }) => {
  skip(!hasSops, 'there is no sops here')
  const { recipient } = await import('../../lib/secrets/age.ts')
  const { encryptSops } = await import('../../lib/secrets/sops/encrypt.ts')
  const hybrid = (await findIdentities({ env: { SOPS_AGE_KEY: HYBRID }, platform: 'linux', home: absPath(home) }))[0]?.name ?? ''
  const cases: readonly (readonly [string, Env])[] = [
    [readFileSync(join(KEYS, 'ed25519.pub'), 'utf8'), { SOPS_AGE_SSH_PRIVATE_KEY_FILE: join(KEYS, 'ed25519') }],
    [readFileSync(join(KEYS, 'rsa.pub'), 'utf8'), { SOPS_AGE_SSH_PRIVATE_KEY_FILE: join(KEYS, 'rsa') }],
    [readFileSync(join(KEYS, 'rsa-pem.pub'), 'utf8'), { SOPS_AGE_SSH_PRIVATE_KEY_FILE: join(KEYS, 'rsa-pem') }],
    [hybrid, { SOPS_AGE_KEY: HYBRID }],
  ]
  for (const [to, env] of cases) {
    const now = new Date('2026-03-01T12:00:00Z')
    const { bytes } = await encryptSops(Buffer.from('{"a": "for them"}'), { format: 'json', recipients: [await recipient(to)], now })
    writeFileSync(join(home, 'x.json'), bytes)
    const out = execFileSync(SOPS, ['decrypt', join(home, 'x.json')], {
      env: { PATH: process.env['PATH'], HOME: home, ...env },
      encoding: 'utf8',
    })
    expect(out).toContain('for them')
  }
})

test('the real age opens what we encrypt to SSH keys, and we what it encrypts to them', async ({ skip }) => {
  skip(spawnSync('age', ['--version'], { stdio: 'ignore' }).status !== 0, 'there is no age here')
  const { recipient, unwrap, wrap } = await import('../../lib/secrets/age.ts')
  const { readSshIdentity } = await import('../../lib/secrets/ssh-identity.ts')
  const { Secret } = await import('../../lib/secrets/secret.ts')
  const secret = Buffer.from('thirty-two bytes of a data key..')
  for (const name of ['ed25519', 'rsa', 'rsa-pem']) {
    const file = place(name, name)
    const line = readFileSync(`${file}.pub`, 'utf8').trim()
    const opened = execFileSync('age', ['--decrypt', '-i', file], { input: await wrap(secret, await recipient(line)) })
    expect(opened.equals(secret)).toBe(true)
    const text = execFileSync('age', ['--armor', '-r', line], { input: secret, encoding: 'utf8' })
    const identity = await readSshIdentity({
      text: new Secret(readFileSync(file)),
      origin: name,
      publicLine: null,
      ask: () => Promise.resolve('no'),
    })
    expect((await unwrap(text, [identity]))?.equals(secret)).toBe(true)
  }
})
