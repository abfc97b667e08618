/** Where an offset of a text, or its end, is: line and column from 1, the column in UTF-16 units. */
export function positionAt(text: string, from: number): { readonly line: number; readonly column: number } {
  const offset = Math.min(from, text.length)
  const start = offset === 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1
  let line = 1
  for (let at = text.indexOf('\n'); at !== -1 && at < start; at = text.indexOf('\n', at + 1)) line += 1
  return { line, column: offset - start + 1 }
}
