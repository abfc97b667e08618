import { existsSync, realpathSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { configFindings } from '../gate/config-findings.ts'
import type { JudgedTree } from '../host/judged-tree.ts'
import { machine } from '../host/machine.ts'
import { GitopsError } from '../model/errors.ts'
import { finding, type Finding } from '../model/finding.ts'
import { absPath, isWithin, type AbsPath } from '../model/path.ts'
import type { ConfigOptions } from './config-option.ts'
import { configFile, configPlaces, open, type Elsewhere, type Opened } from './open.ts'

/** Which config a tree is judged by, and for which host. */
export interface JudgedConfig extends ConfigOptions {
  readonly host?: string
  readonly platform?: string
  readonly home?: string
}

/** The config of the tree, or what is wrong with it. */
export async function configOf(options: JudgedConfig, tree: JudgedTree): Promise<{ opened: Opened | null; findings: readonly Finding[] }> {
  if (options.config === undefined && !configPlaces().some((place) => existsSync(place))) {
    const message = 'there is no gitops.config.ts here: only what needs none is judged'
    return {
      opened: null,
      findings: [finding('config/missing', null, message, { severity: 'warning', hint: 'Name it with --config FILE.' })],
    }
  }
  const file = configFile(options)
  try {
    return { opened: await open(file, incoming(tree), elsewhere(options)), findings: [] }
  } catch (error) {
    const known = tree.asked.kind !== 'work-tree' && error instanceof GitopsError ? (error.cause ?? error) : error
    if (!(known instanceof GitopsError) || known.code !== 'config') throw error
    return { opened: null, findings: configFindings(known, pathIn(tree, file), file) }
  }
}

/** The host that the config is asked for. */
function elsewhere({ host, platform, home }: JudgedConfig): Elsewhere {
  return {
    ...(host !== undefined && { hostname: host }),
    ...(platform !== undefined && { platform }),
    ...(home !== undefined && { home: absPath(resolve(machine().cwd, home)) }),
  }
}

/** A tree that is not the work tree has a config of its own. */
function incoming({ asked, tree, head, top, repository }: JudgedTree): Parameters<typeof open>[1] {
  return asked.kind === 'work-tree' ? undefined : { commit: tree, replaces: head ?? tree, top, repository }
}

function pathIn({ top }: JudgedTree, file: AbsPath): string | null {
  const real = existsSync(file) ? realpathSync(file) : file
  return isWithin(real, top) ? relative(top, real).replaceAll('\\', '/') : null
}
