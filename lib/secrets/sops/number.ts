const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

/** Whether SOPS can hold the integer at all. */
export function isInt64(value: bigint): boolean {
  return value >= INT64_MIN && value <= INT64_MAX
}

/** Shortest digits that read back as the same float, never an exponent: what SOPS encrypts and hashes. */
export function plainDecimal(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  const { sign, digits, point } = shortest(value)
  if (point <= 0) return `${sign}0${digits === '0' ? '' : `.${'0'.repeat(-point)}${digits}`}`
  if (digits.length <= point) return sign + digits.padEnd(point, '0')
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`
}

/** A float as SOPS writes it into YAML. */
export function yamlFloat(value: number): string {
  if (Number.isNaN(value)) return '.nan'
  if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf'
  const { sign, digits, point } = shortest(value)
  const exponent = digits === '0' ? 0 : point - 1
  if (exponent >= -4 && exponent < 6) return plainDecimal(value)
  const mantissa = digits.length === 1 ? digits : `${digits[0]}.${digits.slice(1)}`
  return `${sign}${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
}

/** A float as SOPS writes it into JSON, or null where JSON has no such number. */
export function jsonFloat(value: number): string | null {
  if (!Number.isFinite(value)) return null
  return Object.is(value, -0) ? '-0' : String(value)
}

/** A decrypted float's text as a number, or null. */
export function parseFloatText(text: string): number | null {
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(text)
  if (special !== null) return /nan/i.test(special[2] ?? '') ? (special[1] === '' ? NaN : null) : special[1] === '-' ? -Infinity : Infinity
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return null
  const value = Number(text)
  return Number.isFinite(value) ? value : null
}

/** A decrypted integer's text as a number, or null. */
export function parseIntText(text: string): bigint | null {
  if (!/^[+-]?\d{1,40}$/.test(text)) return null
  const value = BigInt(text.replace(/^\+/, ''))
  return isInt64(value) ? value : null
}

/** Shortest digits, and where the decimal point stands in them. */
function shortest(value: number): { sign: string; digits: string; point: number } {
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const [mantissa = '0', exponent = '0'] = Math.abs(value).toExponential().split('e')
  return { sign, digits: mantissa.replace('.', ''), point: Number(exponent) + 1 }
}
