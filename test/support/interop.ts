import { isDeepStrictEqual } from 'node:util'
import type { AgeIdentity, Recipient } from '../../lib/secrets/age.ts'
import { GitopsError } from '../../lib/model/errors.ts'
import { decryptSops } from '../../lib/secrets/sops/decrypt.ts'
import { encryptSops, type EncryptOptions } from '../../lib/secrets/sops/encrypt.ts'
import type { SopsFormat } from '../../lib/secrets/sops/file-format.ts'
import type { Answer, Oracle, Question } from './oracle.ts'

/** Two programs, a pair of keys, and a format: what a document is carried through. */
export interface Bridge {
  readonly oracle: Oracle
  readonly identities: readonly AgeIdentity[]
  readonly identity: string
  readonly recipient: Recipient
  readonly format: SopsFormat
}

/** What a document showed: nothing wrong (with how far it came), or what the two programs disagree on. */
export type Verdict =
  | { readonly fine: 'both' | 'both refuse' | 'only we read it' | 'only we refuse it' | 'sops does not read its own' }
  | { readonly wrong: string; readonly shown: readonly string[] }

/** How sops is to encrypt. */
export type TheirOptions = Pick<Question, 'rule' | 'value' | 'macOnlyEncrypted'>

const NOW = new Date('2026-03-01T12:00:00Z')

/** What we encrypt sops decrypts, to the tree that it sees in the plaintext itself; what it could encrypt we do not refuse. */
export async function oursToTheirs(
  bridge: Bridge,
  plaintext: Buffer,
  options: Pick<EncryptOptions, 'rule' | 'macOnlyEncrypted'> = {},
): Promise<Verdict> {
  const { oracle, format, recipient, identity } = bridge
  const [loaded, ours] = await Promise.all([
    oracle.ask({ op: 'load', format, bytes: plaintext }),
    refusable(encryptSops(plaintext, { format, recipients: [recipient], now: NOW, ...options })),
  ])
  // Of INI that sops would change we say so, and refuse it.
  if (ours instanceof GitopsError && format === 'ini') return { fine: 'only we refuse it' }
  if (ours instanceof GitopsError) return (await roundTrip(bridge, plaintext)) ?? { wrong: `only we refuse: ${ours.message}`, shown: [] }
  // What sops takes for no such file, it takes for none when we have encrypted it, for we keep its text.
  if (loaded.code !== 0) return { fine: 'only we read it' }
  const opened = await oracle.ask({ op: 'decrypt', format, bytes: ours.bytes, identity })
  // What sops cannot print it cannot print.
  if (opened.code === 4) return (await roundTrip(bridge, plaintext)) ?? { wrong: 'sops does not print what we encrypted', shown: [] }
  if (opened.code !== 0)
    return { wrong: `sops does not decrypt what we encrypted: ${opened.code} ${opened.error}`, shown: [ours.bytes.toString()] }
  // Below a key too long to stand before its colon, SOPS looks for comments elsewhere than where it has put them itself.
  // Nor is it known where it sees two of them that stand below the anchor or tag of a block, or below brackets.
  const isOdd = /^ *\? /m.test(ours.bytes.toString()) || /(?:[&!]\S*|[}\]])\s*\n\s*#/.test(plaintext.toString())
  const isLeft = !isOdd && commentsOf(opened.tree).some((text) => text.startsWith('ENC[AES'))
  if (format === 'yaml' && isLeft) return { wrong: 'sops leaves a comment encrypted', shown: [ours.bytes.toString()] }
  if ((format === 'json' || format === 'dotenv') && !isDeepStrictEqual(loaded.tree, opened.tree))
    return { wrong: 'another tree', shown: [ours.bytes.toString()] }
  return difference(format, loaded, opened, ours.bytes.toString())
}

/** How far sops itself comes, there and back, or null when it comes all the way. */
async function roundTrip({ oracle, format, recipient, identity }: Bridge, plaintext: Buffer): Promise<Verdict | null> {
  const theirs = await oracle.ask({ op: 'encrypt', format, bytes: plaintext, age: recipient })
  if (theirs.code !== 0) return { fine: 'both refuse' }
  const opened = await oracle.ask({ op: 'decrypt', format, bytes: theirs.bytes, identity })
  return opened.code === 0 ? null : { fine: 'sops does not read its own' }
}

/** What sops encrypts we decrypt, to a text that sops reads as the tree that it decrypts itself. */
export async function theirsToOurs(bridge: Bridge, plaintext: Buffer, options: TheirOptions = {}): Promise<Verdict> {
  const { oracle, format, recipient, identity, identities } = bridge
  const theirs = await oracle.ask({ op: 'encrypt', format, bytes: plaintext, age: recipient, ...options })
  if (theirs.code !== 0) return { fine: 'both refuse' }
  const [before, opened, ours] = await Promise.all([
    oracle.ask({ op: 'load', format, bytes: plaintext }),
    oracle.ask({ op: 'decrypt', format, bytes: theirs.bytes, identity }),
    refusable(decryptSops(theirs.bytes, identities, { format })),
  ])
  // A block that ends with blanks swallows the indentation of what comes next.
  const misprinted = format === 'yaml' && /^ +sops:/m.test(theirs.bytes.toString())
  if (opened.code !== 0 || !sameTree(before, opened) || misprinted) return { fine: 'sops does not read its own' }
  if (ours instanceof GitopsError)
    return { wrong: `we do not decrypt what sops encrypted: ${ours.message}`, shown: [theirs.bytes.toString()] }
  const bytes = ours.plaintext.bytes()
  if (bytes.equals(opened.bytes)) return { fine: 'both' }
  if (format === 'binary') return { wrong: 'the bytes differ', shown: [] }
  const loaded = await oracle.ask({ op: 'load', format, bytes })
  if (loaded.code !== 0) return { wrong: `sops does not read what we decrypted: ${loaded.error}`, shown: [bytes.toString()] }
  // Comments of an empty mapping, which sops prints so that it does not read them again, are kept by ours.
  const loses = /\{\n *#/.test(theirs.bytes.toString())
  return difference(format === 'yaml' && !loses ? null : format, opened, loaded, `${opened.bytes.toString()}\n=====\n${bytes.toString()}`)
}

/**
 * Comments are not compared where we print YAML anew, for they come to stand where sops looks for them under another key, nor
 * in INI, where ours remember in the comment itself how it stood.
 */
const COMMENTS_DIFFER: ReadonlySet<SopsFormat | null> = new Set(['yaml', 'ini'] as const)

function difference(format: SopsFormat | null, one: Answer, two: Answer, shown: string): Verdict {
  if (!sameTree(one, two)) return { wrong: 'another tree', shown: [shown, ...[one, two].map(({ tree }) => JSON.stringify(bare(tree)))] }
  const [first, second] = [one, two].map(({ tree }) => commentsOf(tree).toSorted())
  // SOPS leaves a comment encrypted where it attaches it to another place than when it encrypted it.
  const isLost = first?.some((text) => text.startsWith('ENC[AES'))
  if (!COMMENTS_DIFFER.has(format) && !isLost && !isDeepStrictEqual(first, second))
    return { wrong: 'other comments', shown: [shown, JSON.stringify(first), JSON.stringify(second)] }
  return { fine: 'both' }
}

/** Whether two trees hold the same, comments aside. A float without a fraction is printed as an integer, and an empty comment in a list comes back from sops as empty text: also from its own files. */
export function sameTree(one: Answer, two: Answer): boolean {
  const [first, second] = [one, two].map(({ tree }) => rounded(bare(tree)))
  return isDeepStrictEqual(first, second) || isDeepStrictEqual(withoutEmpty(first), withoutEmpty(second))
}

/** A tree without its comments. */
function bare(told: unknown): unknown {
  if (!Array.isArray(told)) return told
  return told.filter((entry) => !isComment(entry)).map(bare)
}

function withoutEmpty(told: unknown): unknown {
  if (!Array.isArray(told)) return told
  const isList = told[0] === 'list'
  return told.filter((entry) => !(isList && Array.isArray(entry) && entry[0] === 'str' && entry[1] === '')).map(withoutEmpty)
}

const isComment = (told: unknown): boolean => Array.isArray(told) && told[0] === 'comment'

/** All comments of a tree that say something, wherever they stand. */
function commentsOf(told: unknown): string[] {
  if (!Array.isArray(told)) return []
  if (!isComment(told)) return told.flatMap(commentsOf)
  return told[1] === '' ? [] : [String(told[1])]
}

function rounded(told: unknown): unknown {
  if (!Array.isArray(told)) return told
  return told[0] === 'float' || told[0] === 'int' ? ['number', Number(told[1]) + 0] : told.map(rounded)
}

async function refusable<T>(promise: Promise<T>): Promise<T | GitopsError> {
  return promise.catch((error: unknown) => {
    if (error instanceof GitopsError) return error
    throw error
  })
}
