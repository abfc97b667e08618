import { linkSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { GitopsError } from '../model/errors.ts'
import type { AbsPath } from '../model/path.ts'
import { hostKey, hostKeyName, newHostKey, type HostKey } from '../secrets/seal.ts'
import { digestOf } from './hash.ts'
import { NOT_OURS, readRegular } from './read.ts'
import { setAside } from './state-file.ts'
import { writeAtomic } from './write.ts'

/** What a process that was killed while it wrote a key, or its copy, has left beside it: these are keys, too. */
const LEFT = /^(?:\d+|(?:copy\.|\d+\.)?[0-9a-f]{12}\.tmp)$/

/** What is known of the right key, for the day when file and copy differ, and who hears of that. */
interface Known {
  /** The name of the key that the inventory's secrets are sealed with, or null. */
  readonly name: () => string | null
  readonly say: (sentence: string) => void
}

const NOTHING_KNOWN: Known = { name: () => null, say: () => {} }

/** The key of this host. Throws `io` when there is none, or neither the file nor its copy is a key. */
export function readHostKey(path: AbsPath, known = NOTHING_KNOWN): HostKey {
  const { key } = find(path, known)
  if (key === null)
    throw new GitopsError('io', `the host key ${path} is gone`, { hint: 'What was sealed with it cannot be opened any more.' })
  return key
}

/** The key of this host; made, 0600, when there is none, and put back from its copy when it is damaged. Throws `io` when neither is a key. */
export function loadHostKey(path: AbsPath, known = NOTHING_KNOWN): HostKey {
  const { key, from, copy } = find(path, known)
  if (key === null) {
    makeKey(path)
    return readHostKey(path, known)
  }
  if (from === 'copy') {
    known.say(`the host key ${path} was damaged: it is back from its copy`)
    sweep(path)
    keepDamaged(path)
    writeAtomic(path, key.bytes())
  } else if (copy === null) copyKey(path, key)
  return key
}

/** The key of this host, or for as long as this process lives a new one: looking around makes no file. Throws `io` when neither file nor copy is a key. */
export function hostKeyForReading(path: AbsPath): HostKey {
  return find(path, NOTHING_KNOWN).key ?? newHostKey()
}

/** The copy of a key: null where there is none, or a damaged one; nothing is known of one that is not ours to read. */
type Copy = HostKey | typeof NOT_OURS | null

/** The file's key, unless its copy has the right one and it has not. */
function find(path: AbsPath, known: Known): { key: HostKey | null; from: 'file' | 'copy'; copy: Copy } {
  const bytes = readRegular(path, 1024)
  // Who deletes the key means it.
  if (bytes === 'nothing') return { key: null, from: 'file', copy: null }
  // Its permissions are no damage.
  if (bytes === NOT_OURS) throw unreadable(`the host key ${path}`)
  const copy = copyOf(path)
  const readable = copy === NOT_OURS ? null : copy
  if (readable !== null && (typeof bytes === 'string' || isOther(bytes, readable, known))) return { key: readable, from: 'copy', copy }
  if (typeof bytes !== 'string') return { key: hostKey(bytes), from: 'file', copy }
  if (copy === NOT_OURS) throw unreadable(`the copy of the host key, ${path}.copy,`)
  throw new GitopsError('io', `the host key ${path} cannot be read: it is ${bytes}`, {
    hint: 'Restore it, or move away what stands there: secrets are then decrypted once more, and sealed old versions cannot be opened.',
  })
}

/** Whether the file holds no key, or another one than the copy's, and the copy's is the one that was in use. */
function isOther(bytes: Buffer, copy: HostKey, known: Known): boolean {
  if (bytes.equals(copy.bytes())) return false
  return bytes.length !== copy.bytes().length || known.name() === hostKeyName(copy)
}

/** A copy carries a checksum, so that it is right or is none. */
function copyOf(path: AbsPath): Copy {
  const bytes = readRegular(`${path}.copy`, 1024)
  if (bytes === NOT_OURS) return bytes
  if (typeof bytes === 'string' || bytes.length <= 64) return null
  const key = bytes.subarray(0, -64)
  return bytes.subarray(-64).toString() === sumOf(key) ? hostKey(key) : null
}

function unreadable(what: string): GitopsError {
  return new GitopsError('io', `${what} cannot be read: it is ${NOT_OURS}`, { hint: 'It is a key of ours: mend its permissions.' })
}

/** It is never worth failing for, and a copy that we may not read stays as it is. */
function copyKey(path: AbsPath, key: HostKey): void {
  try {
    sweep(path)
    if (copyOf(path) === NOT_OURS) return
    setAside(`${path}.copy`)
    writeAtomic(`${path}.copy`, Buffer.concat([key.bytes(), Buffer.from(sumOf(Buffer.from(key.bytes())))]))
  } catch {
    // The next run that needs the key tries again.
  }
}

function sumOf(key: Buffer): string {
  return digestOf(Buffer.concat([Buffer.from('gitops host key copy '), key])).slice('sha256:'.length)
}

/** A second name for what is damaged: without a moment in which there is no key, for that would count as one that a person took away. */
function keepDamaged(path: AbsPath): void {
  if (lstatSync(path).isDirectory()) setAside(path)
  else linkSync(path, `${path}.damaged-${Date.now()}`)
}

/** Whoever still writes one of these just now makes it once more. */
function sweep(path: AbsPath): void {
  const name = `${basename(path)}.`
  for (const each of readdirSync(dirname(path)))
    if (each.startsWith(name) && LEFT.test(each.slice(name.length))) rmSync(join(dirname(path), each), { force: true })
}

/** A key that another process made a moment ago is never replaced: what it has sealed must open. */
function makeKey(path: AbsPath, attempts = 5): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  sweep(path)
  const mine = `${path}.${process.pid}`
  const key = newHostKey()
  try {
    writeAtomic(mine, key.bytes())
    linkSync(mine, path)
    // First, so that a key without a copy is the only one beside which something can have been left.
    rmSync(mine)
    copyKey(path, key)
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT' && attempts > 1) return makeKey(path, attempts - 1)
    if (code !== 'EEXIST') throw error
  } finally {
    rmSync(mine, { force: true })
  }
}

function codeOf(error: unknown): string | undefined {
  const { code, cause } = error as NodeJS.ErrnoException
  return (cause as NodeJS.ErrnoException | undefined)?.code ?? code
}
