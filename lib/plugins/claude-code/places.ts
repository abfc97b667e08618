import { GitopsError } from '../../model/errors.ts'
import type { PresetHost } from '../contract.ts'

/** What Claude Code keeps for itself below its directory: no source may hold it, and nothing of it is ever touched. */
export const RUNTIME: readonly string[] = [
  '.credentials.json .claude.json* .config.json history.jsonl stats-cache.json remote-settings.json policy-limits.json* mcp-needs-auth-cache.json',
  '.last-update-result.json .last-cleanup .cc-writes *.lock *.tmp.*',
  'projects sessions file-history tasks plans paste-cache image-cache uploads session-env shell-snapshots backups debug jobs state ide cache',
  'telemetry usage-data feedback-bundles plugins local downloads dev-mods agent-memory skills/synced todos statsig logs',
].flatMap((line) => line.split(' '))

/** What Claude Code keeps for itself in its account file, by JSON pointer: login, trust, history and the like are no configuration. */
export const STATE: readonly string[] = [
  'oauthAccount userID machineID customApiKeyResponses hasCompletedOnboarding projects numStartups firstStartTime firstStartVersion',
  'migrationVersion tipsHistory tipLifetimeShownCounts pluginUsage seenNotifications lastReleaseNotesSeen closedIssuesLastChecked',
  'cachedGrowthBookFeatures officialMarketplaceAutoInstallAttempted officialMarketplaceAutoInstalled',
].flatMap((line) => line.split(' ').map((key) => `/${key}`))

/** What Claude Code reads as configuration. */
const CONFIGURATION =
  /^(?:settings\.json|keybindings\.json|CLAUDE\.md|(?:rules|agents|commands|skills|output-styles|workflows|themes|routines|hooks)\/.+)$/

/** Whether a path below Claude Code's directory is known to be configuration. */
export function isConfiguration(path: string): boolean {
  return CONFIGURATION.test(path)
}

/** Whether a path below Claude Code's directory is its own. */
export function isRuntime(path: string): boolean {
  const [first = ''] = path.split('/')
  return (
    path.startsWith('skills/synced/') ||
    RUNTIME.some((glob) => new RegExp(`^${glob.replaceAll('.', '\\.').replaceAll('*', '.*')}$`).test(first))
  )
}

/** Where Claude Code has its configuration and its state on a host. */
export interface Places {
  readonly directory: string
  /** The file with login, trust and MCP servers. */
  readonly account: string
  /** What `CLAUDE_CONFIG_DIR` must be for Claude Code to look there; null when it must not be set. */
  readonly variable: string | null
}

/** Where they are, as Claude Code itself decides it. Throws `config` for a directory that depends on where it is started. */
export function placesOf({ env, home, ownHome, exists }: PresetHost, directory: string | undefined): Places {
  const named = directory?.replace(/^~(?=\/|$)/, home) ?? (ownHome ? env['CLAUDE_CONFIG_DIR'] : undefined)
  const variable = named === undefined || named === '' ? null : named.replace(/(?<=.)\/+$/, '')
  if (variable !== null && !variable.startsWith('/'))
    throw new GitopsError(
      'config',
      `claudeCode: ${JSON.stringify(variable)} is no absolute path; mend ${directory === undefined ? 'CLAUDE_CONFIG_DIR' : 'directory'}`,
    )
  const place = variable ?? `${home}/.claude`
  const legacy = `${place}/.config.json`
  const account = exists(legacy) ? legacy : `${variable ?? home}/.claude.json`
  return { directory: place, account, variable }
}
