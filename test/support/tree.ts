import { isBranch, isComment, isList, isNumeral, isTime, type Branch, type Value } from '../../lib/secrets/sops/document.ts'

/** Documents without where they stood in their text, and numbers and times without their spelling: what SOPS sees. */
export function bare(documents: readonly Branch[]): unknown[] {
  return documents.map(bareValue)
}

function bareValue(value: Value): unknown {
  if (isNumeral(value)) return value.value
  if (isTime(value)) return { kind: 'time', text: value.text }
  if (isComment(value)) return { kind: 'comment', text: value.text, inline: value.inline }
  if (isList(value)) return { kind: 'list', items: value.items.map(bareValue) }
  if (!isBranch(value)) return value
  const items = value.items.map((entry) =>
    entry.kind === 'item' ? { kind: 'item', key: entry.key, value: bareValue(entry.value) } : bareValue(entry),
  )
  return { kind: 'branch', items }
}
