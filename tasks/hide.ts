import { secretValues } from '../lib/secrets/values.ts'
import type { Run } from './run.ts'

/** Takes the values of secrets that are live or about to be out of a text. What a command prints is not ours to trust. */
export function hiding(run: Run): (text: string) => string {
  return (text) => (text === '' ? text : valuesIn(run).reduce((known, value) => known.replaceAll(value, '[secret]'), text))
}

function valuesIn(run: Run): string[] {
  const live = [...run.inventory.secrets.values()].map((secret) => secret.owned.digest)
  const next = run.units.flatMap((unit) => unit.secrets.flatMap(({ after }) => (after === null ? [] : [after.owned.digest])))
  const values = [...new Set([...live, ...next])]
    .filter((digest) => run.host.kept.opens(digest))
    .flatMap((digest) => secretValues(run.host.kept.read(digest)))
  // The longest first: a value may hold another one.
  return [...new Set(values)].toSorted((a, b) => b.length - a.length)
}
