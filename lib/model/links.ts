import { parent, type RelPath } from './path.ts'

const MOST_HOPS = 40

/**
 * The links that leave their tree at any moment of their walk, through other links of the tree too, each with a sentence.
 * `links` holds the text of every link of the tree.
 */
export function escapingLinks(links: ReadonlyMap<RelPath, string>): { readonly path: RelPath; readonly message: string }[] {
  return [...links].flatMap(([path, text]) => {
    const why = walk(parent(path)?.split('/') ?? [], text, links)
    return why === null ? [] : [{ path, message: `the link ${JSON.stringify(path)} -> ${JSON.stringify(text)} ${why}` }]
  })
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
