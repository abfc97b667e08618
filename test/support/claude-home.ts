import type { Files } from './sandbox.ts'

const secret = (text: string): Files[string] => ({ text, mode: 0o600 })

/** A home in which Claude Code has been at work for long: login, trust, history, transcripts, plugins, and whatever else it keeps. All made up. */
export const CLAUDE_HOME: Files = {
  ...inDirectory({
    '.credentials.json': secret('{"claudeAiOauth":{"accessToken":"made-up","refreshToken":"made-up","expiresAt":1}}'),
    'projects/-home-me-code/0b1c.jsonl': '{"type":"user","message":"hello"}\n{"type":"assistant","message":"hi"}\n',
    'projects/-home-me-code/memory/MEMORY.md': '# Memory\n',
    'history.jsonl': '{"display":"fix it","timestamp":1}\n',
    'sessions/4711.json': '{"pid":4711,"cwd":"/home/me/code"}',
    'sessions/4711.key': secret('made-up'),
    'file-history/0b1c/1': 'old content\n',
    'tasks/0b1c/1.json': '{"id":1}',
    'plans/quiet-river.md': '# Plan\n',
    'paste-cache/ab12.txt': 'pasted',
    'image-cache/0b1c/1.png': Buffer.from([0x89, 0x50, 0x4e, 0x47, 0]),
    'uploads/a.bin': Buffer.from([0, 1, 2, 255]),
    'session-env/0b1c/env': 'A=1\n',
    'shell-snapshots/snapshot-bash-1.sh': 'alias ll="ls -l"\n',
    'backups/.claude.json.backup.1795458972373': secret('{"numStartups":1}'),
    'backups/.claude.json.corrupted.1795458972374': secret('{"numSta'),
    'debug/0b1c.txt': 'debug\n',
    'jobs/1/state.json': '{}',
    'state/x.json': '{}',
    'ide/4711.lock': '{"pid":4711}',
    'cache/changelog.md': '# 2.1\n',
    'telemetry/1p_failed_events.json': '[]',
    'stats-cache.json': '{"version":1}',
    'usage-data/report.html': '<html></html>',
    'feedback-bundles/1.zip': Buffer.from([0x50, 0x4b, 3, 4]),
    'remote-settings.json': '{}',
    'policy-limits.json': '{}',
    'policy-limits.json.etag': 'abc',
    'mcp-needs-auth-cache.json': '{}',
    'plugins/installed_plugins.json': '{"plugins":{"a@b":[{"installPath":"/home/me/.claude/plugins/cache/b/a/1"}]}}',
    'plugins/known_marketplaces.json': '{"b":{"installLocation":"/home/me/.claude/plugins/marketplaces/b"}}',
    'plugins/known_marketplaces.backup.json': '{}',
    'plugins/cache/b/a/1/commands/go.md': '# Go\n',
    'plugins/marketplaces/b/.claude-plugin/marketplace.json': '{"name":"b"}',
    'plugins/data/a/x.json': '{}',
    'plugins/store/y': 'y',
    'local/claude': { text: '#!/bin/sh\n', mode: 0o755 },
    'local/node_modules/.bin/claude': { link: '../../claude' },
    'downloads/a.pdf': '%PDF',
    'dev-mods/x.json': '{}',
    'agent-memory/reviewer/MEMORY.md': '# Learnt\n',
    'skills/synced/from-the-web/SKILL.md': '---\ndescription: synced\n---\n',
    '.last-update-result.json': '{"ok":true}',
    '.last-cleanup': '1795458972373',
    '.cc-writes': '1',
    'settings.json.tmp.4711.a1b2c3': '{"half":',
    'todos/0b1c.json': '[]',
    'statsig/statsig.cached.evaluations.1': '{}',
    'logs/a.log': 'log\n',
    // What a person has beside a team's files.
    'agents/mine.md': '---\nname: mine\ndescription: Mine.\n---\n',
    'skills/mine/SKILL.md': '---\ndescription: Mine.\n---\n',
    'rules/mine.md': '# Mine\n',
    'CLAUDE.local.md': '# Local\n',
  }),
  '.cache/claude-cli-nodejs/-home-me-code/mcp-logs-x/1.txt': 'log\n',
  '.local/share/applications/claude-code-url-handler.desktop': '[Desktop Entry]\nName=Claude Code\n',
  '.npm/_logs/2026-11-23T18_36_12_646Z-debug-0.log': 'npm\n',
  '.config/git/ignore': '**/.claude/settings.local.json\n',
}

/** `~/.claude.json`: all is Claude Code's but the servers of a team. */
export const ACCOUNT = `{
  "numStartups": 42,
  "firstStartTime": "2026-01-01T00:00:00.000Z",
  "userID": "made-up",
  "machineID": "made-up",
  "hasCompletedOnboarding": true,
  "oauthAccount": { "accountUuid": "made-up", "emailAddress": "me@example.org" },
  "tipsHistory": {"a": 1.50, "b": 2e3},
  "projects": {
    "/home/me/code": { "hasTrustDialogAccepted": true, "allowedTools": [], "mcpServers": { "local": { "command": "x" } }, "lastCost": 0.10 }
  },
  "mcpServers": { "mine": { "command": "mine" } },
  "customApiKeyResponses": { "approved": [], "rejected": [] },
  "cachedGrowthBookFeatures": {}
}
`

/** `settings.json` as a person and `/config` have left it. */
export const SETTINGS = `{
  "permissions": {
    "allow": ["Bash(ls *)"]
  },
  "theme": "dark",
  "enabledPlugins": { "a@b": true }
}
`

function inDirectory(files: Files): Files {
  return Object.fromEntries(Object.entries(files).map(([path, file]) => [`.claude/${path}`, file]))
}
