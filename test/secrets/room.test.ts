import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { expect, test } from 'vitest'

const ROOM = resolve(import.meta.dirname, '../../lib/secrets')
const MODEL = resolve(ROOM, '../model')
const BUILT = resolve(import.meta.dirname, '../../dist/lib/secrets')
const ALLOWED = /^(?:\.{1,2}\/(?!.*\/(?:host|config|cli|gate|documents|plugins)\/).*|age-encryption|bcrypt-pbkdf|yaml|re2js|node:crypto)$/

test('the room has no door: it imports no files, no network, no clock and reads no environment', () => {
  const files = readdirSync(ROOM, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  expect(files.length).toBeGreaterThan(10)
  for (const name of files) {
    const text = readFileSync(join(ROOM, name), 'utf8')
    for (const [, specifier = ''] of text.matchAll(/(?:from|import\() ?'([^']+)'/g)) expect(specifier, name).toMatch(ALLOWED)
    expect(text, name).not.toMatch(/process\.|Date\.now|new Date\(\)|(?<![.\w])fetch\(|globalThis|Math\.random/)
    const inside = [ROOM, MODEL].map((room) => `${room}/`)
    for (const [, path = ''] of text.matchAll(/(?:from|import\() ?'(\.[^']+)'/g)) {
      const file = resolve(ROOM, dirname(name), path)
      expect(
        inside.some((room) => file.startsWith(room)),
        `${name}: ${path}`,
      ).toBe(true)
    }
  }
})

test('nothing heavy is loaded before a key must be unwrapped', () => {
  const program = `
    const { registerHooks } = await import('node:module')
    const loaded = []
    registerHooks({ resolve: (name, context, next) => { if (!/^[./]|^file:|^node:/.test(name)) loaded.push(name); return next(name, context) } })
    const { inspectSops } = await import(${JSON.stringify(join(BUILT, 'sops/decrypt.js'))})
    await import(${JSON.stringify(join(BUILT, 'sops/encrypt.js'))})
    await import(${JSON.stringify(join(BUILT, 'seal.js'))})
    const { readFileSync } = await import('node:fs')
    const info = await inspectSops(readFileSync(${JSON.stringify(resolve(import.meta.dirname, '../fixtures/sops/claude.json.enc'))}))
    process.stdout.write(JSON.stringify({ format: info.format, loaded }))
  `
  const printed = execFileSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' })
  expect(JSON.parse(printed)).toEqual({ format: 'json', loaded: [] })
})
