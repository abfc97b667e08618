import type * as Yaml from 'yaml'
import { isTime, textOrBytes, type Leaf } from './document.ts'
import { withSpelling } from './number-text.ts'
import { yamlFloat } from './number.ts'
import { withTimeSpelling, yamlTime } from './time.ts'
import { wrongYaml } from './yaml-parse.ts'
import type { Reader } from './yaml-read.ts'
import { resolvePlain, TOO_LARGE } from './yaml-scalar.ts'

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const CORE = 'tag:yaml.org,2002:'

/** What a scalar means to SOPS. Throws `syntax` or `plaintext` for a number that is too large, and for a tag that does not fit. */
export function readScalar(reader: Reader, node: Yaml.Scalar.Parsed): Leaf {
  const text = textOf(reader, node)
  const tag = coreTag(node) ?? (node.tag === undefined || node.tag === '!' ? '' : 'str')
  const value = tag === '' && node.type === 'PLAIN' ? plain(text) : tag === '' ? unfolded(node, text) : tagged(tag, text)
  if (value === TOO_LARGE)
    throw wrongYaml(reader.comments, node.range[0], 'this number is too large for SOPS, put it in quotes', 'plaintext')
  if (value === undefined) throw wrongYaml(reader.comments, node.range[0], 'this value is not of the type that its tag says')
  return value
}

/** The tag of YAML's own that says what a scalar is, or null. */
export function coreTag(node: Yaml.ParsedNode): string | null {
  return node.tag?.startsWith(CORE) === true ? node.tag.slice(CORE.length) : null
}

/** A number or a time keeps its spelling where SOPS understands it. */
function plain(text: string): Leaf | typeof TOO_LARGE {
  const value = resolvePlain(text)
  if (typeof value === 'bigint') return withSpelling(value, text, value.toString())
  if (typeof value === 'object' && value !== null && isTime(value)) return withTimeSpelling(value, text)
  return typeof value === 'number' ? withSpelling(value, text, yamlFloat(value)) : value
}

/** A block that ends with the file, where the file's last line does not end, has no line feed to keep. */
function textOf(reader: Reader, node: Yaml.Scalar.Parsed): string {
  const text = typeof node.value === 'string' ? node.value : ''
  return node.type?.startsWith('BLOCK') === true && node.range[1] === reader.open ? text.replace(/\n$/, '') : text
}

/** Quoted and block scalars are text. SOPS indents behind line separators, which its own reader takes away again. */
function unfolded(node: Yaml.Scalar.Parsed, text: string): string {
  return node.type === 'QUOTE_SINGLE' ? text.replace(/ *([\u0085\u2028\u2029]) */g, '$1') : text
}

/** What a scalar with a tag means; undefined when the tag does not fit. Unknown tags are dropped, as in SOPS. */
function tagged(tag: string, text: string): Leaf | typeof TOO_LARGE | undefined {
  const plain = resolvePlain(text)
  switch (tag) {
    case 'int':
      return typeof plain === 'bigint' || plain === TOO_LARGE ? plain : undefined
    case 'float':
      return typeof plain === 'number' ? plain : typeof plain === 'bigint' ? Number(plain) : undefined
    case 'bool':
      return typeof plain === 'boolean' ? plain : undefined
    case 'null':
      return plain === null ? null : undefined
    case 'timestamp':
      return yamlTime(text) ?? undefined
    case 'binary':
      return BASE64.test(text.replaceAll('\n', '')) ? textOrBytes(Buffer.from(text, 'base64')) : undefined
    default:
      return text
  }
}
