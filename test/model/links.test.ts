import * as fc from 'fast-check'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { escapingLinks } from '../../lib/model/links.ts'
import { isWithin, relPath, type RelPath } from '../../lib/model/path.ts'

const accepted = (links: Record<string, string>): boolean =>
  escapingLinks(new Map(Object.entries(links).map(([path, text]) => [relPath(path), text]))).length === 0

test.for([
  ['to a neighbour', { a: 'b' }, true],
  ['to nothing', { a: 'nothing/here' }, true],
  ['to the root of the tree', { 'd/a': '..' }, true],
  ['up and down again', { 'd/a': '../e/./f//g' }, true],
  ['through another link', { a: 'b/x', b: 'c' }, true],
  ['to its parent', { a: '..' }, false],
  ['to an absolute path', { a: '/etc/passwd' }, false],
  ['with an empty text', { a: '' }, false],
  ['out and in again', { a: '../base/b' }, false],
  ['out through another link', { 'd/b': '.', 'd/a': 'b/../..' }, false],
  ['out because another link is less deep than it looks', { 'x/y/z': '../../q', a: 'x/y/z/../../out' }, false],
  ['to itself', { a: 'a' }, false],
  ['in a circle', { a: 'b', b: 'a' }, false],
  ['through an absolute link', { a: 'b/c', b: '/etc' }, false],
] as const)('a link %s is judged rightly', ([, links, expected]) => {
  expect(accepted(links)).toBe(expected)
})

const name = fc.constantFrom('a', 'b', 'c')
const place = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
const text = fc
  .array(fc.oneof(name, name, fc.constantFrom('..', '.', 'a/..')), { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join('/'))
const tree = fc.dictionary(place, fc.oneof(fc.constant(null), text), { minKeys: 1, maxKeys: 7, noNullPrototype: true })

test('what the operating system itself says of a tree of links is what we say', () => {
  const top = realpathSync(mkdtempSync(join(tmpdir(), 'gitops-links-')))
  const root = join(top, 'deep/er/base')
  let [refused, fine] = [0, 0]
  try {
    fc.assert(
      fc.property(tree, (entries) => {
        const links = build(root, entries)
        const prefixes = [...links].flatMap(([path, link]) => link.split('/').map((_, end) => walkOf(root, path, link, end)))
        const ok = accepted(Object.fromEntries(links))
        if (ok) {
          fine++
          expect(prefixes.filter((found) => found === 'circle' || found === 'outside')).toEqual([])
        } else {
          refused++
          // Where every step of every link exists and stays inside, nothing is refused.
          expect(prefixes.every((found) => found === 'inside')).toBe(false)
        }
      }),
      { numRuns: 400 },
    )
  } finally {
    rmSync(top, { recursive: true, force: true })
  }
  expect(refused).toBeGreaterThan(20)
  expect(fine).toBeGreaterThan(20)
})

/** Where the first `end` + 1 parts of a link lead, as the system resolves them. */
function walkOf(root: string, path: string, link: string, end: number): 'inside' | 'outside' | 'missing' | 'circle' {
  const part = link
    .split('/')
    .slice(0, end + 1)
    .join('/')
  try {
    return isWithin(realpathSync(`${join(root, dirname(path))}/${part}`), root) ? 'inside' : 'outside'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ELOOP' ? 'circle' : 'missing'
  }
}

/** Makes the tree on disk; an entry below a file or a link is left out, as no Git tree has it. Returns its links. */
function build(root: string, entries: Record<string, string | null>): Map<RelPath, string> {
  rmSync(root, { recursive: true, force: true })
  mkdirSync(root, { recursive: true })
  const links = new Map<RelPath, string>()
  const leaves = Object.keys(entries).filter((path) => !Object.keys(entries).some((other) => other.startsWith(`${path}/`)))
  for (const path of leaves) {
    mkdirSync(join(root, dirname(path)), { recursive: true })
    const link = entries[path]
    if (link === null || link === undefined) writeFileSync(join(root, path), path)
    else {
      symlinkSync(link, join(root, path))
      links.set(relPath(path), link)
    }
  }
  return links
}
