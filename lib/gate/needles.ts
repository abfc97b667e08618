/** Needles are at least so long, in bytes. */
export const SHORTEST = 8
const PRIME = 0x01000193
/** PRIME to the power of one less than SHORTEST. */
const OLDEST = Array.from({ length: SHORTEST - 1 }).reduce<number>((power) => Math.imul(power, PRIME), 1)

/** Something to look for, as bytes, and what it stands for. */
export interface Needle<Meaning> {
  readonly bytes: Buffer
  readonly meaning: Meaning
}

/**
 * Looks for many byte sequences at once, at a price that does not grow with their number: a rolling hash of eight bytes says where one
 * may begin. A needle shorter than eight bytes is never found.
 */
export function needles<Meaning>(wanted: readonly Needle<Meaning>[]): (hay: Buffer) => { offset: number; meaning: Meaning }[] {
  const likely = new Uint8Array(1 << 16)
  const byHash = new Map<number, Needle<Meaning>[]>()
  for (const needle of wanted) {
    if (needle.bytes.length < SHORTEST) continue
    const hash = hashOf(needle.bytes)
    likely[hash >>> 16] = 1
    byHash.set(hash, [...(byHash.get(hash) ?? []), needle])
  }
  if (byHash.size === 0) return () => []
  return (hay) => {
    const found: { offset: number; meaning: Meaning }[] = []
    if (hay.length < SHORTEST) return found
    let hash = hashOf(hay)
    for (let at = 0; ; at += 1) {
      if (likely[hash >>> 16] === 1) {
        for (const { bytes, meaning } of byHash.get(hash) ?? [])
          if (hay.length - at >= bytes.length && bytes.equals(hay.subarray(at, at + bytes.length))) found.push({ offset: at, meaning })
      }
      const next = hay[at + SHORTEST]
      if (next === undefined) return found
      hash = (Math.imul((hash - Math.imul(hay[at] ?? 0, OLDEST)) | 0, PRIME) + next) >>> 0
    }
  }
}

function hashOf(bytes: Buffer): number {
  let hash = 0
  for (let at = 0; at < SHORTEST; at += 1) hash = (Math.imul(hash, PRIME) + (bytes[at] ?? 0)) >>> 0
  return hash
}
