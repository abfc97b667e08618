import type { Edit } from '../model/edits.ts'
import { keyed, type ListRules } from '../model/lists.ts'
import type { MergeStrategy } from '../plugins/contract.ts'
import { doubledKeys, parseJson, parseJsonc } from './json.ts'
import { writeEdits } from './write-edits.ts'

const json: MergeStrategy = {
  name: 'json',
  read: parseJson,
  owned: keyed,
  write: (text, edits, lists) => writeJson(text, edits, lists, (now) => parseJson(now, '')),
  doubled: doubledKeys,
}

const jsonc: MergeStrategy = {
  name: 'jsonc',
  read: parseJsonc,
  owned: keyed,
  write: (text, edits, lists) => writeJson(text, edits, lists, (now) => parseJsonc(now, '')),
  doubled: doubledKeys,
}

async function writeJson(text: string, edits: readonly Edit[], lists: ListRules, read: MergeStrategy['read']): Promise<string> {
  const [, mark = '', plain = ''] = /^(\uFEFF?)(.*)$/s.exec(text) ?? []
  const empty = (await read(plain, '')) === undefined
  const begun = plain.trim() === '' ? '{}' : empty ? `${plain.trimEnd()}\n{}` : plain
  const result = await writeEdits(begun, edits, lists, { format: 'json', read: (now) => read(now, '') })
  return mark + (empty && !result.endsWith('\n') ? `${result}\n` : result)
}

/** The strategies that are here without a plug-in. */
export const STRATEGIES: readonly MergeStrategy[] = [json, jsonc]
