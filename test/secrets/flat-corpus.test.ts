import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { GitopsError, sentence } from '../../lib/model/errors.ts'
import { parseIdentities, recipient, type AgeIdentity } from '../../lib/secrets/age.ts'
import { faultKind, sopsExitCode } from '../../lib/secrets/fault.ts'
import { decryptSops, inspectSops } from '../../lib/secrets/sops/decrypt.ts'
import { encryptSops } from '../../lib/secrets/sops/encrypt.ts'
import type { SopsFormat } from '../../lib/secrets/sops/file-format.ts'
import { reencryptSops, rotateSops } from '../../lib/secrets/sops/reencrypt.ts'
import { looksEncrypted } from '../../lib/secrets/sops/sniff.ts'

/** Made by `make-flat-corpus.ts` with the real sops. */
const CORPUS = resolve(import.meta.dirname, '../fixtures/sops/flat')
const NOW = new Date('2026-03-01T12:00:00Z')

interface Case {
  readonly file: string
  readonly format: SopsFormat
  readonly output?: SopsFormat
  readonly plain?: string
  readonly fault?: string
  readonly sops: number
  readonly about: string
}

const cases = JSON.parse(readFileSync(join(CORPUS, 'cases.json'), 'utf8')) as Case[]
const read = (file: string): Buffer => readFileSync(join(CORPUS, file))
const identities = (): Promise<AgeIdentity[]> =>
  parseIdentities(readFileSync(join(CORPUS, '../reader.identity'), 'utf8'), 'reader.identity')
/** Somebody has laid these out otherwise, or they have what sops would not print: that stays. */
const KEPT = new Set(['crlf.ini', 'layout.ini', 'reordered.env'])

async function refusal(decrypted: Promise<unknown>): Promise<GitopsError> {
  const error: unknown = await decrypted.then(
    () => null,
    (reason: unknown) => reason,
  )
  expect(error, 'it was decrypted').toBeInstanceOf(GitopsError)
  return error as GitopsError
}

describe('dotenv and INI files that sops made are decrypted to the bytes that it prints, and into other formats as well', () => {
  for (const { file, format, output, plain, about } of cases) {
    if (plain === undefined) continue
    test(about, async () => {
      const decrypted = await decryptSops(read(file), await identities(), output === undefined ? {} : { output })
      expect(decrypted.format).toBe(format)
      const [ours, theirs] = [decrypted.plaintext.text(), read(plain).toString('utf8')]
      // What stands behind a value stays there; sops moves it above.
      if (format === 'yaml' && output === undefined) expect(ours).toBe(theirs.replace('# behind\na: 1', 'a: 1 # behind'))
      else if (!KEPT.has(file)) expect(ours).toBe(theirs)
      else expect(squeezed(ours)).toBe(squeezed(theirs))
    })
  }
})

/** Without what is layout in these two formats. */
function squeezed(text: string): string {
  return text
    .replaceAll(/\r\n/g, '\n')
    .replaceAll(/^ *(\S.*?) *= */gm, '$1=')
    .replaceAll(/\n+/g, '\n')
    .replace(/^\n/, '')
}

describe('dotenv and INI files that cannot be trusted or read are refused, and so is what another format cannot hold', () => {
  for (const { file, format, output, fault, sops, about } of cases) {
    if (fault === undefined) continue
    test(`${about} (${fault})`, async () => {
      const error = await refusal(decryptSops(read(file), await identities(), output === undefined ? {} : { output }))
      expect(faultKind(error)).toBe(fault)
      expect(sopsExitCode(error)).toBe(sops)
      expect(sentence(error)).not.toMatch(/canary|ENC\[|AGE-SECRET/)
      expect(sentence(error).split('\n').length).toBeLessThan(4)
      if (['value', 'mac'].includes(fault)) expect(await inspectSops(read(file))).toMatchObject({ format })
    })
  }
})

test('an encrypted dotenv or INI file is known as such', () => {
  for (const { file, fault } of cases) expect(looksEncrypted(read(file)), file).toBe(fault !== 'not-sops')
})

test('nothing changes where nothing has changed, and of one changed value only its line, the MAC and the time do', async () => {
  for (const file of ['types.env', 'types.ini', 'crlf.ini', 'types-3.9.4.ini']) {
    const old = read(file)
    const plaintext = (await decryptSops(old, await identities())).plaintext.text()
    const how = { identities: await identities(), now: NOW }
    const same = await reencryptSops(old, Buffer.from(plaintext), how)
    expect([same.changed, same.bytes.equals(old)], file).toEqual([false, true])
    const changed = plaintext.replace(/canary.(two|value)/, 'changed')
    expect(changed).not.toBe(plaintext)
    const next = await reencryptSops(old, Buffer.from(changed), how)
    const before = new Set(old.toString('utf8').split('\n'))
    const lines = next.bytes
      .toString('utf8')
      .split('\n')
      .filter((line) => !before.has(line))
    expect(lines, file).toHaveLength(3)
    expect((await decryptSops(next.bytes, await identities())).plaintext.text(), file).toBe(changed)
  }
})

test('a new data key keeps the layout of the file', async () => {
  for (const file of ['types.env', 'types.ini', 'layout.ini']) {
    const rotated = await rotateSops(read(file), { identities: await identities(), now: NOW })
    const masked = (bytes: Buffer): string =>
      bytes
        .toString('utf8')
        .replace(/\n\[sops\][\s\S]*/, '')
        .replaceAll(/ENC\[[^\]]*\]|-----BEGIN.*|^(.*lastmodified.*=).*$/gm, '$1')
    expect(masked(rotated.bytes)).toBe(masked(read(file)))
    const [before, after] = [await decryptSops(read(file), await identities()), await decryptSops(rotated.bytes, await identities())]
    expect(after.plaintext.text()).toBe(before.plaintext.text())
  }
})

describe('a plaintext can be encrypted in another format', () => {
  for (const { file, format, output, plain } of cases) {
    if (output === undefined) continue
    test(`${file} into ${output}`, async () => {
      const mine = await identities()
      const to = await recipient(mine[0]?.name ?? '')
      const clear = (await decryptSops(read(file), mine)).plaintext.bytes()
      const made = encryptSops(clear, { input: format, format: output, recipients: [to], now: NOW })
      // Anything may stand in the envelope of a binary file, as to sops; it is then JSON in it that is not binary.
      if (plain === undefined && output !== 'binary') return expect(sopsExitCode(await refusal(made))).toBe(4)
      const again = await decryptSops((await made).bytes, mine)
      if (output === 'binary') return expect(again.format).toBe('json')
      expect(again.plaintext.text()).toBe(
        // What JSON has for it.
        read(plain ?? '')
          .toString('utf8')
          .replace(/= ?1\.0$/m, (whole) => whole.slice(0, -2)),
      )
      expect(again.format).toBe(output)
    })
  }
})
