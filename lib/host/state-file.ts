import { lstatSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { GitopsError } from '../model/errors.ts'
import { NOT_OURS, readRegular } from './read.ts'
import { removeOwn, writeAtomic } from './write.ts'

/** Bytes. A state with a hundred thousand files is a tenth of it. */
const LARGEST = 256 << 20

const NOTHING = 'it is nothing'

/** Where the copies of state files lie, by the same names. */
export const COPIES = 'copies'

/** What was found of a state file. `value` is null when there is none; `lost` when there was one, and neither it nor its copy can be read. */
interface Found<T> {
  readonly value: T | null
  readonly lost: boolean
}

/** A file of our own state and its copy: what is damaged in one of them is known by the other. */
export interface StateFile<T> {
  read(): Found<T>
  /** Replaces it, atomically, unless `last` throws just before; on return it has reached the disk if it is `durable`. Only then the copy is replaced as well. */
  write(value: T, durable?: boolean, last?: () => void): void
  remove(): void
  /** Writes anew what the last reading found damaged or missing, when it knew it from the copy. */
  mend(): void
}

/** How a kind of state file becomes text and comes from it; reading throws where the text is not whole. */
interface Codec<T> {
  readonly encode: (value: T) => string
  readonly decode: (text: string) => T
}

/** The state file of a name. `say` hears, once, that it is damaged, and what counts in its place. */
export function stateFile<T>(state: string, name: string, codec: Codec<T>, say: (sentence: string) => void): StateFile<T> {
  const path = join(state, name)
  const copy = join(state, COPIES, name)
  let damage: { readonly value: T | null } | null = null
  const found = (): Found<T> => {
    const here = look(path, codec)
    if ('value' in here) return { value: here.value, lost: false }
    // Its permissions are no damage, and the copy may be older.
    if (here.why === `it is ${NOT_OURS}`) throw unreadable(path, here.why)
    const there = look(copy, codec)
    if (here.why === NOTHING && !('value' in there)) return { value: null, lost: false }
    const first = damage === null
    damage = { value: 'value' in there ? there.value : null }
    const what = here.why === NOTHING ? 'missing' : `damaged (${here.why})`
    if (first) say(`${path} is ${what}: ${'value' in there ? 'its copy counts' : 'it counts as empty'}`)
    if (!('value' in there) && here.unreadable) throw unreadable(path, here.why)
    return { value: damage.value, lost: damage.value === null }
  }
  return {
    read: found,
    write(value, durable = true, last) {
      if (damage !== null || isNoFile(path)) setAside(path)
      damage = null
      const text = codec.encode(value)
      writeAtomic(path, text, durable, last)
      if (durable) copyTo(copy, text)
    },
    remove() {
      // The copy first: it must never outlive the file.
      removeOwn(copy)
      if (damage !== null) setAside(path)
      removeOwn(path)
      damage = null
    },
    mend() {
      if (damage !== null && damage.value !== null) this.write(damage.value)
    },
  }
}

function look<T>(path: string, codec: Codec<T>): { value: T } | { why: string; unreadable: boolean } {
  const bytes = readRegular(path, LARGEST)
  if (typeof bytes === 'string') return { why: `it is ${bytes}`, unreadable: /^not ours|cannot be read/.test(bytes) }
  try {
    return { value: codec.decode(bytes.toString()) }
  } catch (error) {
    if (error instanceof GitopsError) throw error
    return { why: error instanceof TypeError ? 'parts of it are missing' : (error as Error).message, unreadable: false }
  }
}

/** A copy is worth having, and never worth failing for. One that is out of date is worth nothing. */
function copyTo(copy: string, text: string): void {
  try {
    if (isNoFile(copy)) rmSync(copy, { recursive: true, force: true })
    writeAtomic(copy, text, false)
  } catch {
    rmSync(copy, { recursive: true, force: true })
  }
}

function isNoFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === false
}

/** Nothing that we cannot read is ever overwritten. */
export function setAside(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) renameSync(path, `${path}.damaged-${Date.now()}`)
}

function unreadable(path: string, why: string): GitopsError {
  return new GitopsError('io', `${path} cannot be read: ${why}`, {
    hint: 'It is a file of ours: mend its permissions, or the disk.',
  })
}
