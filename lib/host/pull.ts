import type { Config, Source } from '../model/config.ts'
import { pullRemote } from './clone.ts'
import type { Pulled, PullOptions } from './fetch.ts'
import { pullSelf } from './self.ts'

/** Fetches one source. Throws `unreachable`, `no-such-ref`, `git`, or `config` when the self source is not in a repository. */
export function pull(config: Config, source: Source, options: PullOptions): Promise<Pulled> {
  return source.kind === 'self' ? pullSelf(config, source, options) : pullRemote(config, source, options)
}
