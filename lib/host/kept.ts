import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { GitopsError } from '../model/errors.ts'
import { digest as toDigest, isKeyed, type AbsPath, type Digest } from '../model/path.ts'
import { fingerprint, hostKeyName, open, seal, type HostKey } from '../secrets/seal.ts'
import { Secret } from '../secrets/secret.ts'
import { digestOf } from './hash.ts'
import { readLive } from './live.ts'
import { readOwn } from './read.ts'
import { writeAtomic } from './write.ts'

/** Copies of what stood at live paths before us, stored once by content; those of secrets are sealed with the host key. */
export interface Kept {
  /** Stores bytes, durably, and returns their digest. */
  keep(bytes: Buffer): Digest
  /** Stores a secret's bytes, sealed, and returns their fingerprint at a path. */
  keepSecret(bytes: Buffer, path: AbsPath): Digest
  /** The fingerprint of a secret's bytes at a path. */
  fingerprint(bytes: Buffer, path: AbsPath): Digest
  /** The fingerprint of what is in a live file now. */
  readonly digestAt: (path: AbsPath) => Digest
  /** The bytes of a digest. Throws `stuck` when the copy is missing, damaged, or sealed with a key that is gone. */
  read(digest: Digest): Buffer
  /** The file that a copy is in. */
  place(digest: Digest): string
  /** Whether a copy is there. */
  has(digest: Digest): boolean
  /** Whether a copy is there and can be read: not damaged, nor sealed with a key that is gone. */
  opens(digest: Digest): boolean
  /** The copies whose name, in hexadecimal, begins like this. */
  find(name: string): Digest[]
  /** The name of the host key: fingerprints of another key mean nothing. */
  keyName(): string
}

/** The store below a state directory. The host key is loaded, or made, when the first secret comes by. */
export function keptIn(state: AbsPath, loadKey: () => HostKey): Kept {
  const place = (digest: Digest): string => {
    const name = digest.slice(digest.indexOf(':') + 1)
    return join(state, isKeyed(digest) ? 'sealed' : 'kept', name.slice(0, 2), name.slice(2))
  }
  let loaded: HostKey | null = null
  const key = (): HostKey => (loaded ??= loadKey())
  const mark = (bytes: Buffer, path: AbsPath): Digest => toDigest(fingerprint(key(), path, new Secret(bytes)))
  const read = (digest: Digest): Buffer => {
    const path = place(digest)
    if (!existsSync(path)) throw lost(path, 'missing')
    const bytes = readOwn(path)
    if (isKeyed(digest)) return unsealed(key(), bytes, digest, path)
    if (digestOf(bytes) !== digest) throw lost(path, 'damaged')
    return bytes
  }
  return {
    keep(bytes) {
      const digest = digestOf(bytes)
      const path = place(digest)
      if (!existsSync(path) || digestOf(readOwn(path)) !== digest) writeAtomic(path, bytes)
      return digest
    },
    keepSecret(bytes, path) {
      const digest = mark(bytes, path)
      if (!existsSync(place(digest))) writeAtomic(place(digest), seal(key(), new Secret(bytes), digest))
      return digest
    },
    fingerprint: mark,
    digestAt: (path) => mark(readLive(path), path),
    read,
    place,
    has: (digest) => existsSync(place(digest)),
    opens(digest) {
      try {
        read(digest)
        return true
      } catch (error) {
        // What cannot be read just now is not lost, and nothing may be decided as if it were.
        if (error instanceof GitopsError && error.code === 'stuck') return false
        throw error
      }
    },
    find: (name) =>
      (['kept', 'sealed'] as const).flatMap((room) => {
        const directory = join(state, room, name.slice(0, 2))
        if (!/^[0-9a-f]{4,64}$/.test(name) || !existsSync(directory)) return []
        const names = readdirSync(directory).filter((rest) => /^[0-9a-f]{62}$/.test(rest) && rest.startsWith(name.slice(2)))
        return names.map((rest) => toDigest(`${room === 'sealed' ? 'hmac-' : ''}sha256:${name.slice(0, 2)}${rest}`))
      }),
    keyName: () => hostKeyName(key()),
  }
}

function unsealed(key: HostKey, bytes: Buffer, digest: Digest, path: string): Buffer {
  try {
    return open(key, bytes, digest).bytes()
  } catch (error) {
    throw lost(path, 'sealed with a host key that is gone, or damaged', error)
  }
}

function lost(path: string, how: string, cause?: unknown): GitopsError {
  return new GitopsError('stuck', `the kept copy ${path} is ${how}`, {
    hint: 'What it held cannot be put back; the source still has our versions.',
    cause,
  })
}
