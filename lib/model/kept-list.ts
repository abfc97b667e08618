/** A copy of what a person wrote, whose generation is gone: named by age alone. */
export interface ListedCopy {
  /** When it was made. */
  readonly at: string
  /** Its digest in hexadecimal; lists of earlier versions have only how it begins. */
  readonly name: string
  readonly path: string
}

const LINE = /^(\S+) {2}([0-9a-f]{12,64}) {2}(".*")$/

/** A copy as a line of the list. Pure. */
export function listedLine({ at, name, path }: ListedCopy): string {
  return `${at}  ${name}  ${JSON.stringify(path)}\n`
}

/** The copies that a list names; what else is in it is passed over. Pure. */
export function listedCopies(text: string): ListedCopy[] {
  return text.split('\n').flatMap((line) => listed(line) ?? [])
}

/**
 * A list with more copies on it, and without those that were made before `oldest`, in milliseconds. A copy of the same content from the same path is
 * there once, and is as old as the newest of them. Lines that are none of ours stay. Pure.
 */
export function relisted(text: string, more: readonly ListedCopy[], oldest: number): string {
  const others: string[] = []
  const newest = new Map<string, ListedCopy>()
  const add = (copy: ListedCopy): void => {
    const key = `${copy.name} ${copy.path}`
    const known = newest.get(key)
    if (known === undefined || Date.parse(known.at) < Date.parse(copy.at)) newest.set(key, copy)
  }
  for (const line of text.split('\n').filter(Boolean)) {
    const copy = listed(line)
    if (copy === null) others.push(`${line}\n`)
    else add(copy)
  }
  for (const copy of more) add(copy)
  const young = [...newest.values()].filter(({ at }) => !(Date.parse(at) < oldest))
  return [...others, ...young.map(listedLine)].join('')
}

function listed(line: string): ListedCopy | null {
  const [, at, name, quoted] = LINE.exec(line) ?? []
  if (at === undefined || name === undefined || quoted === undefined) return null
  try {
    return { at, name, path: JSON.parse(quoted) as string }
  } catch {
    return null
  }
}
