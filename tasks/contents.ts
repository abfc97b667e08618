import { blobs } from '../lib/host/objects.ts'
import type { Sha } from '../lib/model/path.ts'
import type { Content } from '../lib/model/tree.ts'
import type { Run, Unit } from './run.ts'

/** Turns contents into bytes, in order; one Git process serves all that come from the unit's source. */
export async function* readContents(run: Run, unit: Unit, contents: readonly Content[]): AsyncGenerator<Buffer> {
  const oids: Sha[] = contents.flatMap((content) => (content.kind === 'git' ? [content.oid] : []))
  const fromGit = unit.repository === null ? null : blobs(unit.repository, oids, run.signal)
  try {
    for (const content of contents) {
      if (content.kind === 'kept') yield run.host.kept.read(content.digest)
      else {
        const next = await fromGit?.next()
        if (next === undefined || next.done === true) throw new Error('a content of a source that was not pulled')
        yield next.value
      }
    }
  } finally {
    await fromGit?.return(undefined)
  }
}
