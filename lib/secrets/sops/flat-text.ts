import { fault } from '../fault.ts'
import { isBranch, isComment, isList, isNumeral, isTime, type Value } from './document.ts'
import { plainDecimal, yamlFloat } from './number.ts'

/**
 * A value of another format as the text that dotenv and INI hold, as SOPS spells it. Throws `shape` for null, mappings and
 * lists, which have no such text; `what` names the place, `format` the format.
 */
export function flatText(value: Value, what: string, format: string): string {
  if (typeof value === 'string') return value
  if (Buffer.isBuffer(value)) throw unwritable(what, 'is not text in UTF-8', format)
  if (typeof value === 'number') return floatText(value)
  if (value === null) throw unwritable(what, 'is null', format)
  if (typeof value !== 'object') return String(value)
  if (isNumeral(value)) return flatText(value.value, what, format)
  if (isTime(value)) return value.text
  if (isList(value) || isBranch(value)) throw unwritable(what, `is a ${isList(value) ? 'list' : 'mapping'}`, format)
  return isComment(value) ? value.text : ''
}

/** With a point or an exponent always, so that it cannot be taken for an integer. */
function floatText(value: number): string {
  if (!Number.isFinite(value)) return plainDecimal(value)
  const text = yamlFloat(value).toUpperCase()
  return /[.E]/.test(text) ? text : `${text}.0`
}

/** Something of a document that a format cannot hold, as a `shape` fault. `what` is where it stands, `why` the rest of the sentence. */
export function unwritable(what: string, why: string, format: string): Error {
  return fault('shape', `cannot be written as ${format}: ${what} ${why}`, { hint: 'Choose JSON or YAML as the output format.' })
}
