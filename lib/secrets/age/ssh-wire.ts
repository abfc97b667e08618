/** A part of a binary text, and where it ends. */
export interface WirePart {
  readonly bytes: Buffer
  readonly end: number
}

/** A number of 32 bits, or null behind the end. */
export function readNumber(wire: Buffer, at: number): number | null {
  return at + 4 > wire.length ? null : wire.readUInt32BE(at)
}

/** A string of SSH: its length, then its bytes. Null when it is cut off. */
export function readString(wire: Buffer, at: number): WirePart | null {
  const length = readNumber(wire, at)
  const end = at + 4 + (length ?? 0)
  return length === null || end > wire.length ? null : { bytes: wire.subarray(at + 4, end), end }
}

/** A positive whole number, big-endian, without leading zeros. Null when it is cut off, zero or negative. */
export function readMpint(wire: Buffer, at: number): WirePart | null {
  const part = readString(wire, at)
  if (part === null || part.bytes.length === 0 || (part.bytes[0] ?? 0) >= 0x80) return null
  let zeros = 0
  while (part.bytes[zeros] === 0) zeros += 1
  return zeros === part.bytes.length ? null : { bytes: part.bytes.subarray(zeros), end: part.end }
}

/** A string as SSH writes it. */
export function wireString(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/** A positive number as SSH writes it: with a zero in front where it would look negative. */
export function wireMpint(bytes: Buffer): Buffer {
  return wireString((bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes)
}
