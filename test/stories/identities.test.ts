import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'vitest'
import { CLI, DEFAULT_CONFIG, test, type Sandbox } from '../support/sandbox.ts'
import { member, sops } from '../support/sops.ts'

const KEYS = resolve(import.meta.dirname, '../fixtures/keys')
const PASSPHRASE = 'correct horse battery staple'
const read = (name: string): string => readFileSync(join(KEYS, name), 'utf8')
const FROM = 'secrets/token.json.enc'
const SECRETS = `secrets: { token: { from: '${FROM}', to: '~/.app/token.json' } }`
const hasScript = spawnSync('script', ['--version'], { stdio: 'ignore' }).status === 0

/** The user's SSH key is one with a passphrase, and a file is encrypted to it. */
function lockedKey(sandbox: Sandbox): void {
  sandbox.write(sandbox.home, { '.ssh/id_ed25519': { text: read('ed25519-locked'), mode: 0o600 } })
  sandbox.write(sandbox.site, { 'a.json': read('ed25519-locked.json') })
}

/** Runs a command line on a terminal of its own, and types each answer when its prompt has come. */
function onTerminal(
  sandbox: Sandbox,
  command: string,
  answers: readonly string[],
  painted = false,
): Promise<{ code: number | null; shown: string }> {
  const child = spawn('script', ['-qefc', `stty cols 200 rows 50; ${command}`, '/dev/null'], { cwd: sandbox.site, env: sandbox.env })
  let shown = ''
  const left = [...answers]
  let answered = 0
  child.stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString()
    const prompts = shown.split('Passphrase of').length - 1
    // A painted screen shows one prompt again and again.
    if ((painted ? Math.min(prompts, 1) : prompts) <= answered) return
    answered += 1
    child.stdin.write(left.shift() ?? '')
  })
  return new Promise((done) => child.on('close', (code) => done({ code, shown })))
}

const gitops = (...args: string[]): string => [process.execPath, CLI, ...args].map((word) => `'${word}'`).join(' ')

test('decrypt asks for a passphrase at the terminal, without showing it, once for many files, even when input and output go elsewhere', async ({
  sandbox,
  skip,
}) => {
  skip(!hasScript, 'there is no script(1) here')
  lockedKey(sandbox)
  const twice = `${gitops('decrypt', 'a.json', 'a.json')} < /dev/null > out`
  const ran = await onTerminal(sandbox, twice, ['not it\r', `${PASSPHRASE}X\u007f\r`])
  expect(ran.code, ran.shown).toBe(0)
  expect(ran.shown).toMatch(/^Passphrase of \S+\/\.ssh\/id_ed25519: \s+That is not it\. Passphrase of \S+id_ed25519: \s+$/)
  expect(readFileSync(join(sandbox.site, 'out'), 'utf8').match(/canary-ed25519-locked/g)).toHaveLength(2)
})

test('three wrong passphrases are enough, none is an answer too, and Ctrl-C ends the command', async ({ sandbox, skip }) => {
  skip(!hasScript, 'there is no script(1) here')
  lockedKey(sandbox)
  const [wrong, none, stopped] = await Promise.all([
    onTerminal(sandbox, gitops('decrypt', 'a.json'), ['a\r', 'b\r', 'c\r']),
    onTerminal(sandbox, gitops('decrypt', 'a.json'), ['\r']),
    onTerminal(sandbox, gitops('decrypt', 'a.json'), ['half\u0003']),
  ])
  expect(wrong.code, wrong.shown).toBe(128)
  expect(wrong.shown.replaceAll('\r\n', ' ')).toContain('id_ed25519 is protected by a passphrase, and 3 were wrong')
  expect(none.shown.replaceAll('\r\n', ' ')).toContain('id_ed25519 is protected by a passphrase, and it was not given')
  expect(none.shown).toContain('Type the passphrase at a terminal, or name a command that prints it in GITOPS_AGE_PASSPHRASE_CMD.')
  expect(stopped.code).toBe(130)
  for (const { shown } of [wrong, none, stopped]) expect(shown).not.toMatch(/canary|half/)
})

test('a reconcile at the terminal asks too; one without a terminal does not wait, and says what to do', async ({ sandbox, skip }) => {
  skip(!hasScript, 'there is no script(1) here')
  lockedKey(sandbox)
  sandbox.commit({ '.claude/a.md': 'a', [FROM]: read('ed25519-locked.json') })
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, SECRETS))
  const alone = await sandbox.gitops(['reconcile'])
  expect(alone.code, alone.said).toBe(1)
  expect(alone.said).toContain('there is no terminal to ask for it; GITOPS_AGE_PASSPHRASE_CMD may name a command that gives it')
  // A terminal nearby that nobody looks at does not count: so are scheduled runs started.
  const scheduled = await onTerminal(sandbox, `${gitops('reconcile')} < /dev/null`, [])
  expect(scheduled.shown.replaceAll(/\s+/g, ' ')).toContain('there is no terminal to ask for it')
  const ran = await onTerminal(sandbox, gitops('reconcile'), [`${PASSPHRASE}\r`], true)
  expect(ran.code, ran.shown).toBe(0)
  expect(ran.shown).toMatch(/Passphrase of \S+\/\.ssh\/id_ed25519:/)
  expect(ran.shown).not.toContain('correct horse')
  expect(sandbox.live('.app/token.json')).toContain('canary-ed25519-locked')
})

test('decrypt and reconcile say the same of a file that nothing opens', async ({ sandbox }) => {
  const [stranger, mine] = [await member(), await member()]
  const file = await sops(stranger, { token: 'not for me' })
  sandbox.write(sandbox.home, { '.config/sops/age/keys.txt': `${mine.identity}\n`, '.ssh/id_rsa': read('ecdsa') })
  sandbox.write(sandbox.site, { 'a.json': file })
  sandbox.commit({ '.claude/a.md': 'a', [FROM]: file })
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, SECRETS))
  const env = { SOPS_AGE_KEY_CMD: 'false' }
  const [decrypt, reconcile] = await Promise.all([sandbox.gitops(['decrypt', 'a.json'], { env }), sandbox.gitops(['reconcile'], { env })])
  expect([decrypt.code, reconcile.code]).toEqual([128, 1])
  // The verdict is one line; elsewhere the advice has a line of its own.
  const story = (text: string): string =>
    /.*cannot be decrypted: (.*\n?.*) the file\./.exec(text.slice(text.lastIndexOf('cannot be')))?.[1] ?? text
  const said = story(decrypt.stderr).replace('\n', '. ')
  expect(story(reconcile.said)).toBe(said)
  for (const word of [
    stranger.recipient,
    mine.recipient,
    'keys.txt',
    'SOPS_AGE_KEY_CMD failed: false: exit code 1',
    '.ssh/id_ed25519',
    'ecdsa-sha2-nistp256',
  ])
    expect(said).toContain(word)
})
