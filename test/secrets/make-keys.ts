/*
 * Makes test/fixtures/keys anew: a private key of each kind that opens a file, and a file that the real `sops` encrypted to it.
 * Wants `sops` 3.13 (on PATH or in GITOPS_SOPS), `age`, `age-keygen`, `ssh-keygen` and `script`: node test/secrets/make-keys.ts
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { armor, Encrypter, generateHybridIdentity, identityToRecipient } from 'age-encryption'
import { x25519Recipient } from '../../lib/secrets/age/x25519.ts'
import { sshPublicKey } from '../../lib/secrets/age/ssh-public.ts'

const OUT = resolve(import.meta.dirname, '../fixtures/keys')
const PASSPHRASE = 'correct horse battery staple'
const scratch = mkdtempSync(join(tmpdir(), 'gitops-keys-'))

rmSync(OUT, { recursive: true, force: true })
mkdirSync(OUT, { recursive: true })

function sops(name: string, recipient: string): void {
  const plain = join(scratch, 'plain.json')
  writeFileSync(plain, JSON.stringify({ a: `canary-${name}` }))
  const out = execFileSync(process.env['GITOPS_SOPS'] ?? 'sops', ['encrypt', '--age', recipient, plain], {
    cwd: scratch,
    env: { PATH: process.env['PATH'] ?? '', HOME: scratch },
  })
  writeFileSync(join(OUT, `${name}.json`), out)
}

/** A key pair of `ssh-keygen`; the public half is kept for all. Few rounds, so that the tests are fast. */
function ssh(name: string, passphrase: string, ...more: string[]): string {
  const file = join(OUT, name)
  execFileSync('ssh-keygen', ['-q', '-a', '4', '-N', passphrase, '-C', `${name}@example.org`, '-f', file, ...more])
  return readFileSync(`${file}.pub`, 'utf8').trim()
}

for (const [name, passphrase, ...more] of [
  ['ed25519', '', '-t', 'ed25519'],
  ['ed25519-locked', PASSPHRASE, '-t', 'ed25519'],
  ['ed25519-cbc', PASSPHRASE, '-t', 'ed25519', '-Z', 'aes128-cbc'],
  ['rsa', '', '-t', 'rsa', '-b', '2048'],
  ['rsa-locked', PASSPHRASE, '-t', 'rsa', '-b', '2048', '-Z', 'aes192-ctr'],
  ['rsa-pem', '', '-t', 'rsa', '-b', '2048', '-m', 'PEM'],
  ['rsa-pem-locked', PASSPHRASE, '-t', 'rsa', '-b', '2048', '-m', 'PEM'],
  ['rsa-pkcs8-locked', PASSPHRASE, '-t', 'rsa', '-b', '2048', '-m', 'PKCS8'],
] as const)
  sops(name, ssh(name, passphrase, ...more))

// Kinds that age cannot use, or that nobody here can open.
ssh('ecdsa', '', '-t', 'ecdsa')
ssh('rsa-short', '', '-t', 'rsa', '-b', '1024')
ssh('ed25519-gcm', PASSPHRASE, '-t', 'ed25519', '-Z', 'aes256-gcm@openssh.com')

// What `ssh-to-age` makes of the public half.
const converted = sshPublicKey(readFileSync(join(OUT, 'ed25519.pub'), 'utf8'))
if (typeof converted === 'string' || converted.kind !== 'ssh-ed25519') throw new Error('no Ed25519 key')
sops('ssh-to-age', x25519Recipient(converted.point))

const hybrid = await generateHybridIdentity()
writeFileSync(join(OUT, 'hybrid.identity'), `${hybrid}\n`)
sops('hybrid', await identityToRecipient(hybrid))

const pair = (): { text: string; to: string } => {
  const text = execFileSync('age-keygen', { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  return { text, to: /age1\w+/.exec(text)?.[0] ?? '' }
}

const locked = pair()
writeFileSync(join(scratch, 'keys.txt'), locked.text)
execFileSync('script', ['-qec', `age -p -o ${join(OUT, 'locked.identity')} ${join(scratch, 'keys.txt')}`, '/dev/null'], {
  input: `${PASSPHRASE}\n${PASSPHRASE}\n`,
  stdio: ['pipe', 'ignore', 'inherit'],
})
sops('locked', locked.to)

// With little work, so that it can be tried often.
const armored = pair()
const encrypter = new Encrypter()
encrypter.setScryptWorkFactor(10)
encrypter.setPassphrase(PASSPHRASE)
writeFileSync(join(OUT, 'locked-armored.identity'), armor.encode(await encrypter.encrypt(armored.text)))
sops('locked-armored', armored.to)

rmSync(scratch, { recursive: true, force: true })
