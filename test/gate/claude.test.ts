import { expect } from 'vitest'
import { test } from '../support/sandbox.ts'
import { CONFIG, validate } from './support.ts'

const PRESET = CONFIG.replace(/ {2}targets: .*\n/, '  presets: [claudeCode({ doctor: false })],\n').replace(
  '{ defineConfig }',
  '{ claudeCode, defineConfig }',
)

test('what Claude Code could not use, or does not know, is found at its line: a wrong type, a missing script, an unknown hook, a front matter', async ({
  sandbox,
}) => {
  const settings = `{
  "permissions": { "allow": ["Read"] },
  "hooks": {
    "Stop": [
      { "hooks": [{ "type": "command", "command": "~/.claude/hooks/stop.sh" }] }
    ],
    "Stopp": [],
    "PreToolUse": [
      { "hooks": [{ "type": "command", "command": "~/.claude/tools/bare" }] }
    ]
  }
}
`
  sandbox.commit({
    'gitops.config.ts': PRESET,
    '.claude/settings.json': settings,
    '.claude/tools/bare': '#!/bin/sh\n',
    '.claude/agents/reviewer.md': '---\nname: reviewer\ndescription: a: b\n---\n',
  })
  const { code, findings } = await validate(sandbox)
  expect(code).toBe(1)
  expect(findings.map(({ severity, path, line, message }) => [severity, path, line, message.slice(0, 42)])).toEqual([
    ['error', '.claude/agents/reviewer.md', 3, 'its front matter is no YAML, line 3: Neste'],
    ['error', '.claude/settings.json', 5, 'hooks.Stop.0.hooks.0 runs hooks/stop.sh, w'],
    ['warning', '.claude/settings.json', 7, 'hooks.Stopp is no event that is known here'],
    ['error', '.claude/settings.json', 9, 'hooks.PreToolUse.0.hooks.0 runs tools/bare'],
  ])
  sandbox.write(sandbox.work, { '.claude/settings.json': settings.replace('["Read"]', '"Read"') })
  const wrong = await validate(sandbox)
  expect(wrong.findings.map(({ path, line, message }) => [path, line, message])[1]).toEqual([
    '.claude/settings.json',
    2,
    expect.stringContaining('permissions.allow must be a list'),
  ])
})
