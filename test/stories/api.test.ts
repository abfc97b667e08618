import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect } from 'vitest'
import { CLI, test, type Sandbox } from '../support/sandbox.ts'
import { member, trust } from '../support/sops.ts'

const SOPS = process.env['GITOPS_SOPS'] ?? 'sops'
const INDEX = pathToFileURL(join(CLI, '../../index.js')).href

/** Runs a module of a user of the package, which prints one JSON. */
function program(sandbox: Sandbox, code: string, env: NodeJS.ProcessEnv = {}): unknown {
  const text = `import { sops, GitopsError } from ${JSON.stringify(INDEX)}\n${code}`
  return JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', text], {
      cwd: sandbox.site,
      env: { ...sandbox.env, ...env },
      encoding: 'utf8',
    }),
  )
}

test('a program encrypts, looks at, changes and decrypts SOPS files in memory, with the identities of this machine or its own', async ({
  sandbox,
  skip,
}) => {
  const [me, other] = [await member(), await member()]
  trust(sandbox, me)
  const code = `
    import { writeFileSync } from 'node:fs'
    const recipients = ${JSON.stringify([me.recipient, other.recipient])}
    const file = await sops.encrypt('token: s3cret\\nport: 80\\n', { format: 'yaml', recipients, rule: { kind: 'encrypted_regex', pattern: '^token$' }, now: new Date('2026-01-01') })
    const info = await sops.inspect(file)
    const next = await sops.edit(file, (plain) => plain.toString().replace('80', '8080'))
    const same = await sops.edit(next.bytes, (plain) => plain)
    const lines = (bytes) => bytes.toString().split('\\n')
    writeFileSync('a.yaml', next.bytes)
    console.log(JSON.stringify({
      clear: file.includes('s3cret'), recipients: info.recipients.length, format: info.format, time: info.lastModified,
      plain: (await sops.decrypt(next.bytes, { identities: [${JSON.stringify(other.identity)}] })).toString(),
      port: (await sops.decrypt(next.bytes, { extract: '/port' })).toString(),
      json: JSON.parse(await sops.decrypt(next.bytes, { output: 'json' })),
      changed: [next.changed, same.changed, same.bytes.equals(next.bytes)],
      touched: lines(next.bytes).filter((line) => !lines(file).includes(line)).map((line) => line.trim().split(':')[0]),
      none: await sops.inspect(Buffer.from('a: 1\\n')),
    }))`
  expect(program(sandbox, code)).toEqual({
    clear: false,
    recipients: 2,
    format: 'yaml',
    time: '2026-01-01T00:00:00Z',
    plain: 'token: s3cret\nport: 8080\n',
    port: '8080\n',
    json: { token: 's3cret', port: 8080 },
    changed: [true, false, true],
    touched: ['port', 'lastmodified', 'mac'],
    none: null,
  })
  skip(spawnSync(SOPS, ['--version'], { stdio: 'ignore' }).status !== 0, 'sops is neither on PATH nor in GITOPS_SOPS')
  expect(spawnSync(SOPS, ['decrypt', 'a.yaml'], { cwd: sandbox.site, env: sandbox.env, encoding: 'utf8' }).stdout).toBe(
    'token: s3cret\nport: 8080\n',
  )
})

test('what is wrong is a GitopsError with a code', async ({ sandbox }) => {
  const me = await member()
  const code = `
    const codes = []
    const attempt = async (work) => { try { codes.push(await work()) } catch (error) { codes.push(error instanceof GitopsError && error.code) } }
    const file = await sops.encrypt('{"a": 1}', { format: 'json', recipients: [${JSON.stringify(me.recipient)}] })
    await attempt(() => sops.decrypt(file))
    await attempt(() => sops.decrypt(Buffer.from('{}')))
    await attempt(() => sops.decrypt(file, { identities: [${JSON.stringify(me.identity)}], extract: '/b' }))
    await attempt(() => sops.decrypt(file, { extract: 'b' }))
    await attempt(() => sops.encrypt('{}', { format: 'json', recipients: ['age1typo'] }))
    await attempt(() => sops.encrypt('{', { format: 'json', recipients: [${JSON.stringify(me.recipient)}] }))
    console.log(JSON.stringify(codes))`
  expect(program(sandbox, code)).toEqual(['environment', 'invalid', 'usage', 'usage', 'config', 'invalid'])
})

test('a call of sops.encrypt that would not do what it seems to say is refused by a sentence, also without a type checker', async ({
  sandbox,
}) => {
  const { recipient } = await member()
  const code = `
    const recipients = [${JSON.stringify(recipient)}]
    const said = []
    for (const options of [undefined, { recipients }, { recipients, format: 'toml' }, { format: 'yaml' }, { format: 'yaml', recipients: [] },
      { format: 'yaml', recipients, encryptedRegex: '^a$' }, { format: 'yaml', recipients, rule: { kind: 'encrypted_regex', suffix: 'a' } }])
      await sops.encrypt('a: 1\\n', options).then(() => said.push('done'), (error) => said.push([error instanceof GitopsError && error.code, error.message, error.hint]))
    await sops.decrypt(Buffer.from('{}'), { ignoremac: true }).catch((error) => said.push([error.code, error.message]))
    console.log(JSON.stringify(said))`
  const formats = 'It is one of json, yaml, dotenv, ini, binary.'
  const nobody = ['config', 'sops.encrypt has no list of `recipients` to encrypt to', "Name them: ['age1…']."]
  expect(program(sandbox, code)).toEqual([
    ['usage', 'sops.encrypt needs a `format`', formats],
    ['usage', 'sops.encrypt needs a `format`', formats],
    ['usage', 'sops.encrypt knows no format "toml"', formats],
    nobody,
    nobody,
    ['usage', 'sops.encrypt has no option encryptedRegex', expect.stringContaining("rule: { kind: 'encrypted_regex'")],
    ['usage', 'sops.encrypt has a `rule` that is none', expect.stringContaining('encrypted_suffix')],
    ['usage', 'sops.decrypt has no option ignoremac'],
  ])
})
