import type { Files } from '../support/sandbox.ts'
import { sops, type Member } from '../support/sops.ts'

/** Configurations as people publish them, in which nothing is wrong, whatever it may look like. */
export async function clean(me: Member, friend: Member): Promise<Files> {
  return {
    'gitops.config.ts': `import { claudeCode, defineConfig } from 'gitops'

export default defineConfig({
  name: 'clean',
  sources: { team: { repo: '.' } },
  presets: [claudeCode({ doctor: false, account: 'secrets/account.enc.json' })],
  targets: { dotfiles: { from: 'dotfiles', to: '~/dotfiles', documents: { 'starship.toml': { merge: { format: 'toml' } } } } },
  secrets: { env: { from: 'secrets/app.env', to: '~/.config/app/env' } },
  schedule: { every: '5m' },
})
`,
    ...CLAUDE,
    ...DOTFILES,
    ...PROJECT,
    '.sops.yaml': `# Keys of the team. Offboarding: remove the line, then updatekeys.
keys:
  - &jane ${me.recipient}
  - &server ${friend.recipient}
stores:
  json:
    indent: 2
creation_rules:
  - path_regex: ^secrets/.*\\.json$
    age:
      - *jane
      - *server
  - path_regex: ^secrets/.*\\.env$
    age: >-
      ${me.recipient},
      ${friend.recipient}
  - path_regex: ^k8s/.*\\.ya?ml$
    encrypted_regex: ^(data|stringData)$
    age: ${me.recipient}
  - age: ${me.recipient}
`,
    'secrets/README.md': 'Encrypt with `gitops encrypt -i FILE`. Never commit a plaintext.\n',
    'secrets/app.env.example': 'API_KEY=\nDATABASE_URL=postgres://user:password@localhost/db\n',
    'secrets/account.enc.json': await sops([me, friend], {
      mcpServers: { search: { type: 'http', headers: { Authorization: 'made up' } } },
    }),
    'secrets/app.env': await sops([me, friend], 'A=one\n# a remark\nB=two\n', { format: 'dotenv' }),
    'k8s/namespace.yaml': 'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: app\n',
    'k8s/config.yaml':
      'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app\ndata:\n  LOG_LEVEL: info\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: app\n',
    'k8s/secret.yaml': await sops(me, 'apiVersion: v1\nkind: Secret\nmetadata:\n    name: app\ndata:\n    token: eA==\n', {
      format: 'yaml',
      rule: { kind: 'encrypted_regex', pattern: '^(data|stringData)$' },
    }),
  }
}

const EVENTS = 'PreToolUse PostToolUse UserPromptSubmit Notification Stop SubagentStop PreCompact SessionStart SessionEnd'.split(' ')

const CLAUDE: Files = {
  '.claude/settings.json': `${JSON.stringify(
    {
      $schema: 'https://json.schemastore.org/claude-code-settings.json',
      model: 'opus',
      includeCoAuthoredBy: false,
      cleanupPeriodDays: 30,
      env: { BASH_DEFAULT_TIMEOUT_MS: '120000', DISABLE_TELEMETRY: 1 },
      permissions: {
        defaultMode: 'acceptEdits',
        allow: [
          'Read',
          'Bash(npm run test:*)',
          'Bash(git log:*)',
          'WebFetch(domain:docs.example.com)',
          'mcp__search__query',
          'Edit(src/**)',
        ],
        ask: ['Bash(git push:*)'],
        deny: ['Read(./.env)', 'Read(./.env.*)', 'Read(~/.ssh/**)', 'Bash(rm -rf:*)', 'Bash(curl:*)'],
        additionalDirectories: ['../shared'],
      },
      hooks: Object.fromEntries(
        EVENTS.map((event) => [event, [{ matcher: '', hooks: [{ type: 'command', command: '~/.claude/hooks/log.sh', timeout: 10 }] }]]),
      ),
      statusLine: { type: 'command', command: 'bash ~/.claude/statusline.sh' },
      enabledPlugins: { 'formatter@team': true },
    },
    null,
    2,
  )}\n`,
  '.claude/hooks/log.sh': { text: '#!/usr/bin/env bash\njq -r .tool_name >> ~/.claude/hooks.log\n', mode: 0o755 },
  '.claude/statusline.sh': { text: '#!/bin/sh\necho "$USER"\n', mode: 0o755 },
  '.claude/CLAUDE.md': '# Team rules\r\n\r\nUse `export ANTHROPIC_API_KEY=sk-ant-...` from your own key chain.\r\n',
  '.claude/claude.json':
    '{\n  "mcpServers": {\n    "docs": { "type": "http", "url": "https://docs.example.com/mcp" },\n    "files": { "command": "npx", "args": ["-y", "@example/files"], "env": { "ROOT": "${HOME}" } }\n  }\n}\n',
  '.claude/agents/reviewer.md':
    '---\nname: reviewer\ndescription: "Reviews changes: style, tests, risks."\ntools: Read, Grep, Glob\nmodel: sonnet\n---\n\nYou review.\n',
  '.claude/commands/release.md':
    '---\ndescription: Make a release\nargument-hint: "[version]"\nallowed-tools: Bash(git tag:*)\n---\nTag $ARGUMENTS.\n',
  '.claude/commands/plain.md': 'Explain $1.\n',
  '.claude/skills/pdf/SKILL.md': '---\nname: pdf\ndescription: Fills PDF forms.\n---\n# PDF\n',
  '.claude/skills/pdf/reference.md': '# Reference\n',
  '.claude/output-styles/terse.md': '---\nname: Terse\ndescription: Few words.\n---\nBe terse.\n',
}

const DOTFILES: Files = {
  'dotfiles/.gitconfig': '[user]\n\tname = Jane\n\temail = jane@example.com\n[url "git@github.com:"]\n\tinsteadOf = https://github.com/\n',
  'dotfiles/starship.toml': 'add_newline = false\n[character]\nsuccess_symbol = "[➜](bold green)"\n',
  'dotfiles/alacritty.yml': 'window: &w\n  padding: { x: 2, y: 2 }\ncopy:\n  <<: *w\ncolors: ["0x1d1f21", !!str 10, 2024-01-01, ~]\n',
  'dotfiles/.vscode/settings.json': '{\n  // comments are fine here\n  "editor.tabSize": 2,\n}\n',
  'dotfiles/tsconfig.json': '{\n  "compilerOptions": { "strict": true, /* yes */ },\n}\n',
  'dotfiles/minified.json': JSON.stringify(
    Object.fromEntries(Array.from({ length: 3000 }, (_, n) => [`key${n}`, { value: n, hash: (n * 2654435761).toString(16) }])),
  ),
  'dotfiles/naïve-名前.md': 'names may be in any script\n',
  'dotfiles/bin/run': { text: '#!/bin/sh\nexec "$@"\n', mode: 0o755 },
  'dotfiles/current': { link: 'bin/run' },
  'dotfiles/docker-compose.yml':
    'services:\n  db:\n    image: postgres:17\n    environment:\n      POSTGRES_PASSWORD: ${DB_PASSWORD:?set it}\n',
  'dotfiles/empty.yaml': '',
  'dotfiles/list.json': '[]\n',
}

const PROJECT: Files = {
  'README.md': [
    '# Config of the team',
    'Set `AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE` and `AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY` as in the AWS manual.',
    'A token looks like `ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`, a key of Anthropic like `sk-ant-api03-XXXX…`.',
    'Clone with `git clone https://USER:TOKEN@git.example.com/team.git`.',
    '',
  ].join('\n'),
  'package.json': '{ "name": "config", "private": true, "devDependencies": { "gitops": "0.1.0" } }\n',
  'package-lock.json': `${JSON.stringify({
    name: 'config',
    lockfileVersion: 3,
    packages: {
      '': { name: 'config' },
      'node_modules/yaml': {
        version: '2.8.1',
        resolved: 'https://registry.npmjs.org/yaml/-/yaml-2.8.1.tgz',
        integrity: 'sha512-lcYcMxX2PO9XMGvAJkJ3OsNMw+/7FKes7/hgerGUYWIoWu5j/+YQqcZr5JnPZWzOsEBgMbSbiSTn/dv/69Mkpw==',
      },
    },
  })}\n`,
  '.gitattributes': '*.enc.json diff=sops\n*.sh text eol=lf\n',
  '.gitignore': '.env\n*.pem\nnode_modules/\n',
  '.env.example': 'TOKEN=\n',
  '.github/workflows/ci.yml':
    'name: ci\non: [push]\npermissions: { contents: read }\njobs:\n  test:\n    runs-on: ubuntu-latest\n    env:\n      TOKEN: ${{ secrets.GITHUB_TOKEN }}\n    steps:\n      - run: npm test\n',
  'keys/id_ed25519.pub': 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl jane@example.com\n',
  'docs/hashes.md':
    'sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\nuuid: 123e4567-e89b-12d3-a456-426614174000\n',
  'logo.png': Buffer.from([137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13]),
}
