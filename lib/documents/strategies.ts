import type { Edit } from '../model/edits.ts'
import { keyed, type ListRules } from '../model/lists.ts'
import type { MergeStrategy } from '../plugins/contract.ts'
import { doubledKeys, parseJson, parseJsonc } from './json.ts'
import { writeEdits } from './write-edits.ts'
import { writtenAt } from './written.ts'

const json = jsonStrategy('json', parseJson)
const jsonc = jsonStrategy('jsonc', parseJsonc)

function jsonStrategy(name: string, read: MergeStrategy['read']): MergeStrategy {
  return {
    name,
    read,
    owned: keyed,
    write: (text, edits, lists) => writeJson(text, edits, lists, read),
    doubled: doubledKeys,
    written: (text, paths, lists) => writtenAt(text, paths, lists, { format: 'json', read: (now) => read(now, '') }),
  }
}

async function writeJson(text: string, edits: readonly Edit[], lists: ListRules, read: MergeStrategy['read']): Promise<string> {
  const [, mark = '', plain = ''] = /^(\uFEFF?)(.*)$/s.exec(text) ?? []
  const empty = (await read(plain, '')) === undefined
  const begun = plain.trim() === '' ? '{}' : empty ? `${plain.trimEnd()}\n{}` : plain
  const result = await writeEdits(begun, edits, lists, { format: 'json', read: (now) => read(now, '') })
  return mark + (empty && !result.endsWith('\n') ? `${result}\n` : result)
}

const yaml: MergeStrategy = {
  name: 'yaml',
  read: async (text, name) => (await import('./yaml-value.ts')).parseYaml(text, name),
  owned: keyed,
  write: async (text, edits, lists) => (await import('./yaml-write.ts')).writeYaml(text, edits, lists),
  written: (text, paths, lists) => writtenAt(text, paths, lists, { format: 'yaml', read: (now) => yaml.read(now, '') }),
}

const toml: MergeStrategy = {
  name: 'toml',
  read: async (text, name) => (await import('./toml-value.ts')).parseToml(text, name),
  owned: keyed,
  async write(text, edits, lists) {
    const { parseToml } = await import('./toml-value.ts')
    const [, mark = '', plain = ''] = /^(\uFEFF?)(.*)$/s.exec(text) ?? []
    return mark + (await writeEdits(plain, edits, lists, { format: 'toml', read: (now) => parseToml(now, '') }))
  },
  written: (text, paths, lists) => writtenAt(text, paths, lists, { format: 'toml', read: (now) => toml.read(now, '') }),
}

/** The strategies that are here without a plug-in. */
export const STRATEGIES: readonly MergeStrategy[] = [json, jsonc, yaml, toml]
