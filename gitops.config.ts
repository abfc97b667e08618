import { defineConfig } from 'gitops'

// The working example: this clone reconciles its own `.claude/` into a sandbox home inside the clone.
export default defineConfig({
  name: 'example',
  home: '.sandbox',
  sources: { team: { repo: '.' } },
  targets: { claude: { source: 'team', from: '.claude', to: '~/.claude' } },
  // This key is public and protects nothing: it is there so that the example works in a fresh clone.
  identities: ['.example/age-key.txt'],
  // Only the keys of ours in it; the rest of the file is the application's.
  secrets: { account: { from: '.claude/.claude.json.enc', to: '~/.claude.json', strategy: 'merge' } },
  audit: { path: '~/.claude-gitops-audit.log' },
  checks: {
    smoke: [
      {
        name: 'settings are in place',
        // GITOPS_EXAMPLE_FAIL=1 makes this fail, to show a rollback.
        run: 'test -z "${GITOPS_EXAMPLE_FAIL:-}" && test -s ~/.claude/settings.json && test -x ~/.claude/hooks/no-force-push.sh',
      },
    ],
  },
  schedule: { every: '60s' },
})
