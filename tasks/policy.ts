import type { Target } from '../lib/model/config.ts'
import { under, type AbsPath } from '../lib/model/path.ts'
import type { OnDrift, Policy } from '../lib/model/policy.ts'
import type { SecretFile } from '../lib/model/config.ts'
import { isResting } from './contested.ts'
import type { Run } from './run.ts'

/** Who has the last word about the paths of a target: the config, unless this run is told to heal all. */
export function policyOf(run: Run, target: Target, root: AbsPath): Policy {
  return {
    onDrift: run.options.heal ? () => 'heal' : target.onDrift,
    adopt: target.adopt,
    letsGo: (path) => !target.accepts(path),
    rests: (path) => isResting(run, under(root, path)),
  }
}

/** What becomes of a secret that somebody has changed. */
export function onDriftOf(run: Run, secret: SecretFile): OnDrift {
  return run.options.heal ? 'heal' : secret.onDrift
}
