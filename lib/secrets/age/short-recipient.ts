/** How lines of SSH public keys begin, also of kinds that age cannot use. */
export const SSH = /^(?:ssh|ecdsa|sk)-/

/** A recipient as it stands in a message: short enough to be read, long enough to be known. */
export function shortRecipient(text: string): string {
  const [kind = '', key = '', ...comment] = text.split(' ')
  if (SSH.test(text) && key.length > 90) return [kind, `${key.slice(0, 24)}…${key.slice(-12)}`, ...comment].join(' ')
  return text.length > 200 ? `${text.slice(0, 24)}…${text.slice(-12)}` : text
}
