/** What Claude Code does with a use of a tool, by one settings file: `default` where no rule of it says. */
export type Permission = 'allow' | 'ask' | 'deny' | 'default'

interface Use {
  readonly tool: string
  readonly content: string | null
}

/**
 * What the rules of a `settings.json`, as text or as a value, say of a use such as `Bash(git push origin main)`, `Read(./.env)` or
 * `mcp__search__query`: deny comes before ask, and ask before allow. What other settings files say is not looked at.
 * Throws where that cannot be known from the rules alone: a command of several commands, or a path and a rule with a pattern for paths.
 */
export function permission(settings: unknown, use: string): Permission {
  const value: unknown = typeof settings === 'string' ? JSON.parse(settings) : settings
  const asked = parsed(use)
  if (asked.tool === 'Bash' && /&&|\|\||[;|\n`<>]|\$\(/.test(asked.content ?? ''))
    throw new Error(`${JSON.stringify(use)} is more than one command: ask for each of them`)
  const rules = (value as { permissions?: Partial<Record<Permission, unknown>> } | null)?.permissions ?? {}
  for (const answer of ['deny', 'ask', 'allow'] as const) {
    const list = rules[answer]
    if (Array.isArray(list) && list.some((rule) => typeof rule === 'string' && matches(parsed(rule), asked, rule))) return answer
  }
  return 'default'
}

function parsed(text: string): Use {
  const [, tool = text, content] = /^([A-Za-z_][\w.*:-]*)\(([^]+)\)$/.exec(text) ?? []
  return { tool, content: content ?? null }
}

/** Whether a rule is about a use. */
function matches(rule: Use, use: Use, text: string): boolean {
  if (rule.tool !== use.tool) return isServerOf(rule, use) || (rule.content === null && glob(rule.tool, use.tool))
  if (rule.content === null || rule.content === '*' || rule.content === use.content) return true
  if (use.content === null) return false
  if (rule.tool === 'Bash') return command(rule.content, use.content)
  if (rule.tool === 'WebFetch' || !/[*?[\]{}!~]|^\.{0,2}\/|\/$/.test(rule.content + use.content)) return false
  throw new Error(`whether the rule ${JSON.stringify(text)} is about ${use.tool}(${use.content}) depends on where Claude Code runs`)
}

/** `mcp__server` is about all tools of that server. */
function isServerOf(rule: Use, use: Use): boolean {
  return rule.content === null && /^mcp__[^_]+(?:_[^_]+)*$/.test(rule.tool) && use.tool.startsWith(`${rule.tool}__`)
}

/** `npm run test:*` is the command with anything behind it, a `*` elsewhere anything at all. */
function command(rule: string, use: string): boolean {
  const [, prefix] = /^(.*):\*$/s.exec(rule) ?? []
  if (prefix !== undefined) return use === prefix || use.startsWith(`${prefix} `)
  return glob(rule, use)
}

function glob(pattern: string, text: string): boolean {
  if (!pattern.includes('*')) return pattern === text
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`, 's').test(text)
}
