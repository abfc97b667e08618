import { claudeCode, defineConfig } from 'gitops'

// The working example: this clone reconciles its own `.claude/` into a sandbox home inside the clone.
export default defineConfig({
  name: 'example',
  home: '.sandbox',
  sources: { team: { repo: '.' } },
  // Where it goes, what is never touched, and what tells that it works. Of ~/.claude.json only the keys of ours are set; the rest is Claude Code's.
  presets: [claudeCode({ account: '.claude/.claude.json.enc' })],
  // This key is public and protects nothing: it is there so that the example works in a fresh clone.
  identities: ['.example/age-key.txt'],
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
  gate: {
    allow: [
      { rule: 'leak/age', path: '.example/age-key.txt', reason: 'the public key of the example, which protects nothing' },
      { rule: 'leak/*', path: 'test/**', reason: 'keys and passwords that were made for tests, and protect nothing' },
      { rule: 'sops/*', path: 'test/fixtures/sops/**', reason: 'files as they should not be, and what is in them' },
    ],
  },
  schedule: { every: '60s' },
})
