import { isDocument, lostKeys } from '../lib/documents/lost.ts'
import { claimedByOthers } from '../lib/host/identity.ts'
import { readLive } from '../lib/host/live.ts'
import { blobs, type Repository } from '../lib/host/objects.ts'
import type { SecretFile, Target } from '../lib/model/config.ts'
import { under, type AbsPath, type RelPath } from '../lib/model/path.ts'
import { matches, type Owned, type Present, type Tree, type Wanted } from '../lib/model/tree.ts'
import type { Run } from './run.ts'

interface Contact {
  readonly target: Target
  readonly root: AbsPath
  readonly repository: Repository
  readonly wanted: Tree<Wanted>
  readonly owned: Tree<Owned>
  readonly present: Tree<Present>
}

/** Decides, for each path that we have never written, whether it may be taken over: the answer is a reason to refuse, or null. */
export async function firstContact(run: Run, contact: Contact): Promise<(path: RelPath) => string | null> {
  const { target, root, wanted, owned, present } = contact
  const news = [...wanted.keys()].filter((path) => !owned.has(path))
  const refusals = new Map<RelPath, string>()
  const claims = news.length === 0 ? new Map<string, string>() : claimedByOthers(run.config, root)
  for (const path of news) {
    const other = claims.get(under(root, path))
    if (other !== undefined) refusals.set(path, `is owned by another config, ${other}; exclude it in one of the two`)
  }
  const documents = news.filter((path) => {
    const live = present.get(path)
    const want = wanted.get(path)
    return (
      target.adopt(path) === 'careful' &&
      want?.as === undefined &&
      isDocument(path) &&
      live?.kind === 'file' &&
      want?.kind === 'file' &&
      !matches(live, want) &&
      live.digest !== want.digest
    )
  })
  for (const path of documents) {
    const content = wanted.get(path)?.content
    if (content?.kind !== 'git') continue
    for await (const ours of blobs(contact.repository, [content.oid], run.signal)) {
      const lost = await lostKeys(path, readLive(under(root, path)).toString(), ours.toString())
      if (lost === null)
        refusals.set(path, `is there already and does not parse, so nobody can tell what replacing it would lose; ${HINT(target, path)}`)
      else if (lost.length > 0)
        refusals.set(path, `is there already and holds ${listKeys(lost)}, which the source lacks; ${HINT(target, path)}`)
    }
  }
  return (path) => refusals.get(path) ?? null
}

const HINT = ({ name }: Target, path: string): string =>
  `merge it, with targets.${name}.documents, exclude it, or set targets.${name}.adopt to { ${JSON.stringify(path)}: 'replace' } (a copy is kept)`

function listKeys(keys: readonly string[]): string {
  const shown = keys.slice(0, 5).map((key) => JSON.stringify(key))
  return `the key${keys.length === 1 ? '' : 's'} ${shown.join(', ')}${keys.length > shown.length ? ` and ${keys.length - shown.length} more` : ''}`
}

/** Why a secret's file that is there already and differs is not replaced, or null. */
export function firstContactRefusal({ name, adopt, to }: SecretFile): string | null {
  if (adopt === 'replace') return null
  const merge = /\.(?:jsonc?|ya?ml|toml)$/i.test(to)
    ? `set secrets.${name}.strategy to 'merge', so that only the keys of the source are ours, or `
    : ''
  return `is there already and differs; ${merge}set secrets.${name}.adopt to 'replace' (a sealed copy is kept)`
}
