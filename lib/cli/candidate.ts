import { candidateOf, type CandidateFile } from '../../tasks/candidate.ts'
import { judgedTree } from '../host/judged-tree.ts'
import { machine } from '../host/machine.ts'
import { GitopsError } from '../model/errors.ts'
import { absPath } from '../model/path.ts'
import { configOf } from './judged-config.ts'
import { searched } from './open.ts'

/** How `gitops test` tells the tests which tree is judged. */
export const TREE = 'GITOPS_TEST_TREE'
/** How it tells them by which config. */
export const CONFIG = 'GITOPS_TEST_CONFIG'

/** A host, as a config is told it; what is left out is as on this machine. */
export interface CandidateHost {
  /** Its name. */
  readonly host?: string
  readonly platform?: 'linux' | 'darwin' | 'win32'
  /** What `~` means there: an absolute path. */
  readonly home?: string
}

/** What a host would get. */
export interface CandidateView {
  /** Every file, by its live path in order. */
  readonly files: readonly CandidateFile[]
  /** Secrets: their names and live paths, never what is in them. */
  readonly secrets: readonly { readonly name: string; readonly path: string }[]
  /** The file at a live path, which may begin with `~`; undefined where the host would get none. */
  readonly file: (path: string) => CandidateFile | undefined
}

/**
 * What a host would get of the repository that is judged: of its work tree, or with `gitops test --staged` of what is staged. No key is
 * needed, nothing is written. Throws `config` for a config that does not load, `usage` outside of a repository.
 */
export async function candidate(host: CandidateHost = {}): Promise<CandidateView> {
  const { env, home: here } = machine()
  const { signal } = new AbortController()
  const judged = await judgedTree(absPath(searched()), { kind: env[TREE] === 'staged' ? 'staged' : 'work-tree' }, here, signal)
  try {
    const { opened, findings } = await configOf({ ...host, ...(env[CONFIG] && { config: env[CONFIG] }) }, judged)
    if (opened === null) throw new GitopsError('config', findings.map(({ message }) => message).join('\n'))
    const { files, secrets } = await candidateOf(opened.config, judged, signal)
    const home = opened.config.home
    return { files, secrets, file: (path) => files.find((each) => each.path === path.replace(/^~(?=\/)/, home)) }
  } finally {
    judged.release()
  }
}
