import {
  isBranch,
  isComment,
  isList,
  isNumeral,
  isTime,
  type Branch,
  type Comment,
  type Documents,
  type Leaf,
  type Value,
} from './document.ts'
import { isEncrypted } from './cipher.ts'
import { serialise, type LeafType } from './leaf.ts'
import type { Metadata } from './metadata.ts'

/** A value or a comment of an encrypted file: where it is, and what is known of it. */
export interface Entry {
  /** Keys joined by dots; every place of a list is `[]`, so that what is inserted moves nothing else. Ends in `#` for a comment. */
  readonly path: string
  readonly what:
    | { readonly kind: 'clear'; readonly value: Leaf }
    /** Encrypted in the file, and opened. */
    | { readonly kind: 'opened'; readonly value: Leaf; readonly type: LeafType; readonly bytes: Buffer; readonly text: string }
    /** Encrypted in the file, and not opened. */
    | { readonly kind: 'closed'; readonly text: string }
    /** An empty mapping or list. */
    | { readonly kind: 'empty'; readonly text: '{}' | '[]' }
}

/**
 * Every value of an encrypted file, a list for each of its documents; `opened` is the same file in clear, or null when no
 * key opens it.
 */
export function outline(encrypted: Documents, opened: Documents | null): Entry[][] {
  return encrypted.map((document, index) => {
    const entries: Entry[] = []
    branchEntries(document, opened?.[index] ?? null, '', entries)
    return entries
  })
}

/** What a file says of its own encryption, as lines: who can read it, and what is encrypted. Time and MAC change with every change and say nothing. */
export function outlineMetadata({ groups, threshold, rule, macOnlyEncrypted }: Metadata): string[] {
  const several = groups.length > 1
  const lines = groups.flatMap(({ age, others }, index) => {
    const group = several ? `sops.group[${index}]` : 'sops'
    return [
      ...age.map(({ recipient }) => `${group}.recipient: ${recipient}`),
      ...others.map((kind) => `${group}.keys of another kind: ${kind}`),
    ]
  })
  if (several) lines.push(`sops.groups needed: ${threshold}`)
  if (rule.kind !== 'all') lines.push(`sops.${rule.kind}: ${JSON.stringify('suffix' in rule ? rule.suffix : rule.pattern)}`)
  if (macOnlyEncrypted) lines.push('sops.mac_only_encrypted: true')
  return lines
}

function branchEntries(map: Branch, opened: Branch | null, path: string, entries: Entry[]): void {
  map.items.forEach((entry, index) => {
    const clear = opened?.items[index] ?? null
    if (entry.kind === 'comment') return leafEntry(entry, clear?.kind === 'comment' ? clear : null, `${path}#`, entries)
    const key = /^[\w-]+$/.test(entry.key) ? entry.key : JSON.stringify(entry.key)
    valueEntries(entry.value, clear?.kind === 'item' ? clear.value : null, path === '' ? key : `${path}.${key}`, entries)
  })
}

function valueEntries(value: Value, opened: Value, path: string, entries: Entry[]): void {
  if (isBranch(value) || isList(value)) {
    if (value.items.length === 0) entries.push({ path, what: { kind: 'empty', text: isList(value) ? '[]' : '{}' } })
    else if (isBranch(value)) branchEntries(value, opened !== null && isBranch(opened) ? opened : null, path, entries)
    else {
      const items = opened !== null && isList(opened) ? opened.items : []
      value.items.forEach((item, index) => valueEntries(item, items[index] ?? null, isComment(item) ? `${path}#` : `${path}[]`, entries))
    }
    return
  }
  leafEntry(value, opened !== null && (isBranch(opened) || isList(opened)) ? null : opened, path, entries)
}

function leafEntry(value: Leaf | Comment, opened: Leaf | Comment | null, path: string, entries: Entry[]): void {
  const text = value !== null && isComment(value) ? value.text : value
  if (typeof text !== 'string' || !isEncrypted(text)) {
    entries.push({ path, what: { kind: 'clear', value: text } })
    return
  }
  const clear = opened !== null && isComment(opened) ? opened.text : opened
  const serialised = opened === null || clear === text ? null : serialise(opened)
  entries.push({ path, what: serialised === null ? { kind: 'closed', text } : { kind: 'opened', value: clear, text, ...serialised } })
}

/** A value as a person reads it, on one line or, behind a `|`, on several. */
export function shown(value: Leaf): string {
  if (typeof value === 'string' && /^[^\n].*\n./s.test(value) && printable.test(value)) {
    const lines = value.replace(/\n$/, '').split('\n')
    return `|${value.endsWith('\n') ? '' : '-'}\n${lines.map((line) => `  ${line}`).join('\n')}`
  }
  if (typeof value === 'string') return JSON.stringify(value)
  if (Buffer.isBuffer(value)) return `base64 ${value.toString('base64')}`
  if (value !== null && typeof value === 'object') return isNumeral(value) || isTime(value) ? value.text : ''
  return String(value)
}

const printable = /^[\n\t\x20-\x7e\u00a0-\ud7ff\ue000-\ufffd]*$/
