import { chmodSync, existsSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { test, type Sandbox } from '../support/sandbox.ts'

/** An application's own document, as it looks before we come. */
const THEIRS = '{\n  "theme": "dark",\n  "numStartups": 1.0,\n  "permissions": {\n    "allow": ["Read"],\n    "deny": []\n  }\n}\n'

function configured(sandbox: Sandbox, documents: string, more = '', top = ''): void {
  sandbox.write(sandbox.site, {
    'gitops.config.ts': `import { defineConfig, merge } from 'gitops'

export default defineConfig({
  name: 'story',
  sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } },
  targets: { claude: { from: '.claude', to: '~/.claude', documents: { ${documents} } ${more} } },
  ${top}
})
`,
  })
}

const settings = (value: unknown): Record<string, string> => ({ '.claude/settings.json': `${JSON.stringify(value)}\n` })
const place = (sandbox: Sandbox): string => join(sandbox.home, '.claude/settings.json')
const write = (sandbox: Sandbox, text: string): void => writeFileSync(place(sandbox), text)
const live = (sandbox: Sandbox): string => sandbox.live('.claude/settings.json')

async function reconcile(sandbox: Sandbox, code = 0): Promise<string> {
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(code)
  return ran.said
}

test('keys of ours go into a document that an application has, and everything else in it keeps its bytes', async ({ sandbox }) => {
  configured(sandbox, `'settings.json': merge()`)
  sandbox.write(sandbox.home, { '.claude/settings.json': { text: THEIRS, mode: 0o640 } })
  sandbox.commit({ ...settings({ model: 'opus', env: { A: '1' } }), '.claude/CLAUDE.md': 'hello\n' })
  const diff = await sandbox.gitops(['diff'])
  expect(diff.said).toContain('+  "model": "opus"')
  expect(diff.said).not.toMatch(/^-.*theme/m)
  await reconcile(sandbox)
  expect(live(sandbox)).toBe(THEIRS.replace('  }\n}', '  },\n  "model": "opus",\n  "env": {\n    "A": "1"\n  }\n}'))
  expect(statSync(place(sandbox)).mode & 0o777).toBe(0o640)
  expect(sandbox.live('.claude/CLAUDE.md')).toBe('hello\n')
  expect((await sandbox.gitops(['status', '--exit-code'])).code).toBe(0)
})

test('what the application writes is no drift, and not one byte is written while our keys are as they should be', async ({ sandbox }) => {
  configured(sandbox, `'settings.json': merge()`)
  sandbox.commit(settings({ model: 'opus', env: { A: '1' } }))
  await reconcile(sandbox)
  write(sandbox, '{"env":{"B":"2","A":"1"},\n\n "theme":"light","model":"opus"}')
  utimesSync(place(sandbox), 1, 1)
  expect(await reconcile(sandbox)).toContain('In sync')
  expect(live(sandbox)).toBe('{"env":{"B":"2","A":"1"},\n\n "theme":"light","model":"opus"}')
  expect(statSync(place(sandbox)).mtimeMs).toBe(1000)
})

test('a smoke check that runs the application may write keys of its own; a key of ours that it changes is put back in the same run', async ({
  sandbox,
}) => {
  const theirs = '{"model":"haiku","theme":"dark"}'
  const check = `echo '${theirs}' > ~/.claude/settings.json`
  configured(sandbox, `'settings.json': merge()`, '', `checks: { smoke: [{ name: 'app', run: ${JSON.stringify(check)} }] },`)
  sandbox.commit(settings({ model: 'opus' }))
  expect(await reconcile(sandbox)).toMatch(/Applied: .*settings\.json changed while the checks ran, and is put back/)
  expect(JSON.parse(live(sandbox))).toEqual({ model: 'opus', theme: 'dark' })
  expect(await reconcile(sandbox)).toContain('In sync')
})

test('a key of ours that somebody changes is healed alone, is named, and its value can be had back', async ({ sandbox }) => {
  configured(sandbox, `'settings.json': merge(), 'a.toml': merge()`)
  sandbox.commit({ ...settings({ model: 'opus', env: { A: '1' } }), '.claude/a.toml': 'at = [2020-01-01]\nday = 2020-01-01\n' })
  await reconcile(sandbox)
  write(sandbox, '{"model":"mine","theme":"light","env":{"A":"1"}}')
  const said = await reconcile(sandbox)
  expect(said).toContain('/model')
  expect(live(sandbox)).toBe('{"model":"opus","theme":"light","env":{"A":"1"}}')
  const name = /gitops kept (\w+)/.exec(said)?.[1] ?? ''
  expect(JSON.parse((await sandbox.gitops(['kept', name])).stdout)).toEqual({ '/model': 'mine' })
  sandbox.write(sandbox.home, { '.claude/a.toml': 'at = [1999-12-31]\nday = 1999-12-31\n' })
  const [copy = ''] = /(?<=gitops kept )\w+/.exec(await reconcile(sandbox)) ?? []
  expect(JSON.parse((await sandbox.gitops(['kept', copy])).stdout)).toEqual({ '/at': ['1999-12-31'], '/day': '1999-12-31' })
})

test('a key that leaves the source goes, what it replaced comes back, and a target that leaves takes only our keys along', async ({
  sandbox,
}) => {
  configured(sandbox, `'settings.json': merge()`)
  sandbox.write(sandbox.home, { '.claude/settings.json': THEIRS })
  sandbox.commit(settings({ theme: 'ours', model: 'opus', permissions: { deny: ['Bash'] } }))
  await reconcile(sandbox)
  sandbox.commit(settings({ theme: 'ours', permissions: { deny: ['Bash'] } }))
  await reconcile(sandbox)
  expect(JSON.parse(live(sandbox))).toEqual({ theme: 'ours', numStartups: 1, permissions: { allow: ['Read'], deny: ['Bash'] } })
  sandbox.write(sandbox.site, {
    'gitops.config.ts': `export default { name: 'story', sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } } }`,
  })
  await reconcile(sandbox)
  expect(JSON.parse(live(sandbox))).toEqual(JSON.parse(THEIRS))
})

test('keys and items that were there before us and equal ours stay when the source drops them and when we leave, and the file keeps its bytes', async ({
  sandbox,
}) => {
  configured(sandbox, `'*.json': merge({ lists: { '/allow': 'set', '/servers': { by: 'name' } } })`)
  const theirs = '{"model":"opus","zero":-0.0, "allow":["Read","Mine"],\n "servers":[{"name":"s","port":1.0}],"mine":1}\n'
  sandbox.write(sandbox.home, { '.claude/settings.json': theirs, '.claude/gone.json': '{"mine":1}' })
  const ours = { model: 'opus', zero: 0, allow: ['Read'], servers: [{ name: 's', port: 1 }] }
  sandbox.commit({ ...settings(ours), '.claude/gone.json': '{"a":1}' })
  await reconcile(sandbox)
  expect(live(sandbox)).toBe(theirs)
  sandbox.commit(settings({ ...ours, model: 'sonnet', servers: [] }))
  rmSync(join(sandbox.home, '.claude/gone.json'))
  await reconcile(sandbox)
  expect(live(sandbox)).toBe(theirs.replace('opus', 'sonnet'))
  const gone = await sandbox.gitops(['uninstall', '--yes'])
  expect(gone.code, gone.said).toBe(0)
  expect(live(sandbox)).toBe(theirs)
  // What its owner had deleted was made by us the second time.
  expect(existsSync(join(sandbox.home, '.claude/gone.json'))).toBe(false)
})

test('a file of ours that becomes a merged document keeps what was there before us, and gives up what was not', async ({ sandbox }) => {
  configured(sandbox, '')
  sandbox.write(sandbox.home, { '.claude/settings.json': '{"model":"opus"}' })
  sandbox.commit({ ...settings({ model: 'opus', a: 1, b: 2 }), '.claude/new.json': '{"x":1,"y":1}' })
  await reconcile(sandbox)
  configured(sandbox, `'*.json': merge()`)
  sandbox.commit({ ...settings({ model: 'opus', b: 2 }), '.claude/new.json': '{"x":1}' })
  await reconcile(sandbox)
  expect([live(sandbox), sandbox.live('.claude/new.json')].map((text) => JSON.parse(text) as unknown)).toEqual([
    { model: 'opus', b: 2 },
    { x: 1 },
  ])
  expect((await sandbox.gitops(['uninstall', '--yes'])).code).toBe(0)
  expect(JSON.parse(live(sandbox))).toEqual({ model: 'opus' })
  expect(existsSync(join(sandbox.home, '.claude/new.json'))).toBe(false)
})

test('a document that leaves the source loses our keys, and goes when it was made by us and holds nothing else', async ({ sandbox }) => {
  configured(sandbox, `'*.json': merge()`)
  sandbox.commit({ '.claude/a.json': '{"a":1}', '.claude/b.json': '{"b":1}', '.claude/c.md': 'c' })
  await reconcile(sandbox)
  writeFileSync(join(sandbox.home, '.claude/b.json'), '{"b":1,"theirs":2}')
  sandbox.commit({ '.claude/a.json': null, '.claude/b.json': null })
  await reconcile(sandbox)
  expect(existsSync(join(sandbox.home, '.claude/a.json'))).toBe(false)
  expect(sandbox.live('.claude/b.json')).toBe('{"theirs":2}')
  expect(await reconcile(sandbox)).toContain('In sync')
})

test('taking a revision back takes back our keys only; what the application wrote meanwhile stays', async ({ sandbox }) => {
  configured(sandbox, `'settings.json': merge()`)
  sandbox.write(sandbox.home, { '.claude/settings.json': THEIRS })
  sandbox.commit(settings({ model: 'opus', theme: 'ours' }))
  await reconcile(sandbox)
  const now = JSON.parse(live(sandbox)) as Record<string, unknown>
  write(sandbox, JSON.stringify({ ...now, oauth: 'new', numStartups: 2 }))
  const back = await sandbox.gitops(['rollback', '--yes'])
  const ran = back.code === 2 ? await sandbox.gitops(['rollback']) : back
  expect(ran.code, ran.said).toBe(0)
  expect(JSON.parse(live(sandbox))).toEqual({ ...(JSON.parse(THEIRS) as object), oauth: 'new', numStartups: 2 })
})

test('items of ours are put into a list that an application keeps as a set; its own items and their order stay', async ({ sandbox }) => {
  configured(sandbox, `'settings.json': merge({ lists: { '/permissions/*': 'set', '/servers': { by: 'name' } } })`)
  sandbox.write(sandbox.home, {
    '.claude/settings.json':
      '{"permissions":{"allow":["Read","Edit"]},"servers":[{"name":"theirs","port":1},{"name":"both","port":2,"state":"on"}]}',
  })
  const ours = (allow: string[], port: number): Record<string, string> =>
    settings({
      permissions: { allow, deny: ['Bash'] },
      servers: [
        { name: 'both', port },
        { name: 'ours', port: 9 },
      ],
    })
  sandbox.commit(ours(['Edit', 'Write', 'Grep'], 3))
  await reconcile(sandbox)
  expect(JSON.parse(live(sandbox))).toEqual({
    permissions: { allow: ['Read', 'Edit', 'Write', 'Grep'], deny: ['Bash'] },
    servers: [
      { name: 'theirs', port: 1 },
      { name: 'both', port: 3, state: 'on' },
      { name: 'ours', port: 9 },
    ],
  })
  write(sandbox, live(sandbox).replace('"Write"', '"Write","Later"').replace('"Read",', ''))
  expect(await reconcile(sandbox)).toContain('In sync')
  sandbox.commit(ours(['Grep'], 3))
  await reconcile(sandbox)
  // An item that was there before us stays when the source drops it.
  expect(JSON.parse(live(sandbox))).toMatchObject({ permissions: { allow: ['Edit', 'Later', 'Grep'] } })
  write(sandbox, live(sandbox).replace('"Grep"', '"Other"'))
  expect(await reconcile(sandbox)).toContain('/permissions/allow/"Grep"')
  expect(JSON.parse(live(sandbox))).toMatchObject({ permissions: { allow: ['Edit', 'Later', 'Other', 'Grep'] } })
})

test('a live document that does not parse is refused with its line and column, and stays as it is', async ({ sandbox }) => {
  configured(sandbox, `'settings.json': merge()`)
  sandbox.write(sandbox.home, { '.claude/settings.json': '{\n  "a": x\n}' })
  sandbox.commit(settings({ model: 'opus' }))
  expect(await reconcile(sandbox, 5)).toContain('settings.json:2:8 is not JSON')
  expect(live(sandbox)).toBe('{\n  "a": x\n}')
})

test('declared permissions of a merged document are kept, and those of any other are its owner’s', async ({ sandbox }) => {
  configured(sandbox, `'*.json': merge()`, `, modes: { 'private.json': '0600' }`)
  sandbox.commit({ '.claude/private.json': '{"a":1}', '.claude/open.json': '{"a":1}' })
  await reconcile(sandbox)
  for (const name of ['private', 'open']) chmodSync(join(sandbox.home, `.claude/${name}.json`), 0o664)
  await reconcile(sandbox)
  const mode = (name: string): number => statSync(join(sandbox.home, `.claude/${name}.json`)).mode & 0o777
  expect([mode('private'), mode('open')]).toEqual([0o600, 0o664])
})

test('a document that is no longer to be merged is not replaced while the application has keys in it', async ({ sandbox }) => {
  configured(sandbox, `'settings.json': merge()`)
  sandbox.commit(settings({ model: 'opus' }))
  await reconcile(sandbox)
  write(sandbox, '{"model":"opus","theirs":1}')
  configured(sandbox, '')
  expect(await reconcile(sandbox, 5)).toContain('holds the key "theirs"')
})

test('YAML and TOML are merged too, with their comments, layout and numbers, by the names of their files', async ({ sandbox }) => {
  configured(sandbox, `'*.{yaml,toml,jsonc}': merge()`)
  sandbox.write(sandbox.home, {
    '.claude/app.yaml': '# theirs\nport: 0x1F   # why\nmode: off\n',
    '.claude/app.toml': '# theirs\nrate = 1_000.0 # why\n\n[window]\nwidth = 80\n',
    '.claude/app.jsonc': '{\n  // theirs\n  "tabs": 1.50,\n}\n',
  })
  sandbox.commit({
    '.claude/app.yaml': 'model: opus\n',
    '.claude/app.toml': 'model = "opus"\n[window]\nheight = 25\n',
    '.claude/app.jsonc': '{ "model": "opus" }',
  })
  await reconcile(sandbox)
  expect(sandbox.live('.claude/app.yaml')).toBe('# theirs\nport: 0x1F   # why\nmode: off\nmodel: opus\n')
  expect(sandbox.live('.claude/app.toml')).toBe('# theirs\nrate = 1_000.0 # why\nmodel = "opus"\n\n[window]\nwidth = 80\nheight = 25\n')
  expect(sandbox.live('.claude/app.jsonc')).toBe('{\n  // theirs\n  "tabs": 1.50,\n  "model": "opus",\n}\n')
  expect((await sandbox.gitops(['status', '--exit-code'])).code).toBe(0)
  writeFileSync(join(sandbox.home, '.claude/app.toml'), 'rate = = 1\n')
  expect(await reconcile(sandbox, 5)).toContain('app.toml:1:8 is not TOML')
})

test('what our keys replaced comes back as it was written, after a rollback and when we leave', async ({ sandbox }) => {
  configured(sandbox, `'*.{json,yaml,toml}': merge()`)
  const theirs = {
    '.claude/app.json': '{\n  "rate": 1.0, "name" : "\\u0061",\n  "list": [ 1,2 ]\n}\n',
    '.claude/app.yaml':
      "port: 0x1F   # why\nname: 'it''s'\nlist: # theirs\n    - one # first\n    - two\nfold: >-\n  long\n  text\nlast: 1\n",
    '.claude/app.toml': "rate = 1_000.0 # why\nname = 'a'\nlist = [\n  1, # one\n]\n\n[window]\nwidth = 0x50\n",
  }
  sandbox.write(sandbox.home, theirs)
  const files = Object.keys(theirs)
  const texts = (): Record<string, string> => Object.fromEntries(files.map((path) => [path, sandbox.live(path)]))
  const ours = (name: string): Record<string, string> => ({
    '.claude/app.json': JSON.stringify({ rate: 2, name, list: [name] }),
    '.claude/app.yaml': `port: 1\nname: ${name}\nlist: [${name}]\nfold: x\n`,
    '.claude/app.toml': `rate = 1\nname = "${name}"\nlist = []\n[window]\nwidth = 1\n`,
  })
  sandbox.commit(ours('one'))
  await reconcile(sandbox)
  expect((await sandbox.gitops(['rollback'])).code).toBe(0)
  expect(texts()).toEqual(theirs)
  sandbox.commit(ours('two'))
  await reconcile(sandbox)
  sandbox.commit(ours('three'))
  await reconcile(sandbox)
  expect(texts()['.claude/app.yaml']).toContain('three')
  expect((await sandbox.gitops(['uninstall', '--yes'])).code).toBe(0)
  expect(texts()).toEqual(theirs)
})

test('what the application writes right after us is merged again, and never rolls anything back', async ({ sandbox }) => {
  const after = (text: string): string =>
    `tasks: { after: [{ name: 'app', run: ${JSON.stringify(`printf '${text}' > ~/.claude/settings.json`)} }] },`
  const more = (text: string): void => {
    configured(sandbox, `'settings.json': merge()`)
    const config = join(sandbox.site, 'gitops.config.ts')
    writeFileSync(config, readFileSync(config, 'utf8').replace("name: 'story',", `name: 'story', ${after(text)}`))
  }
  more('{"theirs":1}')
  sandbox.commit({ ...settings({ model: 'opus' }), '.claude/CLAUDE.md': 'one\n' })
  await reconcile(sandbox)
  expect(JSON.parse(live(sandbox))).toEqual({ theirs: 1, model: 'opus' })
  more('{"theirs":')
  sandbox.commit({ ...settings({ model: 'haiku' }), '.claude/CLAUDE.md': 'two\n' })
  expect(await reconcile(sandbox)).toMatch(/settings\.json: contested; .*is not JSON/)
  expect([live(sandbox), sandbox.live('.claude/CLAUDE.md')]).toEqual(['{"theirs":', 'two\n'])
})

test('a strategy of the config merges a format of its own, and takes its keys back', async ({ sandbox }) => {
  sandbox.write(sandbox.site, {
    'gitops.config.ts': `import { defineConfig, defineMergeStrategy, merge } from 'gitops'

const lines = defineMergeStrategy({
  name: 'lines',
  read: (text) => Object.fromEntries(text.split('\\n').filter((line) => line.includes('=')).map((line) => line.split('='))),
  write: (text, edits) =>
    edits.reduce((known, { path: [key], after }) => {
      const others = known.split('\\n').filter((line) => line !== '' && !line.startsWith(key + '='))
      return [...others, ...(after === undefined ? [] : [key + '=' + after]), ''].join('\\n')
    }, text),
})

export default defineConfig({
  name: 'story',
  sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } },
  targets: { app: { from: '.claude', to: '~/.app', documents: { '*.conf': merge({ format: lines }) } } },
})
`,
  })
  sandbox.write(sandbox.home, { '.app/a.conf': '# theirs\nport=1\n' })
  sandbox.commit({ '.claude/a.conf': 'model=opus\n' })
  await reconcile(sandbox)
  expect(sandbox.live('.app/a.conf')).toBe('# theirs\nport=1\nmodel=opus\n')
  const back = await sandbox.gitops(['rollback'])
  expect(back.code, back.said).toBe(0)
  expect(sandbox.live('.app/a.conf')).toBe('# theirs\nport=1\n')
})

test('a check judges the document as it will be, and one in the source that does not parse is refused as the source’s', async ({
  sandbox,
}) => {
  configured(sandbox, `'settings.json': merge()`)
  const config = join(sandbox.site, 'gitops.config.ts')
  const checks =
    "checks: { validate: [{ name: 'whole', run: 'grep -q theirs $GITOPS_STAGE/claude/settings.json && ! grep -q bad $GITOPS_STAGE/claude/settings.json' }] },"
  writeFileSync(config, readFileSync(config, 'utf8').replace("name: 'story',", `name: 'story', ${checks}`))
  sandbox.write(sandbox.home, { '.claude/settings.json': '{"theirs":1}' })
  sandbox.commit(settings({ model: 'opus' }))
  await reconcile(sandbox)
  sandbox.commit(settings({ model: 'bad' }))
  await reconcile(sandbox, 5)
  expect(JSON.parse(live(sandbox))).toEqual({ theirs: 1, model: 'opus' })
  sandbox.commit({ '.claude/settings.json': '{"model":}' })
  expect(await reconcile(sandbox, 5)).toContain('the source cannot be merged: .claude/settings.json:1:10 is not JSON')
  // One that was cut short asks for nothing, and must not take all of our keys away.
  sandbox.commit({ '.claude/settings.json': '\n' })
  expect(await reconcile(sandbox, 5)).toContain('the source cannot be merged: .claude/settings.json is empty')
  expect(JSON.parse(live(sandbox))).toEqual({ theirs: 1, model: 'opus' })
})

test('onDrift has the last word about a document too, and status names the keys that it is about', async ({ sandbox }) => {
  const policy = (onDrift: string): void => configured(sandbox, `'settings.json': merge()`, `, onDrift: '${onDrift}'`)
  policy('keep')
  sandbox.commit(settings({ model: 'opus', env: { A: '1' } }))
  await reconcile(sandbox)
  write(sandbox, '{"model":"mine","env":{"A":"1"},"theirs":1}')
  await reconcile(sandbox)
  expect(JSON.parse(live(sandbox))).toEqual({ model: 'mine', env: { A: '1' }, theirs: 1 })
  const report = JSON.parse((await sandbox.gitops(['status', '--json'])).stdout) as { sources: { drift: unknown[] }[] }
  expect(report.sources[0]?.drift).toMatchObject([{ path: place(sandbox), kind: 'edited', answer: 'keep', keys: ['/model'] }])
  policy('refuse')
  expect(await reconcile(sandbox, 5)).toMatch(/settings\.json was edited since .*; it is about \/model/)
  expect(JSON.parse(live(sandbox))).toMatchObject({ model: 'mine' })
  expect((await sandbox.gitops(['reconcile', '--heal'])).code).toBe(0)
  expect(JSON.parse(live(sandbox))).toEqual({ model: 'opus', env: { A: '1' }, theirs: 1 })
})

test('under onDrift keep a key that somebody has changed stays, and everything else that the source asks for goes on', async ({
  sandbox,
}) => {
  configured(sandbox, `'settings.json': merge()`, `, onDrift: { 'settings.json': 'keep' }`)
  const drift = async (): Promise<unknown> =>
    (JSON.parse((await sandbox.gitops(['status', '--json'])).stdout) as { sources: { drift: unknown[] }[] }).sources[0]?.drift
  const now = (): unknown => JSON.parse(live(sandbox))
  sandbox.commit(settings({ model: 'opus', env: { A: '1', B: '1' }, gone: 1 }))
  await reconcile(sandbox)
  write(sandbox, '{"model":"mine","env":{"A":"1"},"theirs":1,"gone":1}')
  expect(await reconcile(sandbox)).toContain('/env/B, /model edited since it was applied; stays as it is')
  sandbox.commit(settings({ model: 'haiku', env: { A: '2', B: '1', C: '3' } }))
  const diff = await sandbox.gitops(['diff'])
  expect(diff.said).toMatch(/keys of ours change; \/env\/B, \/model stay as somebody has changed them/)
  expect(await reconcile(sandbox)).toContain('/model edited since it was applied; stays as it is; the source has another one by now')
  expect(now()).toEqual({ model: 'mine', env: { A: '2', C: '3' }, theirs: 1 })
  for (let round = 0; round < 2; round++) {
    expect(await drift()).toMatchObject([
      { path: place(sandbox), answer: 'keep', source: 'same', keys: ['/env/B'] },
      { path: place(sandbox), answer: 'keep', source: 'changed', keys: ['/model'] },
    ])
    expect(await reconcile(sandbox)).toContain('In sync')
  }
  // As it was when we wrote it last, though another revision has come since: then the source has the last word again.
  write(sandbox, live(sandbox).replace('mine', 'opus'))
  await reconcile(sandbox)
  expect(now()).toEqual({ model: 'haiku', env: { A: '2', C: '3' }, theirs: 1 })
  // What the source drops stays, and is no longer ours.
  sandbox.commit(settings({ model: 'haiku', env: { A: '2' } }))
  await reconcile(sandbox)
  write(sandbox, JSON.stringify({ model: 'haiku', env: { A: '2', B: '1' } }))
  expect(await reconcile(sandbox)).toContain('In sync')
  expect(await drift()).toEqual([])
  expect((await sandbox.gitops(['rollback'])).code).toBe(0)
  expect(now()).toMatchObject({ env: { A: '2', B: '1' } })
})

test('merge says key by key who has the last word, by JSON pointer, and --heal puts all of ours back', async ({ sandbox }) => {
  configured(sandbox, `'settings.json': merge({ onDrift: { '/model': 'keep', '/env/*': 'keep', '/env/B': 'refuse' } })`)
  sandbox.commit(settings({ model: 'opus', env: { A: '1', B: '1' }, theme: 'ours' }))
  await reconcile(sandbox)
  write(sandbox, JSON.stringify({ model: 'mine', env: { B: '1' }, theme: 'mine' }))
  const said = await reconcile(sandbox)
  expect(said).toContain('/theme edited since it was applied')
  expect(said).toContain('/env/A, /model edited since it was applied; stays as it is')
  expect(JSON.parse(live(sandbox))).toEqual({ model: 'mine', env: { B: '1' }, theme: 'ours' })
  write(sandbox, JSON.stringify({ model: 'mine', env: { B: '2' }, theme: 'mine' }))
  expect(await reconcile(sandbox, 5)).toMatch(/settings\.json was edited since .*; it is about \/env\/B$/m)
  expect((await sandbox.gitops(['reconcile', '--heal'])).code).toBe(0)
  expect(JSON.parse(live(sandbox))).toEqual({ model: 'opus', env: { A: '1', B: '1' }, theme: 'ours' })
  configured(sandbox, `'settings.json': merge({ onDrift: { model: 'keep' } })`)
  expect(await reconcile(sandbox, 2)).toContain("must name its keys by JSON pointers such as '/model'")
})

test('a key that a document has twice is refused with its place, in the source as on disk, and a document without keys by its format', async ({
  sandbox,
}) => {
  configured(sandbox, `'settings.json': merge(), 'a.yaml': merge()`)
  sandbox.commit({ '.claude/settings.json': '{\n  "env": { "A": 1,\n    "A": 2 }\n}\n' })
  expect(await reconcile(sandbox, 5)).toContain('.claude/settings.json:3:5 has the key "A" twice; take one of the two out')
  sandbox.commit({ ...settings({ model: 'opus' }), '.claude/a.yaml': 'a: 1\n' })
  sandbox.write(sandbox.home, { '.claude/settings.json': '{ "theirs": { "x": 1, "x": 2 } }\n', '.claude/a.yaml': '- 1\n' })
  expect(await reconcile(sandbox, 5)).toContain('cannot be merged: it is YAML without keys at its top')
  sandbox.write(sandbox.home, { '.claude/a.yaml': '' })
  await reconcile(sandbox)
  expect(live(sandbox)).toContain('"x": 1, "x": 2')
  const twice = '{\n  "model": "a",\n  "model": "opus"\n}\n'
  write(sandbox, twice)
  sandbox.commit(settings({ model: 'haiku' }))
  expect(await reconcile(sandbox, 5)).toMatch(/settings\.json:3:3 has the key "model" twice; take one of the two out/)
  expect(live(sandbox)).toBe(twice)
})

test('a source that has had a key twice since before that was refused is healed to its last value, also while the next revision is refused', async ({
  sandbox,
}) => {
  configured(sandbox, '')
  sandbox.commit({ '.claude/settings.json': '{\n  "model": "a",\n  "model": "opus"\n}\n' })
  await reconcile(sandbox)
  configured(sandbox, `'settings.json': merge()`)
  await reconcile(sandbox)
  write(sandbox, '{ "model": "mine", "theirs": 1 }\n')
  await reconcile(sandbox)
  expect(live(sandbox)).toBe('{ "model": "opus", "theirs": 1 }\n')
  write(sandbox, '{ "model": "mine", "theirs": 2 }\n')
  sandbox.commit({ '.claude/settings.json': '{ "model": "a", "model": "haiku" }' })
  expect(await reconcile(sandbox, 5)).toContain('has the key "model" twice')
  expect(live(sandbox)).toBe('{ "model": "opus", "theirs": 2 }\n')
})

test('a source that suddenly has less than half of our keys in a document is refused, until somebody says that it is meant', async ({
  sandbox,
}) => {
  configured(sandbox, `'settings.json': merge()`)
  sandbox.write(sandbox.home, { '.claude/settings.json': '{"theirs":1}' })
  const keys = (count: number): Record<string, number> =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, index]))
  sandbox.commit(settings({ env: keys(24) }))
  await reconcile(sandbox)
  sandbox.commit(settings({ env: keys(12) }))
  await reconcile(sandbox)
  sandbox.commit(settings({ env: keys(1) }))
  expect(await reconcile(sandbox, 5)).toMatch(
    /settings\.json: most of it is gone from the source, and 11 of our 12 keys in it would be taken out/,
  )
  expect(JSON.parse(live(sandbox))).toEqual({ theirs: 1, env: keys(12) })
  expect((await sandbox.gitops(['reconcile', '--allow-shrink'])).code).toBe(0)
  expect(JSON.parse(live(sandbox))).toEqual({ theirs: 1, env: keys(1) })
})

/** A strategy of a config, for files that end in `.conf`: a key a line. */
const strategy = (
  sandbox: Sandbox,
  write: string,
  merged = true,
): string => `import { defineConfig, defineMergeStrategy, merge } from 'gitops'
const read = (text) => Object.fromEntries(text.split('\\n').filter((line) => line.includes('=')).map((line) => line.split('=')))
const setting = (text, { path: [key], after }) => [...text.split('\\n').filter((line) => line !== '' && !line.startsWith(key + '=')), ...(after === undefined ? [] : [key + '=' + after]), ''].join('\\n')
const lines = defineMergeStrategy({ name: 'lines', read, write: ${write} })
export default defineConfig({
  name: 'story',
  sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' }, other: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'other' } },
  targets: {
    ${merged ? "app: { source: 'team', from: 'app', to: '~/.app', documents: { '*.conf': merge({ format: lines }) } }," : ''}
    other: { source: 'other', from: 'other', to: '~/.other' },
  },
})
`
const SETS = '(text, edits) => edits.reduce(setting, text)'

test('a strategy that writes something else than it was asked to costs nothing: the document keeps its bytes, and is named', async ({
  sandbox,
}) => {
  const theirs = '# theirs\nport=1\nhost=a\n'
  sandbox.write(sandbox.home, { '.app/a.conf': theirs })
  sandbox.commit({ 'app/a.conf': 'model=opus\n', 'other/a': '1' })
  sandbox.git(sandbox.remote, 'branch', 'other', 'main')
  const bad = {
    'drops a key of theirs': "(text, edits) => edits.reduce(setting, text).replace('port=1\\n', '')",
    'changes a value of theirs': "(text, edits) => edits.reduce(setting, text).replace('port=1', 'port=2')",
    'does not set ours': '(text) => text',
    'sets another': "(text, edits) => edits.reduce(setting, text) + 'more=1\\n'",
    throws: "() => { throw new Error('no idea') }",
  }
  for (const [what, write] of Object.entries(bad)) {
    sandbox.write(sandbox.site, { 'gitops.config.ts': strategy(sandbox, write) })
    const ran = await sandbox.gitops(['reconcile'])
    expect(ran.code, what).not.toBe(0)
    expect(ran.said, what).toContain('.app/a.conf')
    expect(sandbox.live('.app/a.conf'), what).toBe(theirs)
    expect(sandbox.live('.other/a'), what).toBe('1')
  }
  sandbox.write(sandbox.site, { 'gitops.config.ts': strategy(sandbox, SETS) })
  await reconcile(sandbox)
  expect(sandbox.live('.app/a.conf')).toBe(`${theirs}model=opus\n`)
})

test('a strategy that leaves the config with its documents is missed by their source alone, until it is there again', async ({
  sandbox,
}) => {
  sandbox.write(sandbox.home, { '.app/a.conf': '# theirs\nport=1\n' })
  sandbox.commit({ 'app/a.conf': 'model=opus\n', 'other/a': '1' })
  sandbox.git(sandbox.remote, 'branch', 'other', 'main')
  sandbox.write(sandbox.site, { 'gitops.config.ts': strategy(sandbox, SETS) })
  await reconcile(sandbox)
  sandbox.write(sandbox.site, { 'gitops.config.ts': strategy(sandbox, SETS, false) })
  writeFileSync(join(sandbox.home, '.other/a'), 'edited')
  const said = await reconcile(sandbox, 4)
  expect(said).toMatch(/a\.conf was merged by a strategy "lines", which the config does not have any more/)
  expect(sandbox.live('.other/a')).toBe('1')
  const back = await sandbox.gitops(['rollback', '--source', 'team'])
  expect(back.said).toContain('"lines"')
  expect(sandbox.live('.app/a.conf')).toContain('model=opus')
  writeFileSync(join(sandbox.home, '.other/a'), 'edited again')
  await reconcile(sandbox, 4)
  expect(sandbox.live('.other/a')).toBe('1')
  sandbox.write(sandbox.site, { 'gitops.config.ts': strategy(sandbox, SETS) })
  await reconcile(sandbox)
  expect((await sandbox.gitops(['rollback', '--source', 'team'])).code).toBe(0)
  expect(sandbox.live('.app/a.conf')).not.toContain('model=opus')
})
