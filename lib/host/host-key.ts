import { linkSync, mkdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { GitopsError } from '../model/errors.ts'
import type { AbsPath } from '../model/path.ts'
import { hostKey, hostKeyName, newHostKey, type HostKey } from '../secrets/seal.ts'
import { digestOf } from './hash.ts'
import { readRegular } from './read.ts'
import { setAside } from './state-file.ts'
import { writeAtomic } from './write.ts'

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
  const { key, from } = find(path, known)
  if (key === null) {
    makeKey(path)
    return readHostKey(path, known)
  }
  if (from === 'copy') {
    known.say(`the host key ${path} was damaged: it is back from its copy`)
    setAside(path)
    writeAtomic(path, key.bytes())
  } else if (copyIn(path) === null) copyKey(path, key)
  return key
}

/** The key of this host, or for as long as this process lives a new one: looking around makes no file. Throws `io` when neither file nor copy is a key. */
export function hostKeyForReading(path: AbsPath): HostKey {
  return find(path, NOTHING_KNOWN).key ?? newHostKey()
}

/** The file's key, unless its copy has the right one and it has not. */
function find(path: AbsPath, known: Known): { key: HostKey | null; from: 'file' | 'copy' } {
  const bytes = readRegular(path, 1024)
  const copy = copyIn(path)
  // Who deletes the key means it.
  if (bytes === 'nothing') return { key: null, from: 'file' }
  if (copy !== null && (typeof bytes === 'string' || isOther(bytes, copy, known))) return { key: copy, from: 'copy' }
  if (typeof bytes !== 'string') return { key: hostKey(bytes), from: 'file' }
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
function copyIn(path: AbsPath): HostKey | null {
  const bytes = readRegular(`${path}.copy`, 1024)
  if (typeof bytes === 'string' || bytes.length <= 64) return null
  const key = bytes.subarray(0, -64)
  return bytes.subarray(-64).toString() === sumOf(key) ? hostKey(key) : null
}

/** It is never worth failing for. */
function copyKey(path: AbsPath, key: HostKey): void {
  try {
    setAside(`${path}.copy`)
    writeAtomic(`${path}.copy`, Buffer.concat([key.bytes(), Buffer.from(sumOf(Buffer.from(key.bytes())))]))
  } catch {
    // The next run that needs the key tries again.
  }
}

function sumOf(key: Buffer): string {
  return digestOf(Buffer.concat([Buffer.from('gitops host key copy '), key])).slice('sha256:'.length)
}

/** A key that another process made a moment ago is never replaced: what it has sealed must open. */
function makeKey(path: AbsPath): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const mine = `${path}.${process.pid}`
  const key = newHostKey()
  writeAtomic(mine, key.bytes())
  try {
    linkSync(mine, path)
    copyKey(path, key)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(mine, { force: true })
  }
}
