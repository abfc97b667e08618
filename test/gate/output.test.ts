import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { test, type Files } from '../support/sandbox.ts'
import type { Finding } from '../../lib/model/finding.ts'
import { member, sops, trust } from '../support/sops.ts'
import { CLEAN, validate } from './support.ts'
import { tokens } from './tokens.ts'

// oxlint-disable-next-line no-control-regex -- what no terminal should get, but the line feed between lines
const UNSAFE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/

const HOSTILE: Files = {
  ...CLEAN,
  '.claude/::error file=x::pwned.json': '{',
  '.claude/a\n::stop-commands::x\u001b[2J.json': '{',
  '.claude/ansi.json': '{\n::error::\u001b[31m\u009b2J\u202e "a": 1 ##[error]x\n}\n',
  '.claude/long.json': `{"a": "${'x '.repeat(300_000)}" "b"}`,
  '.claude/binary.json': Buffer.from(Array.from({ length: 5000 }, (_, index) => index % 256)),
  '.claude/token.yaml': 'a: [sk-ant-api03-AbCdEfGhIjKlMnOp0123456789, b\npassword: hunter2 hunter3\n',
}

test('whatever a repository holds, no output obeys it: no control character, no command to a CI runner, no line without end', async ({
  sandbox,
}) => {
  sandbox.commit(HOSTILE)
  for (const format of ['people', 'json', 'github', 'sarif']) {
    const { code, stdout, stderr } = await sandbox.gitops(['validate', '--format', format], { cwd: sandbox.work })
    expect([format, code]).toEqual([format, 1])
    expect(stderr).toMatch(/^(?:gitops: not searched for tokens: 1 file that is binary or longer than 1 MB\n)?$/)
    expect(stdout).not.toMatch(UNSAFE)
    expect(stdout).not.toMatch(/sk-ant-api03|hunter2/)
    const lines = stdout.split('\n')
    if (format === 'people' || format === 'github') expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(3000)
    if (format === 'people') expect(stdout).not.toMatch(/^\s*::|##\[/m)
    const commands = lines.filter((line) => /^\s*::(?!notice[^\n]*::not searched for tokens: 1 file )/.test(line))
    if (format === 'github') {
      expect(commands).toHaveLength(6)
      expect(commands.filter((line) => !/^::error file=[^:,]+,line=\d+,col=\d+,title=syntax\/(?:json|yaml)::[^\n]+$/.test(line))).toEqual(
        [],
      )
    }
  }
})

test('--format github has an annotation for each finding, errors first, and counts them all in the summary of the step', async ({
  sandbox,
}) => {
  const summary = join(sandbox.root, 'summary.md')
  sandbox.commit({ ...CLEAN, '.claude/A.md': 'a\n', '.claude/a.md': 'b\n', '.claude/b|<b>,100%:.json': '{\n"a" 1}\n' })
  const { code, stdout } = await sandbox.gitops(['validate', '--format', 'github'], {
    cwd: sandbox.work,
    env: { GITHUB_STEP_SUMMARY: summary },
  })
  expect(code).toBe(1)
  expect(stdout.split('\n')).toEqual([
    "::error file=.claude/b|<b>%2C100%25%3A.json,line=2,col=5,title=syntax/json::Expected ':' after property name",
    '::warning file=.claude/a.md,title=tree/case::"A.md" and "a.md" are one name on macOS and Windows. Rename one of them in the source.',
    '1 error, 1 warning in 2 of 6 files.',
    '',
  ])
  const text = readFileSync(summary, 'utf8')
  expect(text).toContain('1 error, 1 warning in 2 of 6 files.')
  expect(text.split('\n').filter((line) => line.startsWith('| '))).toHaveLength(3)
  expect(text).not.toContain('<b>')
})

test('no output has a part of a secret that was found: not a token, nor a value that was decrypted', async ({ sandbox }) => {
  const me = await member()
  trust(sandbox, me)
  const value = 'correct-Horse7battery'
  const summary = join(sandbox.root, 'summary.md')
  const all = Object.entries(tokens())
  sandbox.commit({
    ...CLEAN,
    'team.enc.json': await sops(me, { password: value }),
    'copy.txt': `${value}\n`,
    '.claude/broken.json': `{"a": "${value}" "b": "${tokens().github}"}\n`,
    ...Object.fromEntries(all.map(([kind, token]) => [`${kind}.txt`, `a ${token} b\n`])),
  })
  const secret = [value, 'Horse7', ...all.map(([, token]) => token.slice(-14))]
  for (const format of ['people', 'json', 'github', 'sarif']) {
    const { said, code } = await sandbox.gitops(['validate', '--format', format], {
      cwd: sandbox.work,
      env: { GITHUB_STEP_SUMMARY: summary },
    })
    expect(code).toBe(1)
    expect(said).toContain('leak/decrypted')
    expect(said).toContain('leak/github')
    for (const part of secret) expect(said, format).not.toContain(part)
  }
  for (const part of secret) expect(readFileSync(summary, 'utf8')).not.toContain(part)
})

interface Sarif {
  readonly version: string
  readonly runs: readonly {
    readonly tool: { readonly driver: { readonly name: string; readonly rules: readonly { readonly id: string }[] } }
    readonly results: readonly {
      readonly ruleId: string
      readonly ruleIndex: number
      readonly level: string
      readonly message: { readonly text: string }
      readonly locations: readonly {
        readonly physicalLocation: {
          readonly artifactLocation: { readonly uri: string }
          readonly region?: Readonly<Record<string, number>>
        }
      }[]
    }[]
  }[]
}

test('--format sarif is one log with a result for each finding, whose rule and place programs find', async ({ sandbox }) => {
  sandbox.commit({ ...CLEAN, '.claude/a b.json': '{\n"a" 1}\n' })
  const { stdout } = await sandbox.gitops(['validate', '--format', 'sarif'], { cwd: sandbox.work })
  const log = JSON.parse(stdout) as Sarif
  expect(log.version).toBe('2.1.0')
  expect(log.runs[0]?.tool.driver).toMatchObject({ name: 'gitops', rules: [{ id: 'syntax/json' }] })
  expect(log.runs[0]?.results).toEqual([
    {
      ruleId: 'syntax/json',
      ruleIndex: 0,
      level: 'error',
      message: { text: "Expected ':' after property name" },
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: '.claude/a%20b.json', uriBaseId: '%SRCROOT%' },
            region: { startLine: 2, startColumn: 5 },
          },
        },
      ],
    },
  ])
})

test('--pre-push judges each branch that is pushed, by what Git tells its hook, and nothing where a branch is deleted', async ({
  sandbox,
}) => {
  const before = sandbox.commit(CLEAN)
  const broken = sandbox.commit({ '.claude/a.json': '{' })
  const zeros = '0'.repeat(40)
  const ask = async (input: string): Promise<Finding[]> => {
    const { stdout, stderr } = await sandbox.gitops(['validate', '--json', '--pre-push'], { cwd: sandbox.work, input })
    expect(stderr).toBe('')
    return (JSON.parse(stdout) as { findings: Finding[] }).findings
  }
  expect((await ask(`refs/heads/main ${broken} refs/heads/main ${before}\n`)).map(({ path }) => path)).toEqual(['.claude/a.json'])
  expect((await ask(`refs/heads/x ${broken} refs/heads/x ${zeros}\nrefs/heads/y ${before} refs/heads/y ${zeros}\n`)).length).toBe(1)
  expect(await ask(`(delete) ${zeros} refs/heads/main ${broken}\n`)).toEqual([])
  expect((await validate(sandbox, '--commits', `${zeros}..${before}`)).findings).toEqual([])
})
