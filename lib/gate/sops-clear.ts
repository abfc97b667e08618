import { GitopsError } from '../model/errors.ts'
import { finding, type Finding } from '../model/finding.ts'
import { formatOf } from '../secrets/sops/file-format.ts'
import { isBranch, isComment, lookup } from '../secrets/sops/document.ts'
import type { Source } from '../secrets/sops/format.ts'
import type { CreationRule } from '../secrets/sops/policy.ts'
import { DEFAULT_RULE, selector, type Place, type Rule } from '../secrets/sops/rules.ts'
import { loadPlain } from '../secrets/sops/store.ts'
import { walk } from '../secrets/sops/walk.ts'
import { positionAt } from './position.ts'
import { placeName } from './sops-file.ts'

/** Files that stand beside secrets and are none, whatever a rule says of their directory. */
const BESIDE =
  /(?:^|\/)(?:readme[^/]*|license[^/]*|[^/]*\.md|[^/]*\.pub|\.git(?:keep|ignore|attributes)|\.editorconfig|\.sops\.ya?ml|kustomization\.ya?ml)$/i
/** Templates of secrets. */
const EXAMPLE = /(?:^|[./_-])(?:example|sample|template|dist|tmpl)(?:[./_-]|$)/i

/** Whether a rule that picks a path out asks for the file to be encrypted. */
export function mayBeClear(path: string): boolean {
  return BESIDE.test(path) || EXAMPLE.test(path)
}

/** Whether a file is encrypted by other means than SOPS: nobody reads it either. */
export function isSealed(bytes: Buffer): boolean {
  const head = bytes.subarray(0, 64).toString('latin1')
  return /^(?:age-encryption\.org\/|-----BEGIN (?:AGE ENCRYPTED FILE|PGP MESSAGE)-----|\0GITCRYPT\0)/.test(head)
}

/** A file in clear that should be encrypted, by its rule or because the config declares it as a secret: null where there is nothing in it to encrypt. */
export async function judgeClear(path: string, bytes: Buffer, rule: CreationRule | null): Promise<Finding | null> {
  const format = formatOf(path)
  const asked = rule?.rule ?? DEFAULT_RULE
  const who = rule === null ? 'the config declares it as a secret' : `creation rule ${rule.number} of .sops.yaml is for it`
  const message = `the file stands in clear, and ${who}`
  const whole = finding('sops/unencrypted', path, message, { hint: HINT })
  if (format === 'binary') return whole
  try {
    const source = await loadPlain(bytes, format)
    if (rule !== null && isOtherObject(source, asked)) return null
    const first = await firstSelected(source, asked)
    if (first === null) return rule === null ? whole : null
    const where = first.at === undefined ? {} : positionAt(source.text, first.at.start)
    return finding('sops/unencrypted', path, `${message}: the value at ${placeName(first)} can be read by anybody`, {
      ...where,
      hint: HINT,
    })
  } catch (error) {
    if (error instanceof GitopsError) return whole
    throw error
  }
}

const HINT = 'Encrypt it with `gitops encrypt -i`; what was committed in clear is known: change it.'

async function firstSelected({ documents }: Source, rule: Rule): Promise<Place | null> {
  const isSelected = await selector(rule)
  let first: Place | null = null
  walk(documents, (value, place) => {
    if (first === null && !isComment(value) && value !== '' && isSelected(place)) first = place
    return value
  })
  return first
}

/** A rule for all manifests of a cluster that names `data` means those of secrets: a ConfigMap has such a key, too. */
function isOtherObject({ documents }: Source, rule: Rule): boolean {
  if (rule.kind !== 'encrypted_regex' && rule.kind !== 'encrypted_suffix') return false
  return documents.every((document) => {
    const [kind, version] = [lookup(document, 'kind'), lookup(document, 'apiVersion')]
    return (
      !isBranch(document) || document.items.length === 0 || (typeof kind === 'string' && typeof version === 'string' && kind !== 'Secret')
    )
  })
}
