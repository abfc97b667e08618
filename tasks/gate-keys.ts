import { documentsWith } from '../lib/documents/documents.ts'
import { said } from '../lib/documents/doubled.ts'
import { positionOf } from '../lib/documents/position.ts'
import { syntaxFindings, syntaxOf } from '../lib/gate/syntax.ts'
import type { SecretFile } from '../lib/model/config.ts'
import { finding, type Finding } from '../lib/model/finding.ts'
import { isObject, type Json } from '../lib/model/json.ts'
import { keyFaults } from '../lib/model/key-faults.ts'
import type { CoOwnership } from '../lib/model/lists.ts'
import type { RelPath } from '../lib/model/path.ts'
import type { MergeStrategy } from '../lib/plugins/contract.ts'
import type { Gate, Reader } from './judging.ts'

/** What of a file was read. */
interface Read {
  readonly text: string
  readonly value: Json | undefined
}

/** How the keys of an encrypted file are read, which stand in clear. */
const ENCRYPTED = (path: RelPath): CoOwnership => ({ strategy: syntaxOf(path) ?? 'json', lists: {}, lock: null })

/** Reads what is to be merged into documents of applications: it must be keys, each of them once, and none that is not for a source to say. */
export function keysReader(gate: Gate): Reader | null {
  const merged = gate.secrets.filter(({ strategy }) => strategy === 'merge')
  const open = new Map<RelPath, CoOwnership>(merged.flatMap(({ plain, as }) => (plain === null ? [] : [[plain, as] as const])))
  for (const { target, entries, at } of gate.targets)
    for (const { path } of entries) {
      const as = target.mergeOf(path)
      if (as !== null) open.set(at(path), as)
    }
  const hidden = new Set(merged.flatMap(({ from }) => (from === null ? [] : [from])))
  if (open.size + hidden.size === 0) return null
  const documents = documentsWith((gate.config?.strategies ?? []) as readonly MergeStrategy[])
  const read = new Map<RelPath, Read>()
  const concerned = new Set(merged.filter((secret) => filesOf(secret).some((path) => gate.looksAt(path))).flatMap(filesOf))
  return {
    wants: ({ path, type }) =>
      (type === 'file' || type === 'executable') && ((open.has(path) && gate.looksAt(path)) || concerned.has(path)),
    async judge({ path }, bytes) {
      const text = bytes.toString('utf8').replace(/^\uFEFF/, '')
      const as = open.get(path) ?? ENCRYPTED(path)
      const judged = open.has(path) && gate.looksAt(path)
      let value: Json | undefined
      try {
        value = await documents.read(as, text, path)
      } catch (error) {
        // What does not parse is for another rule to say.
        const known = !judged || (await syntaxFindings(path, bytes, as.strategy)).length > 0
        return known ? [] : [finding('keys/object', path, (error as Error).message.replace(`${path} `, ''))]
      }
      if (value !== undefined && !isObject(value))
        return judged ? [finding('keys/object', path, 'must be an object of keys, to be merged', { line: 1 })] : []
      read.set(path, { text, value })
      if (!judged) return []
      const twice = [...(await documents.doubled(as, text, [{ path: [] }])).values()]
      return twice.map((key) => finding('keys/twice', path, said(key), { line: key.line, column: key.column }))
    },
    async end() {
      const all = await Promise.all(merged.filter((secret) => filesOf(secret).some((path) => concerned.has(path))).map(faultsOf))
      return all.flat()
    },
  }

  async function faultsOf(secret: SecretFile): Promise<Finding[]> {
    const [plain, from] = [secret.plain, secret.from].map((path) => (path === null ? undefined : read.get(path)))
    const hiddenKeys = isObject(from?.value) ? Object.fromEntries(Object.entries(from.value).filter(([key]) => key !== 'sops')) : undefined
    return Promise.all(
      keyFaults(secret, plain?.value, hiddenKeys).map(async ({ rule, file, path, message }) => {
        const name = secret[file]
        if (name === null) return finding(rule, null, message)
        const { strategy } = file === 'plain' ? secret.as : ENCRYPTED(name)
        const place = await positionOf(`${name}.${strategy}`, (file === 'plain' ? plain : from)?.text ?? '', path)
        return finding(rule, name, message, { line: place?.line ?? null, column: place?.column ?? null })
      }),
    )
  }
}

function filesOf({ plain, from }: SecretFile): RelPath[] {
  return [plain, from].filter((path) => path !== null)
}
