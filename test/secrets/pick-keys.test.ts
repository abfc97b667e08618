import { expect, test } from 'vitest'
import { pickKeys } from '../../lib/secrets/sops/pick-keys.ts'

test('keys that are picked from a JSON document keep its indentation', () => {
  for (const indent of ['  ', '    ', '\t']) {
    const text = JSON.stringify({ other: 1, mcpServers: { a: { token: 'x' } } }, null, indent)
    expect(pickKeys(text, [[{ key: 'mcpServers' }]])).toBe(`${JSON.stringify({ mcpServers: { a: { token: 'x' } } }, null, indent)}\n`)
  }
})
