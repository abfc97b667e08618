import { GitopsError } from './errors.ts'
import { parent, type RelPath } from './path.ts'

const MOST_HOPS = 40

/**
 * Refuses a link that leaves its tree at any moment of its walk, through other links of the tree too.
 * `links` holds the text of every link of the tree. Throws `hostile`, naming the link.
 */
export function refuseEscapingLinks(links: ReadonlyMap<RelPath, string>): void {
  for (const [path, text] of links) {
    const why = walk(parent(path)?.split('/') ?? [], text, links)
    if (why !== null)
      throw new GitopsError('hostile', `the link ${JSON.stringify(path)} -> ${JSON.stringify(text)} ${why}`, { paths: [path] })
  }
}

function walk(from: readonly string[], text: string, links: ReadonlyMap<RelPath, string>): string | null {
  if (text.startsWith('/') || text.includes('\0') || text === '') return 'does not stay in the tree'
  const at = [...from]
  const todo = text.split('/')
  for (let hops = 0; todo.length > 0;) {
    const part = todo.shift()
    if (part === undefined || part === '' || part === '.') continue
    if (part === '..') {
      if (at.pop() === undefined) return 'does not stay in the tree'
      continue
    }
    at.push(part)
    const next = links.get(at.join('/') as RelPath)
    if (next === undefined) continue
    if (++hops > MOST_HOPS) return 'goes round in a circle'
    if (next.startsWith('/')) return 'does not stay in the tree'
    at.pop()
    todo.unshift(...next.split('/'))
  }
  return null
}
