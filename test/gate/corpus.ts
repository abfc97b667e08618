import type { Files } from '../support/sandbox.ts'
import { sops, type Member } from '../support/sops.ts'
import { tokens } from './tokens.ts'

/** A fault that somebody might commit: what it is, the files that bring it, and where it is to be found. */
export interface Fault {
  readonly what: string
  readonly files: Files
  /** `path:line rule`, once for each place; a line of `null` is the whole file. */
  readonly found: readonly string[]
}

/** Faults that can stand beside each other in one repository, and that repository without them. */
export interface Group {
  readonly title: string
  readonly good: Files
  readonly faults: readonly Fault[]
}

const fault = (what: string, files: Files, ...found: string[]): Fault => ({ what, files, found })

const config = (more: string): string => `import { claudeCode, defineConfig } from 'gitops'

export default defineConfig({
  name: 'corpus',
  sources: { team: { repo: '.' } },
${more}
})
`

/** Documents that do not parse, and keys that are not for a source to say. */
export function documents(): Group {
  const good: Files = {
    'gitops.config.ts': config(`  targets: {
    files: { from: 'files', to: '~/files', documents: { 'loose.json': { merge: { format: 'jsonc' } }, 'keys/*.yaml': { merge: { format: 'yaml' } } } },
  },
  documents: { app: { from: 'app.json', to: '~/.app.json', strategy: { merge: { format: 'json' } }, protect: ['/login'], optional: true } },`),
    'files/fine.json': '{ "a": [1, 2.0, "x"] }\n',
    'files/loose.json': '{ // fine\n}\n',
    'files/fine.yaml': 'a: &x 1\nb: *x\n---\nsecond: 2\n',
    'files/fine.toml': 'a = 1\n',
    'app.json': '{ "theme": "dark" }\n',
  }
  const faults = [
    fault('a comma behind the last entry', { 'files/a.json': '{\n  "a": 1,\n}\n' }, 'files/a.json:3 syntax/json'),
    fault('a comment in JSON', { 'files/b.json': '{}\n// no\n' }, 'files/b.json:2 syntax/json'),
    fault('a text without an end', { 'files/c.json': '{\n  "a": "b\n}\n' }, 'files/c.json:2 syntax/json'),
    fault('single quotes', { 'files/d.json': "{ 'a': 1 }\n" }, 'files/d.json:1 syntax/json'),
    fault('an empty JSON file', { 'files/e.json': '' }, 'files/e.json:1 syntax/json'),
    fault(
      'marks of a merge conflict',
      { 'files/f.json': '{\n<<<<<<< HEAD\n  "a": 1\n=======\n>>>>>>> b\n}\n' },
      'files/f.json:2 syntax/json',
    ),
    fault('a number with a zero in front', { 'files/g.json': '[01]\n' }, 'files/g.json:1 syntax/json'),
    fault('a missing bracket in JSON with comments', { 'files/h.jsonc': '{ // a\n  "a": [1\n}\n' }, 'files/h.jsonc:3 syntax/jsonc'),
    fault(
      'a key without a colon in a document that is declared to have comments',
      { 'files/loose.json': '{ // a\n  "a" 1\n}\n' },
      'files/loose.json:2 syntax/jsonc',
    ),
    fault('a tab as indentation in YAML', { 'files/i.yaml': 'a:\n\tb: 1\n' }, 'files/i.yaml:2 syntax/yaml'),
    fault('a YAML key that is there twice', { 'files/j.yml': 'a: 1\nb: 2\na: 3\n' }, 'files/j.yml:3 syntax/yaml'),
    fault('an alias of nothing', { 'files/k.yaml': 'a: *b\n' }, 'files/k.yaml:1 syntax/yaml'),
    fault('a fault in the second YAML document', { 'files/l.yaml': 'a: 1\n---\nb: [1\n' }, 'files/l.yaml:4 syntax/yaml'),
    fault('a bracket that is not closed in YAML', { 'files/m.yaml': 'a: {b: 1\nc: 2\n' }, 'files/m.yaml:2 syntax/yaml'),
    fault('YAML that is nested too deeply', { 'files/deep.yaml': `a: ${'['.repeat(20_000)}\n` }, 'files/deep.yaml:1 syntax/yaml'),
    fault('a TOML key without a value', { 'files/n.toml': 'a = 1\nb =\n' }, 'files/n.toml:2 syntax/toml'),
    fault('a TOML table that is there twice', { 'files/o.toml': '[a]\nx = 1\n[a]\n' }, 'files/o.toml:3 syntax/toml'),
    fault('a list that is to be merged', { 'files/keys/p.yaml': '- a\n' }, 'files/keys/p.yaml:1 keys/object'),
    fault('a key of the application', { 'app.json': '{\n  "theme": "dark",\n  "login": {}\n}\n' }, 'app.json:3 keys/protected'),
  ]
  return { title: 'documents', good, faults }
}

/** What no target can hold. */
export async function trees(me: Member): Promise<Group> {
  const good: Files = {
    'gitops.config.ts': config(`  targets: { files: { from: 'files', to: '~/files', protect: ['state'] } },
  secrets: { token: { from: 'token.enc', to: '~/files/token' } },`),
    'token.enc': await sops(me, 'x\n', { format: 'binary' }),
    'files/a': 'a\n',
    'files/link': { link: 'a' },
  }
  const faults = [
    fault('a path that an application keeps', { 'files/state/x': 'x\n' }, 'files/state/x:null tree/protected'),
    fault(
      'a pointer of Git LFS',
      { 'files/big': `version https://git-lfs.github.com/spec/v1\noid sha256:${'4d'.repeat(32)}\nsize 12345\n` },
      'files/big:null tree/lfs',
    ),
    fault('a link out of the target', { 'files/out': { link: '../elsewhere' } }, 'files/out:null tree/link-outside'),
    fault('a link to an absolute path', { 'files/abs': { link: '/etc/passwd' } }, 'files/abs:null tree/link-outside'),
    fault(
      'a link out through another one',
      { 'files/d/up': { link: '..' }, 'files/far': { link: 'd/up/../x' } },
      'files/far:null tree/link-outside',
    ),
    fault('a link out by many steps', { 'files/d/e/f': { link: '../../../../x' } }, 'files/d/e/f:null tree/link-outside'),
    fault('names that differ in case', { 'files/Read': 'a\n', 'files/READ': 'b\n' }, 'files/Read:null tree/case'),
    fault('names that differ in Unicode form', { 'files/caf\u00e9': 'a\n', 'files/cafe\u0301': 'b\n' }, 'files/caf\u00e9:null tree/case'),
    fault('directories that differ in case', { 'files/Sub/a': 'a\n', 'files/sub/b': 'b\n' }, 'files/sub/b:null tree/case'),
    fault('plaintext where a secret goes', { 'files/token': 'x\n' }, 'files/token:null tree/taken'),
  ]
  return { title: 'trees', good, faults }
}

/** What Claude Code could not use, or would not read. */
export function claude(): Group {
  const good: Files = {
    'gitops.config.ts': config('  presets: [claudeCode({ doctor: false })],'),
    '.claude/settings.json': '{ "model": "opus", "hooks": { "Stop": [] } }\n',
    '.claude/agents/fine.md': '---\nname: fine\ndescription: Fine.\n---\n',
  }
  const at = (line: number): string => `.claude/settings.json:${line} check/Claude Code configuration`
  const whole = (path: string, line: number | null): string => `.claude/${path}:${line} check/Claude Code configuration`
  const settings = `{
  "hooks": {
    "Stop": [
      { "hooks": [{ "type": "command", "command": "~/.claude/hooks/gone.sh" }] }
    ],
    "Stopp": [],
    "PreToolUse": [
      { "hooks": [{ "type": "command", "command": "~/.claude/tools/bare" }] }
    ],
    "PostToolUse": [
      { "hooks": [{ "type": "command", "command": "bash ~/.claude/hooks/lost.sh" }] }
    ]
  },
  "statusLine": { "type": "command", "command": "~/.claude/status/none.sh" },
  "modle": "opus"
}
`
  const faults = [
    fault(
      'scripts that are not there or cannot be run, an event and a key that nobody knows',
      { '.claude/settings.json': settings, '.claude/tools/bare': '#!/bin/sh\n' },
      ...[4, 6, 8, 11, 14, 15].map(at),
    ),
    fault('a front matter that is no YAML', { '.claude/agents/a.md': '---\nname: a\ndescription: a: b\n---\n' }, whole('agents/a.md', 3)),
    fault('a front matter without an end', { '.claude/agents/b.md': '---\nname: b\n' }, whole('agents/b.md', 1)),
    fault('a front matter that is a list', { '.claude/agents/c.md': '---\n- name\n---\n' }, whole('agents/c.md', 1)),
    fault('an agent without a description', { '.claude/agents/d.md': '---\nname: d\n---\n' }, whole('agents/d.md', null)),
    fault('a command with a broken front matter', { '.claude/commands/e.md': '---\na: [\n---\n' }, whole('commands/e.md', 3)),
    fault('a skill without a front matter', { '.claude/skills/f/SKILL.md': '# f\n' }, whole('skills/f/SKILL.md', null)),
    fault('key bindings that are a list', { '.claude/keybindings.json': '[]\n' }, whole('keybindings.json', null)),
  ]
  return { title: 'Claude Code', good, faults }
}

/** Settings of Claude Code of which one value has a wrong type: each is judged by itself, for nothing else of it is looked at then. */
export const WRONG_SETTINGS: readonly (readonly [what: string, settings: string, line: number])[] = [
  ['a list of rules that is a text', '{\n  "permissions": { "allow": "Bash" }\n}\n', 2],
  ['a rule without its last bracket', '{\n  "permissions": {\n    "deny": ["Read", "Bash(rm"]\n  }\n}\n', 3],
  ['hooks that are a list', '{\n  "hooks": []\n}\n', 2],
  ['a matcher without hooks', '{\n  "hooks": {\n    "Stop": [{ "matcher": "x" }]\n  }\n}\n', 3],
  ['a hook without a command', '{\n  "hooks": {\n    "Stop": [{ "hooks": [{ "type": "command" }] }]\n  }\n}\n', 3],
  ['a status line of another type', '{\n  "statusLine": { "type": "static", "command": "x" }\n}\n', 2],
  ['a switch that is a text', '{\n  "model": "opus",\n  "includeCoAuthoredBy": "yes"\n}\n', 3],
]

/** Secrets in clear, and recipients and selectors that are not what the rules say. */
export async function secrets(me: Member, friend: Member, mallory: Member): Promise<Group> {
  const two = await sops(me, 'a: one\n---\nb: two\n', { format: 'yaml' })
  const selected = await sops(me, '{"token": "x", "other": "y"}', { rule: { kind: 'encrypted_regex', pattern: '^token$' } })
  const lineOf = (text: string, what: RegExp): number => text.split('\n').findIndex((line) => what.test(line)) + 1
  const injected = await sops([me, mallory], { a: 'x' })
  const partly = two.replace(/^b: .*$/m, 'b: in clear')
  const env = (await sops(me, 'A=one\nB=two\n', { format: 'dotenv' })).replace(/^B=.*$/m, 'B=in clear')
  const good: Files = {
    'gitops.config.ts': config("  targets: { files: { from: 'files', to: '~/files' } },"),
    'files/a': 'a\n',
    '.sops.yaml': `creation_rules:
  - path_regex: ^team/
    age: ${me.recipient},${friend.recipient}
  - path_regex: ^secrets/
    age: ${me.recipient}
  - path_regex: ^k8s/
    encrypted_regex: ^(data|stringData)$
    age: ${me.recipient}
  - path_regex: ^sel/
    encrypted_regex: ^tokn$
    age: ${me.recipient}
  - age: ${me.recipient}
`,
    'secrets/fine.json': await sops(me, { a: 'x' }),
    'team/fine.json': await sops([me, friend], { a: 'x' }),
    'k8s/map.yaml': 'apiVersion: v1\nkind: ConfigMap\ndata:\n  a: x\n',
  }
  const faults = [
    fault('a file in clear that a rule picks out', { 'secrets/a.json': '{\n  "b": "x"\n}\n' }, 'secrets/a.json:2 sops/unencrypted'),
    fault('the same as YAML', { 'secrets/a.yaml': 'a:\n  b: x\n' }, 'secrets/a.yaml:2 sops/unencrypted'),
    fault('the same as dotenv', { 'secrets/.env': '# c\nA=x\n' }, 'secrets/.env:2 sops/unencrypted'),
    fault('the same as plain text', { 'secrets/note.txt': 'x\n' }, 'secrets/note.txt:null sops/unencrypted'),
    fault(
      'a manifest of a secret',
      { 'k8s/secret.yaml': 'apiVersion: v1\nkind: Secret\nstringData:\n  a: eA==\n' },
      'k8s/secret.yaml:4 sops/unencrypted',
    ),
    fault('a second document in clear', { 'two.yaml': partly }, `two.yaml:${lineOf(partly, /^b: /)} sops/partly`),
    fault('a variable in clear', { 'half.env': env }, `half.env:${lineOf(env, /^B=/)} sops/partly`),
    fault(
      'a selector that matches nothing',
      { 'sel/ected.json': selected.replace('^token$', '^tokn$').replace(/"token": *"[^"]*"/, '"token": "in clear"') },
      'sel/ected.json:null sops/never-matches',
    ),
    fault(
      'an encrypted file that cannot be read',
      { 'broken.json': selected.replace('"lastmodified"', '"modified"') },
      'broken.json:null sops/broken',
    ),
    fault(
      'a recipient whom no rule names',
      { 'injected.json': injected },
      `injected.json:${lineOf(injected, new RegExp(mallory.recipient))} sops/recipients`,
    ),
    fault('a recipient who is missing', { 'team/missing.json': await sops(me, { a: 'x' }) }, 'team/missing.json:null sops/recipients'),
    fault(
      'a selector that does not compile',
      { 'p/.sops.yaml': `creation_rules:\n  - age: ${me.recipient}\n    encrypted_regex: '(?!a)'\n` },
      'p/.sops.yaml:2 sops/config',
    ),
    fault(
      'a recipient that is written wrongly',
      { 'q/.sops.yaml': `creation_rules:\n  - age: ${me.recipient}x\n` },
      'q/.sops.yaml:2 sops/config',
    ),
    fault('rules that do not parse', { 'r/.sops.yaml': 'creation_rules: [\n' }, 'r/.sops.yaml:2 sops/config'),
    fault('rules under a name that nobody reads', { 's/.sops.yml': 'creation_rules: []\n' }, 's/.sops.yml:null sops/config'),
    fault(
      'a plaintext twin',
      { 'app.enc.json': await sops(me, { user: 'a', pass: 'b' }), 'app.json': '{"user": "a", "pass": "c"}\n' },
      'app.json:null sops/twin',
    ),
    fault(
      'an encrypted file that would be copied',
      { 'files/s.json': await sops(me, { a: 'x' }) },
      'files/s.json:null tree/undeclared-encrypted',
    ),
  ]
  return { title: 'secrets', good, faults }
}

/** Leaked tokens of every kind, each in a file of its own, below other lines. */
export function leaks(): Group {
  const rules: Readonly<Record<string, string>> = {
    'github-fine': 'github',
    database: 'database-connection-string',
    hashicorp: 'hashicorp-vault',
  }
  const faults = Object.entries(tokens()).map(([kind, token]) =>
    fault(
      `a token of ${kind}`,
      { [`src/${kind}.txt`]: `# notes\n\nlook here: ${token}\n` },
      `src/${kind}.txt:3 leak/${rules[kind] ?? kind}`,
    ),
  )
  const good: Files = { 'gitops.config.ts': config("  targets: { files: { from: 'files', to: '~/files' } },"), 'files/a': 'a\n' }
  return { title: 'leaks', good, faults }
}
