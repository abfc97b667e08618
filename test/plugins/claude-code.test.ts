import { describe, expect, test } from 'vitest'
import { filesNamed } from '../../lib/plugins/claude-code/commands.ts'
import { complaintsOf } from '../../lib/plugins/claude-code/doctor.ts'
import { judgeFrontMatter } from '../../lib/plugins/claude-code/front-matter.ts'
import { isRuntime, placesOf } from '../../lib/plugins/claude-code/places.ts'
import { judgeSettings } from '../../lib/plugins/claude-code/settings.ts'
import type { AbsPath } from '../../lib/model/path.ts'

const where = { home: '/home/me', directory: '/home/me/.claude' }

describe('the files that a command names', () => {
  const run = (path: string) => [{ path, as: 'run' }]
  test.each([
    ['~/.claude/hooks/a.sh', run('hooks/a.sh')],
    ['$HOME/.claude/hooks/a.sh --flag', run('hooks/a.sh')],
    ['"$HOME"/.claude/hooks/a.sh', run('hooks/a.sh')],
    ['"${HOME}/.claude/hooks/a.sh"', run('hooks/a.sh')],
    ['/home/me/.claude/hooks/a.sh', run('hooks/a.sh')],
    ['${CLAUDE_CONFIG_DIR:-$HOME/.claude}/hooks/a.sh', run('hooks/a.sh')],
    ['$CLAUDE_CONFIG_DIR/a.sh', run('a.sh')],
    ["'/home/me/.claude/a.sh'", run('a.sh')],
    ['X=1 exec ~/.claude/a.sh', run('a.sh')],
    ['cat; ~/.claude/a.sh', run('a.sh')],
    ['true && ~/.claude/a.sh || ~/.claude/b.sh', [...run('a.sh'), ...run('b.sh')]],
    ['(~/.claude/a.sh)', run('a.sh')],
    ['bash ~/.claude/a.sh', [{ path: 'a.sh', as: 'read' }]],
    [
      '/usr/bin/python3 -u ~/.claude/a.py ~/.claude/b.json',
      [
        { path: 'a.py', as: 'read' },
        { path: 'b.json', as: 'named' },
      ],
    ],
    ['bash -c "~/.claude/a.sh; true"', run('a.sh')],
    ['jq . ~/.claude/a.json', [{ path: 'a.json', as: 'named' }]],
    ['date >> ~/.claude/hook.log', []],
    ['date >~/.claude/hook.log 2>&1', []],
    ['$CLAUDE_PROJECT_DIR/.claude/hooks/a.sh', []],
    ['"~/.claude/a.sh"', []],
    ['~/.claude/$NAME.sh', []],
    ['/home/me/.claude/../x', []],
    ['/home/me/.claudeless/a.sh', []],
    ['npx -y ccstatusline@latest', []],
    ['', []],
  ])('%s', (command, named) => {
    expect(filesNamed(command, where)).toEqual(named)
  })
})

describe('settings', () => {
  const told = (value: unknown): string[] => judgeSettings(value).findings.map(({ kind, message }) => `${kind}: ${message}`)

  test('what Claude Code takes has no finding', () => {
    expect(
      told({
        $schema: 'https://json.schemastore.org/claude-code-settings.json',
        model: 'opus',
        env: { A: '1' },
        permissions: { allow: ['Bash(npm run *)', 'Read', 'mcp__github__*', 'Bash(echo "(a)")', 'NewTool(x)'], defaultMode: 'plan' },
        hooks: { PreToolUse: [{ matcher: 'Bash', hooks: [{ type: 'command', command: 'true', timeout: 5 }] }], Stop: [{ hooks: [] }] },
        statusLine: { type: 'command', command: 'date', padding: 0 },
        enabledPlugins: { 'a@b': true },
      }),
    ).toEqual([])
  })

  test.each([
    [[], 'error: it must be a JSON object'],
    [{ permissions: { allow: 'Bash' } }, 'error: permissions.allow must be a list of permission rules'],
    [
      { permissions: { deny: ['Bash('] } },
      'error: permissions.deny.0 must be a permission rule: Tool, or Tool(content) up to its last character',
    ],
    [{ model: 5 }, 'error: model must be a text'],
    [{ hooks: { Stop: [{ matcher: 5, hooks: [] }] } }, 'error: hooks.Stop.0.matcher must be a text'],
    [
      { hooks: { Stop: [{ hooks: [{ type: 'command' }] }] } },
      'error: hooks.Stop.0.hooks.0 of type "command" must have "command", a text that is not empty',
    ],
    [{ statusLine: 'date' }, 'error: statusLine must be { type, command }'],
    [{ cleanupPeriodDays: '30' }, 'error: cleanupPeriodDays must be a number'],
    [{ permisions: {} }, 'warning: permisions is no key that is known here; is it spelt right?'],
    [{ hooks: { BeforeTool: [] } }, 'warning: hooks.BeforeTool is no event that is known here; is it spelt right?'],
    [{ hooks: { Stop: [{ hooks: [{ type: 'mcp' }] }] } }, 'warning: a hook is of the unknown type "mcp"'],
  ])('%j is told', (value, finding) => {
    expect(told(value)).toEqual([finding])
  })
})

test.each([
  ['agents/a.md', '---\nname: a\ndescription: b\n---\ntext\n', null],
  ['agents/a.md', '---\nname: a\n---\n', 'warning: its front matter does not say its description; Claude Code may pass it over'],
  ['agents/a.md', 'text\n', 'warning: has no front matter, which should say its name and description'],
  ['agents/a.md', '---\nname: [a\n---\n', 'error: its front matter is no YAML, line 3'],
  ['agents/a.md', '---\nname: a\n', 'error: its front matter has no end: a line of three dashes'],
  ['commands/c.md', 'no front matter\n', null],
  ['commands/c.md', '---\n- a\n---\n', 'error: its front matter must be keys and values'],
  ['skills/s/SKILL.md', '---\r\ndescription: d\r\n---\r\n', null],
])('the front matter of %s, %j, is judged', async (path, text, finding) => {
  const [found] = await judgeFrontMatter(path, text)
  expect(found === undefined ? null : `${found.kind}: ${found.message}`).toEqual(finding === null ? null : expect.stringContaining(finding))
})

describe('places', () => {
  const host = { host: 'h', home: '/home/me' as AbsPath, platform: 'linux', env: {}, ownHome: true, exists: () => false }
  const moved = { ...host, env: { CLAUDE_CONFIG_DIR: '/data/claude/' } }

  test('Claude Code is found where it looks itself', () => {
    expect(placesOf(host, undefined)).toEqual({ directory: '/home/me/.claude', account: '/home/me/.claude.json', variable: null })
    expect(placesOf(moved, undefined)).toEqual({
      directory: '/data/claude',
      account: '/data/claude/.claude.json',
      variable: '/data/claude',
    })
    const legacy = { ...host, exists: (path: string) => path === '/home/me/.claude/.config.json' }
    expect(placesOf(legacy, undefined).account).toBe('/home/me/.claude/.config.json')
    expect(placesOf(host, '~/other')).toEqual({
      directory: '/home/me/other',
      account: '/home/me/other/.claude.json',
      variable: '/home/me/other',
    })
  })

  test('in a home of the config the variable, which speaks of the own one, does not count', () => {
    expect(placesOf({ ...moved, ownHome: false }, undefined).directory).toBe('/home/me/.claude')
  })

  test('a directory that depends on where Claude Code is started is refused', () => {
    expect(() => placesOf({ ...host, env: { CLAUDE_CONFIG_DIR: 'x' } }, undefined)).toThrow(
      '"x" is no absolute path; mend CLAUDE_CONFIG_DIR',
    )
  })

  test('what is Claude Code its own is told from configuration', () => {
    const own = [
      'projects/a/b.jsonl',
      '.credentials.json',
      'settings.json.lock',
      'settings.json.tmp.12.ab',
      'skills/synced/x/SKILL.md',
      'policy-limits.json.etag',
    ]
    expect(own.filter((path) => !isRuntime(path))).toEqual([])
    expect(['settings.json', 'skills/mine/SKILL.md', 'hooks/x.sh', 'agents/projects.md'].filter(isRuntime)).toEqual([])
  })
})

test('the complaints of claude doctor are read from its text, for its exit code is 0', () => {
  const text = `Claude Code doctor

Running: npm-global (2.1.330)

Invalid settings
- /x/settings.json › permissions.allow: Expected array, but received string
  Suggested fix: Permission rules must be in an array.
- /x/settings.json: Invalid or malformed JSON

Remote Control
- Not signed in to claude.ai
`
  expect(complaintsOf(text)).toEqual([
    '/x/settings.json › permissions.allow: Expected array, but received string',
    '/x/settings.json: Invalid or malformed JSON',
  ])
  expect(complaintsOf(text.replace('Invalid settings', 'Fine'))).toEqual([])
})
