import * as fc from 'fast-check'

const PIECES = Array.from(`a -:#'"\\\t|!01.e_é😀\r\n<&\u2028[{,=`)
const WORDS = [
  '',
  ...'true null ~ yes y 0777 1_000 0x1F 1e3 2020-01-01 1:30 .5 .inf -0 --- ... None << # ENC['.split(' '),
  ...'__proto__ constructor toString 1 10 01 -1 a:b a.b sops_ data x_unencrypted'.split(' '),
]

/** Text that something somewhere takes for something else. */
export const text: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }).map((value) => value.toWellFormed()),
  fc.string({ unit: fc.constantFrom(...PIECES), maxLength: 8 }),
  fc.constantFrom(...WORDS),
  fc.string({ minLength: 100, maxLength: 200 }),
)

/** A key. `sops` is taken. */
const key: fc.Arbitrary<string> = text.filter((name) => name !== 'sops')

/** Numbers as people and programs write them in JSON. */
const number: fc.Arbitrary<string> = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  fc.integer({ min: -20, max: 20 }).map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (Object.is(value, -0) ? '-0.0' : String(value))),
  fc.constantFrom('9223372036854775807', '9223372036854775808', '-9223372036854775808', '-9223372036854775809', '18446744073709551615'),
  fc.constantFrom(
    '0',
    '-0',
    '0.0',
    '-0.0',
    '1.0',
    '1.50',
    '1e3',
    '1E3',
    '1E+3',
    '1e-7',
    '1e300',
    '5e-324',
    '1e-400',
    '0.1',
    '1e21',
    '123456789012345678901234567890',
  ),
)

const space = fc.constantFrom('', '', '', ' ', '\n', '\t', '\r\n', '  ')

/** A string literal: as JSON.stringify has it, or with more escapes than are needed. */
function literal(value: string, escapes: number): string {
  if (escapes === 0) return `"${value.replaceAll(/[^a-z0-9]/gs, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`
  return escapes === 1 ? JSON.stringify(value).replaceAll('/', '\\/') : JSON.stringify(value)
}

const string = (of: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(of, fc.nat(9)).map(([value, escapes]) => literal(value, escapes))

/** Sets what stands between brackets, spread over lines or not. */
function joined(before: string, parts: readonly string[], after: string, gap: string): string {
  return `${before}${gap}${parts.join(`${gap},${gap}`)}${gap}${after}`
}

const whole = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    string(text),
    number,
    fc.constantFrom('true', 'false', 'null', '{}', '[]', '""', '[ ]', '{ }'),
    fc.tuple(fc.array(tie('value'), { maxLength: 4 }), space).map(([items, gap]) => joined('[', items, ']', gap)),
    tie('object'),
  ),
  object: fc.tuple(fc.array(fc.tuple(string(key), space, tie('value')), { maxLength: 5 }), space).map(([entries, gap]) =>
    joined(
      '{',
      entries.map(([name, between, value]) => `${name}${between}:${between}${value}`),
      '}',
      gap,
    ),
  ),
}))

/** The text of a JSON object in any layout: no plain object, which would lose order, duplicates and digits. */
export const jsonText: fc.Arbitrary<string> = fc.oneof(
  fc.tuple(space, whole.object, space).map((parts) => parts.join('')),
  fc
    .tuple(whole.object, fc.constantFrom(2, 4, '\t', 1), fc.constantFrom('\n', '', '\r\n'))
    .map(([object, indent, end]) => `${pretty(object, indent)}${end}`),
)

/** As an editor formats it; texts that JSON.parse would change stay as they are. */
function pretty(object: string, indent: number | string): string {
  const parsed: unknown = JSON.parse(object)
  return JSON.stringify(parsed) === object ? JSON.stringify(parsed, null, indent) : object
}
