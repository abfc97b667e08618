import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { GitopsError } from '../../lib/model/errors.ts'
import { absPath, ancestors, digest, isWithin, parent, relPath, sha, short, under } from '../../lib/model/path.ts'

const codeOf = (make: () => unknown): string => {
  try {
    make()
    return 'fine'
  } catch (error) {
    return error instanceof GitopsError ? error.code : 'a bug'
  }
}

test.for([
  ['a', 'fine'],
  ['a/b/c', 'fine'],
  ['-rf', 'fine'],
  ['a b/"c"\n', 'fine'],
  ['__proto__/constructor', 'fine'],
  ['...', 'fine'],
  ['a/..b', 'fine'],
  ['.gitignore', 'fine'],
  ['a\\..\\b', 'fine'],
  ['', 'hostile'],
  ['/a', 'hostile'],
  ['a/', 'hostile'],
  ['a//b', 'hostile'],
  ['.', 'hostile'],
  ['..', 'hostile'],
  ['a/../b', 'hostile'],
  ['a/./b', 'hostile'],
  ['a\0b', 'hostile'],
  ['.git/config', 'hostile'],
  ['a/.GIT/hooks/x', 'hostile'],
] as const)('the relative path %j is %s', ([text, expected]) => {
  expect(codeOf(() => relPath(text))).toBe(expected)
})

test('whatever text is given, a relative path that is accepted stays below its root', () => {
  const part = fc.oneof(fc.constantFrom('..', '.', '', '.git', 'a', ' '), fc.string({ unit: 'binary' }))
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
      const text = parts.join('/')
      if (codeOf(() => relPath(text)) !== 'fine') return
      const path = relPath(text)
      const full = under(absPath('/base'), path)
      expect(isWithin(full, '/base')).toBe(true)
      expect(new URL(`file:///base/${path.split('/').map(encodeURIComponent).join('/')}`).pathname.startsWith('/base/')).toBe(true)
      expect([...ancestors(path), path].at(-1)).toBe(path)
      expect(ancestors(path).at(-1) ?? null).toBe(parent(path))
      expect(ancestors(path)).toHaveLength(path.split('/').length - 1)
    }),
  )
})

test.for([
  ['/', 'fine'],
  ['/a b', 'fine'],
  ['C:\\Users', 'fine'],
  ['a', 'config'],
  ['', 'config'],
  ['~/a', 'config'],
  ['/a\0', 'config'],
] as const)('the absolute path %j is %s', ([text, expected]) => {
  expect(codeOf(() => absPath(text))).toBe(expected)
})

test('only full object ids and full digests are taken', () => {
  expect(sha('a'.repeat(40))).toBe('a'.repeat(40))
  expect(sha('0'.repeat(64))).toBe('0'.repeat(64))
  for (const text of ['', 'a'.repeat(39), 'a'.repeat(41), 'A'.repeat(40), `${'a'.repeat(40)}\n`, 'main'])
    expect(codeOf(() => sha(text))).toBe('git')
  expect(digest(`sha256:${'0'.repeat(64)}`)).toContain('sha256:')
  for (const text of ['', '0'.repeat(64), `sha256:${'0'.repeat(63)}`, `sha1:${'0'.repeat(64)}`])
    expect(codeOf(() => digest(text))).toBe('io')
})

test('a path lies within a directory only by whole names', () => {
  expect(isWithin('/a/b', '/a')).toBe(true)
  expect(isWithin('/a', '/a')).toBe(true)
  expect(isWithin('/ab', '/a')).toBe(false)
  expect(isWithin('/a', '/a/b')).toBe(false)
  expect(isWithin('/a', '/')).toBe(true)
  expect(under(absPath('/'), relPath('a'))).toBe('/a')
  expect(short('0123456789')).toBe('0123456')
})
