import { existsSync } from 'node:fs'
import { GitopsError } from '../model/errors.ts'
import type { PresetHost } from '../plugins/contract.ts'
import type { ConfigPart } from './define.ts'
import type { ConfigInput } from './schema.ts'

/**
 * A config with the parts that its presets return: their targets and secrets beside its own, their checks, tasks and notifiers before its own.
 * What it is like is not checked here. Throws `config` when a preset throws, returns no part, or names what is named already.
 */
export async function withPresets({ presets = [], ...own }: ConfigInput, host: Omit<PresetHost, 'exists'>): Promise<unknown> {
  const parts: ConfigPart[] = []
  for (const [index, preset] of presets.entries()) parts.push(await partOf(`presets.${index}`, preset, { ...host, exists: existsSync }))
  const all = [...parts, own]
  return {
    ...own,
    targets: named('targets', all),
    secrets: named('secrets', all),
    documents: named('documents', all),
    identities: all.flatMap(({ identities = [] }) => identities),
    notify: all.flatMap(({ notify = [] }) => notify),
    checks: {
      ...own.checks,
      validate: all.flatMap(({ checks }) => checks?.validate ?? []),
      smoke: all.flatMap(({ checks }) => checks?.smoke ?? []),
    },
    tasks: {
      before: all.flatMap(({ tasks }) => tasks?.before ?? []),
      after: all.flatMap(({ tasks }) => tasks?.after ?? []),
    },
  }
}

const PARTS = ['targets', 'secrets', 'documents', 'checks', 'tasks', 'notify', 'identities']

async function partOf(place: string, preset: (host: PresetHost) => unknown, host: PresetHost): Promise<ConfigPart> {
  let part: unknown
  try {
    part = await preset(host)
  } catch (cause) {
    throw new GitopsError('config', `${place}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
  if (typeof part !== 'object' || part === null) throw new GitopsError('config', `${place}: must return a part of a config: { targets, … }`)
  const other = Object.keys(part).find((key) => !PARTS.includes(key))
  if (other !== undefined)
    throw new GitopsError('config', `${place}: returns ${JSON.stringify(other)}; a preset may return ${PARTS.join(', ')}`)
  return part
}

function named<Part extends 'targets' | 'secrets' | 'documents'>(kind: Part, parts: readonly ConfigPart[]): Record<string, unknown> {
  const all: Record<string, unknown> = {}
  for (const part of parts) {
    for (const [name, value] of Object.entries(part[kind] ?? {})) {
      if (Object.hasOwn(all, name))
        throw new GitopsError('config', `${kind}.${name}: is declared twice, by a preset and once more; give one of them another name`)
      all[name] = value
    }
  }
  return all
}
