import { parsePointer, type Pointer } from '../model/pointer.ts'
import { fault } from '../secrets/fault.ts'

/** A place in a document as a person writes it. Throws `usage`, exit code 91, when it is written wrongly. */
export function pointerFrom(text: string): Pointer {
  const pointer = parsePointer(text)
  if (pointer !== null) return pointer
  throw fault('bad-path', `${JSON.stringify(text)} is no place in a document`, {
    hint: 'Write it as sops does, \'["a"]["b"][0]\', or as a JSON pointer, /a/b/0.',
  })
}
