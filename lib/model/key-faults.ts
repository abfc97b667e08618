import type { SecretFile } from './config.ts'
import { at, isObject, own, pathOf, pointer, type Json } from './json.ts'

/** Something that the files of one document must not say. */
export interface KeyFault {
  readonly rule: 'keys/shared' | 'keys/protected'
  /** In which of its files: the plain or the encrypted one. */
  readonly file: 'plain' | 'from'
  readonly path: readonly string[]
  /** What follows the name of that file. */
  readonly message: string
}

/** What the plain and the encrypted file of a document must not say, together or alone. Of the encrypted one only its keys are looked at. Pure. */
export function keyFaults({ from, to, protects }: SecretFile, open: Json | undefined, hidden: Json | undefined): KeyFault[] {
  const twice = shared(open, hidden)
  const both: KeyFault[] =
    twice === null
      ? []
      : [
          {
            rule: 'keys/shared',
            file: 'plain',
            path: twice,
            message: `says ${pointer(twice)}, which ${from} says too; take it out of one of them`,
          },
        ]
  const values = { plain: open, from: hidden }
  const theirs = protects.flatMap((each) =>
    (['plain', 'from'] as const).flatMap((file): KeyFault[] => {
      const path = pathOf(each)
      if (at(values[file], path) === undefined) return []
      const message = `sets ${each}, which is not for a source to say: the application keeps it in ${to}`
      return [{ rule: 'keys/protected', file, path, message }]
    }),
  )
  return [...both, ...theirs]
}

/** The first place that both say something of. */
function shared(a: Json | undefined, b: Json | undefined, path: readonly string[] = []): readonly string[] | null {
  if (a === undefined || b === undefined) return null
  if (!isObject(a) || !isObject(b)) return path
  for (const name of Object.keys(a)) {
    const found = shared(own(a, name), own(b, name), [...path, name])
    if (found !== null) return found
  }
  return null
}
