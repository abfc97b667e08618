import { syntaxFindings } from '../lib/gate/syntax.ts'
import { asking } from '../lib/host/ask.ts'
import { findIdentities } from '../lib/host/identities.ts'
import { blobs } from '../lib/host/objects.ts'
import { GitopsError } from '../lib/model/errors.ts'
import type { RelPath, Sha } from '../lib/model/path.ts'
import type { AgeIdentity } from '../lib/secrets/age.ts'
import { inFile } from '../lib/secrets/fault.ts'
import { decryptSops } from '../lib/secrets/sops/decrypt.ts'
import { refuseConflicts, refuseShrinking } from './drift.ts'
import { driftLines } from './drift-lines.ts'
import { composed } from './parts.ts'
import type { Run, Teller, Unit, UnitSecret } from './run.ts'
import { decidedSecret, isForgotten } from './secrets.ts'

/** Decrypts, in memory, the secret files whose ciphertext is new, and plans them. All of them, before anything is written. */
export async function decrypt(run: Run, unit: Unit, task: Teller): Promise<void> {
  if (unit.secrets.length === 0) return task.skip('no secret files')
  const pending = unit.secrets.filter(({ plan }) => plan.changes.some((change) => change.kind === 'decrypt'))
  if (pending.length === 0) return task.skip('no ciphertext has changed')
  const names = pending.map(({ name }) => name).join(', ')
  if (run.host.dry) return task.skip(`dry run: would decrypt ${names}`)
  const identities = await findIdentities(run.host.machine, {
    files: run.config.identities,
    ask: asking(run.host.machine, (prompt) => (task.output = prompt)),
  })
  const decided = new Map<UnitSecret, UnitSecret>()
  for (const known of pending) {
    const { secret, objects, key } = known
    if (secret === null || objects === null || objects.cipher === null) continue
    const plaintext = await plaintextOf(run, unit, known, objects.cipher, identities)
    decided.set(known, await decidedSecret(run, secret, objects, await composed(run, unit, secret, objects, plaintext, key)))
  }
  unit.secrets = unit.secrets.map((known) => decided.get(known) ?? known)
  for (const line of [...decided.values()].flatMap((secret) => driftLines(run, secret))) task.output = line
  refuseConflicts(unit)
  if (!run.options.allowShrink) refuseShrinking(unit)
  task.title = `decrypt  ${names}`
}

async function plaintextOf(
  run: Run,
  unit: Unit,
  { name, secret, key }: UnitSecret,
  oid: Sha,
  identities: readonly AgeIdentity[],
): Promise<Buffer> {
  const place = `secret ${name} (${secret?.from ?? ''})`
  for await (const bytes of blobs(unit.pulled?.repository ?? nowhere(), [oid], run.signal)) {
    try {
      const { plaintext } = await decryptSops(bytes, identities)
      await refuseBroken(key, place, plaintext.bytes())
      return plaintext.bytes()
    } catch (error) {
      throw error instanceof GitopsError ? inFile(place, isForgotten(run, { key }) ? becauseForgotten(run, error) : error) : error
    }
  }
  throw new GitopsError('git', `${place}: its object cannot be read`)
}

/** Who wonders why a file is decrypted that has not changed is told. */
function becauseForgotten(run: Run, error: GitopsError): GitopsError {
  const why = `It is decrypted once more because the host key ${run.config.hostKey} that knew it is gone: if you have a copy of that, put it back.`
  return new GitopsError(error.code, error.message, { cause: error.cause, hint: [error.hint, why].filter(Boolean).join(' ') })
}

/** An application that finds an empty or broken document starts from nothing, and its state is lost. */
async function refuseBroken(key: string, place: string, plaintext: Buffer): Promise<void> {
  if (!/\.(?:json|ya?ml)$/i.test(key)) return
  const [fault] = await syntaxFindings(key.slice(key.lastIndexOf('/') + 1) as RelPath, plaintext)
  if (fault !== undefined)
    throw new GitopsError('invalid', `${place}: decrypted, line ${fault.line} column ${fault.column} is not what ${key} must hold`, {
      hint: 'Mend it in the source; nothing was written.',
    })
}

function nowhere(): never {
  throw new Error('a secret of a source that was not pulled')
}
