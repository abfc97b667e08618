/** Longer files are no configuration, and cost more than they tell. In bytes. */
const LONGEST = 1024 * 1024
/** As far as Git looks. */
const HEAD = 8000

/** The text of a file that is worth searching for tokens; null for one that is binary or too long. */
export function scannable(bytes: Buffer): string | null {
  if (bytes.length > LONGEST) return null
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.subarray(2).toString('utf16le')
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return swapped(bytes.subarray(2)).toString('utf16le')
  return bytes.subarray(0, HEAD).includes(0) ? null : bytes.toString('utf8')
}

function swapped(bytes: Buffer): Buffer {
  return Buffer.from(bytes.subarray(0, bytes.length - (bytes.length % 2))).swap16()
}
