import { GitopsError } from '../lib/model/errors.ts'
import { secretValues } from '../lib/secrets/values.ts'
import type { Run } from './run.ts'

/** An error whose text holds no value of a secret that is live or about to be. What a command prints is not ours to trust. */
export function withoutSecrets(run: Run, error: unknown): unknown {
  if (!(error instanceof GitopsError)) return error
  const hidden = valuesIn(run).reduce((text, value) => text.replaceAll(value, '[secret]'), error.message)
  if (hidden === error.message) return error
  return new GitopsError(error.code, hidden, { ...(error.hint !== undefined && { hint: error.hint }) })
}

function valuesIn(run: Run): string[] {
  const live = [...run.inventory.secrets.values()].map((secret) => secret.owned.digest)
  const next = run.units.flatMap((unit) => unit.secrets.flatMap(({ after }) => (after === null ? [] : [after.owned.digest])))
  const values = [...new Set([...live, ...next])]
    .filter((digest) => run.host.kept.has(digest))
    .flatMap((digest) => secretValues(run.host.kept.read(digest)))
  // The longest first: a value may hold another one.
  return [...new Set(values)].toSorted((a, b) => b.length - a.length)
}
