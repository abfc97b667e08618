import type { Metadata } from './metadata.ts'
import type { CreationRule } from './policy.ts'
import { DEFAULT_RULE, type Rule } from './rules.ts'
import { keyPart } from './wrap-key.ts'

/**
 * Where an encrypted file is not as its rule would have it now.
 *
 * - `injected`: somebody can open it, or will at the next rotation, whom the rule does not name
 * - `missing`: somebody whom the rule names cannot open it
 * - `groups`: the same people, but other groups or another threshold
 * - `selector`, `mac`: other values are encrypted, or covered by the MAC
 */
export interface Difference {
  readonly kind: 'injected' | 'missing' | 'groups' | 'selector' | 'mac'
  /** The recipient as it is written, or the kind of its key where it is not age; for `injected` and `missing`. */
  readonly who?: string
  readonly message: string
}

/** All of them, those that matter most first. Nothing vouches for what the file says of itself. */
export function differences(rule: CreationRule, metadata: Metadata, isBinary: boolean): readonly Difference[] {
  const [named, there] = [
    everybody(rule.groups, rule.others),
    everybody(
      groupsOf(metadata),
      metadata.groups.flatMap(({ others }) => others),
    ),
  ]
  const injected = [...there].flatMap(([key, who]): Difference[] =>
    named.has(key)
      ? []
      : [
          {
            kind: 'injected',
            who,
            message: `${who} is a recipient of the file, and the rule does not name it: it was taken out of the rule, or somebody put it into the file`,
          },
        ],
  )
  const missing = [...named].flatMap(([key, who]): Difference[] =>
    there.has(key) ? [] : [{ kind: 'missing', who, message: `${who} is named by the rule, and cannot open the file` }],
  )
  const sameMembers = injected.length === 0 && missing.length === 0
  return [...injected, ...missing, ...grouping(rule, metadata, sameMembers), ...selecting(rule, metadata, isBinary)]
}

/** The same key under another comment is the same key; kinds of keys have other names in rules than in files. */
function everybody(groups: readonly (readonly string[])[], others: readonly string[]): Map<string, string> {
  const kinds: Readonly<Record<string, string>> = { azure_keyvault: 'azure_kv', hc_vault_transit_uri: 'hc_vault' }
  const ofOtherKinds = others.map((other) => kinds[other] ?? other).map((kind): [string, string] => [kind, `a key of kind ${kind}`])
  return new Map([...groups.flat().map((who): [string, string] => [keyPart(who), who]), ...ofOtherKinds])
}

function groupsOf({ groups }: Metadata): string[][] {
  return groups.map(({ age }) => age.map(({ recipient }) => recipient))
}

function grouping(rule: CreationRule, metadata: Metadata, sameMembers: boolean): Difference[] {
  const shape = (groups: readonly (readonly string[])[]): string =>
    JSON.stringify(
      groups.map((group) => [...new Set(group.map(keyPart))].toSorted()).toSorted((one, two) => (String(one) < String(two) ? -1 : 1)),
    )
  const needs = (groups: number, threshold: number): string => (groups === 1 ? 'any one key' : `keys of ${threshold} of ${groups} groups`)
  const [is, should] = [needs(metadata.groups.length, metadata.threshold), needs(rule.groups.length, rule.threshold)]
  if (is !== should) return [{ kind: 'groups', message: `the file takes ${is}, and by the rule it would take ${should}` }]
  if (!sameMembers || shape(groupsOf(metadata)) === shape(rule.groups)) return []
  return [{ kind: 'groups', message: 'the file has its recipients in other groups than the rule' }]
}

function selecting(rule: CreationRule, metadata: Metadata, isBinary: boolean): Difference[] {
  if (isBinary) return []
  const found: Difference[] = []
  const [is, should] = [selectorText(metadata.rule), selectorText(rule.rule ?? DEFAULT_RULE)]
  if (is !== should) found.push({ kind: 'selector', message: `the file was encrypted with ${is}, and the rule has ${should}` })
  if (metadata.macOnlyEncrypted !== rule.macOnlyEncrypted) {
    const over = metadata.macOnlyEncrypted ? 'encrypted values only' : 'all values'
    found.push({
      kind: 'mac',
      message: `the MAC of the file covers ${over}, and the rule has mac_only_encrypted: ${rule.macOnlyEncrypted}`,
    })
  }
  return found
}

/** A selector as it stands in a `.sops.yaml`. */
export function selectorText(rule: Rule): string {
  return rule.kind === 'all' ? 'no selector' : `${rule.kind}: ${'suffix' in rule ? rule.suffix : rule.pattern}`
}
