import * as fc from 'fast-check'
import { text } from './json-texts.ts'

/** Dotenv and INI as people write them, and as nobody should: both have readers of their own in sops, which take almost anything. */

const names = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('A', 'B_1', 'export C', 'a b', 'é', 'x_unencrypted', '__proto__', 'a.b', 'A ', ' A', '"Q"', 'a:b', '1'),
  },
  text.map((name) => name.replaceAll(/[\n\r=]/g, '')),
)
const WORDS = String.raw`word a=b a#b a;b #x \n a\nb a\\nb x\ " ' "quoted" 'single' $HOME %(a)s [x] true 0777 é漢😀 """x""" ENC[x] = == :`
const BLANKS = ['', ' ', '`x`', 'two words', ' lead', 'tail ', 'a # b', 'a ; b', 'a: b', 'a\tb', '{"a": "b"}']
const values = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...WORDS.split(' '), ...BLANKS) },
  text.map((value) => value.replaceAll(/[\n\r]/g, ' ')),
)
const ends = fc.constantFrom('\n', '\n', '\n', '\r\n')
const final = fc.constantFrom('\n', '\n', '', '\n\n')

const dotenvLine = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(names, values).map(([name, value]) => `${name}=${value}`) },
  { weight: 1, arbitrary: values.map((value) => `#${value}`) },
  { weight: 1, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.constantFrom('# note', '#', ' # no comment=1', '##') },
)

/** The text of a dotenv file. */
export const dotenvText: fc.Arbitrary<string> = fc
  .tuple(fc.array(dotenvLine, { minLength: 1, maxLength: 8 }), ends, final)
  .map(([lines, end, last]) => lines.join(end) + last)
  .filter((whole) => !/^sops_/m.test(whole))

const iniLine = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(names, fc.constantFrom('=', ' = ', ' =', ':', ' : ', '= '), values).map((parts) => parts.join('')) },
  { weight: 2, arbitrary: fc.constantFrom('[one]', '[two]', '[one.two]', '[ spaced ]', '[DEFAULT]', '[é]', '["q"]', '[one] # note') },
  { weight: 2, arbitrary: fc.constantFrom('# note', '; note', '#', '  # further in', '') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('key', 'a = "two\nlines"', 'b = one \\\n  two', 'c = """x\ny"""', "d = '''x\ny'''", '  e = 1', 'f = `x`'),
  },
)

/** The text of an INI file. */
export const iniText: fc.Arbitrary<string> = fc
  .tuple(fc.array(iniLine, { minLength: 1, maxLength: 10 }), ends, final)
  .map(([lines, end, last]) => lines.join('\n').replaceAll('\n', end) + last)
