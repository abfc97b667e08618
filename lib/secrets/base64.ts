/**
 * The bytes of a base64 text, or null unless it is their one spelling. Node's own decoder skips what it does not know, and a
 * text with two spellings would be two texts for one value.
 */
export function strictBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : null
}

/** The same for base64 without padding, as age headers have it. */
export function strictBase64Unpadded(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64')
  return unpaddedBase64(bytes) === text ? bytes : null
}

/** Base64 without padding. */
export function unpaddedBase64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
