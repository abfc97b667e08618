import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { CheckFinding } from '../plugins/contract.ts'

/** What a check has reported, with the place of what it names by its keys looked up. `stage` is where its paths start. */
export async function located(findings: readonly CheckFinding[], stage: string | null): Promise<readonly CheckFinding[]> {
  return Promise.all(findings.map(async (each) => ({ ...each, ...(await placeOf(each, stage)) })))
}

async function placeOf({ path, line, at }: CheckFinding, stage: string | null): Promise<Pick<CheckFinding, 'line' | 'column'>> {
  if (path === null || at === undefined || line !== undefined) return {}
  const { positionOf } = await import('../documents/position.ts')
  try {
    return (await positionOf(path, readFileSync(resolve(stage ?? '/', path), 'utf8').replace(/^\uFEFF/, ''), at)) ?? {}
  } catch {
    // What was reported counts, wherever it stands.
    return {}
  }
}

/** A reported finding as a sentence. */
export function reported({ path, line, column, message, hint }: CheckFinding): string {
  const place = [path, line, line === undefined ? undefined : column].filter((part) => part !== null && part !== undefined).join(':')
  return [place === '' ? message : `${place}: ${message}`, hint].filter(Boolean).join('. ')
}
