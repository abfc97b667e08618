import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { CLI, test, type Ran, type Sandbox } from '../support/sandbox.ts'

const text = (version: string): Record<string, string> => ({ '.claude/settings.json': `{"version":"${version}"}\n` })

/** The config with another repository or ref; a null ref leaves it to the remote's HEAD. */
function configure(sandbox: Sandbox, ref: string | null, repo = sandbox.remote, more = ''): void {
  const source = `{ repo: ${JSON.stringify(repo)}, ${ref === null ? '' : `ref: ${JSON.stringify(ref)},`} ${more} }`
  sandbox.config(`{ name: 'story', sources: { team: ${source} }, targets: { claude: { from: '.claude', to: '~/.claude' } } }`)
}

const version = (sandbox: Sandbox): string => (JSON.parse(sandbox.live('.claude/settings.json')) as { version: string }).version

/** Reconciles; the files are of that version afterwards. */
async function brings(sandbox: Sandbox, wanted: string, env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const ran = await sandbox.gitops(['reconcile'], { env })
  expect(ran.said).toMatch(/^(Applied|In sync): team/m)
  expect(ran.code).toBe(0)
  expect(version(sandbox)).toBe(wanted)
  return ran
}

/** An `ssh` that runs the command on this machine: the real Git protocol, without a network. */
function ssh(sandbox: Sandbox): string {
  const path = join(sandbox.root, 'ssh')
  writeFileSync(path, '#!/bin/sh\nfor last; do :; done\necho "$@" >> "$(dirname "$0")/ssh.log"\nexec sh -c "$last"\n')
  chmodSync(path, 0o755)
  return path
}

const clone = (sandbox: Sandbox): string => {
  const all = join(sandbox.state, 'sources')
  return join(all, readdirSync(all).find((name) => name.endsWith('.git')) ?? 'none')
}

/** Puts a commit with this one tree below `.claude` into the remote, by plumbing, so that no work tree has a say. */
function plumb(sandbox: Sandbox, entries: string): string {
  const mktree = (input: string): string =>
    execFileSync('git', ['mktree', '--missing'], { cwd: sandbox.remote, env: sandbox.env, input, encoding: 'utf8' }).trim()
  const commit = sandbox.git(sandbox.remote, 'commit-tree', '-m', 'plumbed', mktree(`040000 tree ${mktree(entries)}\t.claude\n`))
  sandbox.git(sandbox.remote, 'update-ref', 'refs/heads/main', commit)
  return commit
}

const blob = (sandbox: Sandbox, content: string): string =>
  execFileSync('git', ['hash-object', '-w', '--stdin'], { cwd: sandbox.remote, env: sandbox.env, input: content, encoding: 'utf8' }).trim()

describe('a source is followed', () => {
  for (const [way, repo] of [
    ['a local path', (sandbox: Sandbox) => sandbox.remote],
    ['an ssh address', (sandbox: Sandbox) => `git@host:${sandbox.remote}`],
    ['an ssh URL', (sandbox: Sandbox) => `ssh://git@host${sandbox.remote}`],
    ['a file URL', (sandbox: Sandbox) => `file://${sandbox.remote}`],
  ] as const) {
    test(`by branch, tag, commit and HEAD, over ${way}`, async ({ sandbox }) => {
      const env = { GIT_SSH_COMMAND: ssh(sandbox) }
      const one = sandbox.commit(text('one'))
      sandbox.git(sandbox.work, 'tag', 'light')
      sandbox.commit(text('two'))
      sandbox.git(sandbox.work, 'tag', '-a', 'release/v2', '-m', 'annotated')
      sandbox.git(sandbox.work, 'push', '--quiet', '--tags', 'origin')
      sandbox.commit(text('three'))
      sandbox.git(sandbox.work, 'switch', '--quiet', '-c', 'feature/x')
      sandbox.commit(text('four'))
      sandbox.git(sandbox.remote, 'symbolic-ref', 'HEAD', 'refs/heads/feature/x')

      configure(sandbox, 'main', repo(sandbox))
      await brings(sandbox, 'three', env)
      configure(sandbox, 'light', repo(sandbox))
      await brings(sandbox, 'one', env)
      configure(sandbox, 'release/v2', repo(sandbox))
      await brings(sandbox, 'two', env)
      configure(sandbox, 'refs/tags/release/v2', repo(sandbox))
      await brings(sandbox, 'two', env)
      configure(sandbox, null, repo(sandbox))
      await brings(sandbox, 'four', env)
      configure(sandbox, one, repo(sandbox))
      await brings(sandbox, 'one', env)
    })
  }

  test('by a branch and a tag of one name: the branch', async ({ sandbox }) => {
    sandbox.commit(text('tagged'))
    sandbox.git(sandbox.work, 'tag', 'main')
    sandbox.git(sandbox.work, 'push', '--quiet', 'origin', 'refs/tags/main')
    sandbox.write(sandbox.work, text('branch'))
    sandbox.git(sandbox.work, 'commit', '--quiet', '-am', 'branch')
    sandbox.git(sandbox.work, 'push', '--quiet', 'origin', 'refs/heads/main')
    configure(sandbox, 'main')
    await brings(sandbox, 'branch')
  })

  test('by a tag that somebody moves', async ({ sandbox }) => {
    sandbox.commit(text('one'))
    sandbox.git(sandbox.work, 'tag', 'stable')
    sandbox.git(sandbox.work, 'push', '--quiet', 'origin', 'stable')
    configure(sandbox, 'stable')
    await brings(sandbox, 'one')
    sandbox.commit(text('two'))
    await brings(sandbox, 'one')
    sandbox.git(sandbox.work, 'tag', '-f', '-a', '-m', 'moved', 'stable')
    sandbox.git(sandbox.work, 'push', '--quiet', '--force', 'origin', 'stable')
    await brings(sandbox, 'two')
  })

  test('by a commit that no branch reaches any more, and without asking the remote again', async ({ sandbox }) => {
    const lost = sandbox.commit(text('lost'))
    sandbox.git(sandbox.work, 'commit', '--quiet', '--amend', '-m', 'amended', '--allow-empty')
    sandbox.commit(text('kept'))
    configure(sandbox, lost)
    await brings(sandbox, 'lost')
    // A repository that answers nothing: what is here already is not asked for.
    renameSync(sandbox.remote, `${sandbox.remote}.away`)
    sandbox.write(sandbox.remote, { empty: '' })
    sandbox.write(sandbox.home, text('drift'))
    await brings(sandbox, 'lost')
  })

  test('of the SHA-256 object format', async ({ sandbox }) => {
    const remote = join(sandbox.root, 'sha256')
    sandbox.git(sandbox.root, 'init', '--quiet', '--object-format=sha256', '--initial-branch=main', remote)
    sandbox.write(remote, text('sha256'))
    sandbox.git(remote, 'add', '--all')
    sandbox.git(remote, 'commit', '--quiet', '-m', 'first')
    configure(sandbox, 'main', remote)
    await brings(sandbox, 'sha256')
    configure(sandbox, sandbox.git(remote, 'rev-parse', 'HEAD'), remote)
    await brings(sandbox, 'sha256')
  })

  test('in a local clone: what is committed there counts, not what lies in its work tree', async ({ sandbox }) => {
    sandbox.commit(text('committed'))
    sandbox.write(sandbox.work, { ...text('dirty'), '.claude/untracked.md': 'x' })
    configure(sandbox, 'main', '../work')
    await brings(sandbox, 'committed')
    expect(existsSync(join(sandbox.home, '.claude/untracked.md'))).toBe(false)
    sandbox.git(sandbox.work, 'commit', '--quiet', '-am', 'not pushed')
    await brings(sandbox, 'dirty')
    sandbox.git(sandbox.work, 'switch', '--quiet', '-c', 'other')
    sandbox.write(sandbox.work, text('other'))
    sandbox.git(sandbox.work, 'commit', '--quiet', '-am', 'other')
    await brings(sandbox, 'dirty')
    configure(sandbox, null, '../work')
    await brings(sandbox, 'other')
  })

  test('below ~, and with a name full of blanks and signs', async ({ sandbox }) => {
    sandbox.commit(text('one'))
    sandbox.git(sandbox.root, 'clone', '--quiet', '--bare', sandbox.remote, join(sandbox.home, "my team's [repo] #1 ü.git"))
    configure(sandbox, 'main', "~/my team's [repo] #1 ü.git")
    await brings(sandbox, 'one')
  })

  test('over a rewritten history, and it is said', async ({ sandbox }) => {
    sandbox.commit(text('base'))
    sandbox.commit(text('wrong'))
    configure(sandbox, 'main')
    await brings(sandbox, 'wrong')
    sandbox.git(sandbox.work, 'reset', '--quiet', '--hard', 'HEAD~1')
    sandbox.commit(text('right'))
    const { said } = await brings(sandbox, 'right')
    expect(said).toContain('history of main was rewritten')
    expect((await brings(sandbox, 'right')).said).not.toContain('rewritten')
  })
})

describe('a source that is not there now', () => {
  test('a branch that is deleted leaves everything as it is, and is followed again when it returns', async ({ sandbox }) => {
    sandbox.commit(text('one'))
    sandbox.git(sandbox.work, 'switch', '--quiet', '-c', 'passing')
    sandbox.commit(text('passing'))
    configure(sandbox, 'passing')
    await brings(sandbox, 'passing')
    sandbox.git(sandbox.remote, 'update-ref', '-d', 'refs/heads/passing')
    const gone = await sandbox.gitops(['reconcile'])
    expect(gone.code).toBe(1)
    expect(gone.said).toContain('there is no branch, tag or commit "passing"')
    expect(version(sandbox)).toBe('passing')
    // A branch below its name can come, which no clone that kept the old name could hold.
    sandbox.git(sandbox.work, 'push', '--quiet', 'origin', 'HEAD:refs/heads/passing/by')
    configure(sandbox, 'passing/by')
    await brings(sandbox, 'passing')
  })

  test('a remote that is gone leaves everything as it is, and is followed again when it returns', async ({ sandbox }) => {
    sandbox.commit(text('one'))
    configure(sandbox, 'main')
    await brings(sandbox, 'one')
    const before = sandbox.tree(join(sandbox.home, '.claude'))
    renameSync(sandbox.remote, `${sandbox.remote}.away`)
    const gone = await sandbox.gitops(['reconcile', '--json'])
    expect(gone.code).toBe(1)
    expect(JSON.parse(gone.stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({ outcome: 'failed', reason: 'FetchFailed', exitCode: 1 })
    expect(sandbox.tree(join(sandbox.home, '.claude'))).toEqual(before)
    renameSync(`${sandbox.remote}.away`, sandbox.remote)
    sandbox.commit(text('two'))
    await brings(sandbox, 'two')
  })

  test('a server that accepts and never answers is given up at the deadline', async ({ sandbox }) => {
    const server = createServer(() => {}).listen(0, '127.0.0.1')
    try {
      await new Promise((done) => server.once('listening', done))
      const { port } = server.address() as AddressInfo
      for (const scheme of ['git', 'http']) {
        configure(sandbox, 'main', `${scheme}://127.0.0.1:${port}/x.git`, "timeout: '1s'")
        const started = Date.now()
        const { code, said } = await sandbox.gitops(['reconcile'])
        expect(Date.now() - started).toBeLessThan(10_000)
        expect(code).toBe(1)
        expect(said).toContain('team')
        expect(said).toContain('did not end within 1 s')
      }
      expect(existsSync(join(sandbox.home, '.claude'))).toBe(false)
    } finally {
      server.close()
    }
  })

  test('one source that fails does not keep another one from being applied', async ({ sandbox }) => {
    sandbox.commit(text('one'))
    sandbox.config(`{
      name: 'story',
      sources: { gone: { repo: '/nowhere/at/all' }, team: { repo: ${JSON.stringify(sandbox.remote)} } },
      targets: { gone: { source: 'gone', from: '.', to: '~/gone' }, claude: { source: 'team', from: '.claude', to: '~/.claude' } },
    }`)
    const { code, said } = await sandbox.gitops(['reconcile'])
    expect(code).toBe(1)
    expect(said).toContain('Failed: gone')
    expect(said).toContain('Applied: team')
    expect(version(sandbox)).toBe('one')
  })
})

describe('the private clone is only a cache', () => {
  const harms: Readonly<Record<string, (gitDir: string) => void>> = {
    'lost its HEAD': (gitDir) => rmSync(join(gitDir, 'HEAD')),
    'has nonsense for a HEAD': (gitDir) => writeFileSync(join(gitDir, 'HEAD'), 'nonsense\n'),
    'has an empty HEAD': (gitDir) => truncateSync(join(gitDir, 'HEAD')),
    'has nonsense for a configuration': (gitDir) => writeFileSync(join(gitDir, 'config'), '[[[\n'),
    'lost its objects': (gitDir) => rmSync(join(gitDir, 'objects'), { recursive: true }),
    'lost all that is in objects': (gitDir) => {
      rmSync(join(gitDir, 'objects'), { recursive: true })
      execFileSync('mkdir', ['-p', join(gitDir, 'objects')])
    },
    'lost its refs': (gitDir) => rmSync(join(gitDir, 'refs'), { recursive: true }),
    'has an empty ref': (gitDir) => {
      for (const name of readdirSync(join(gitDir, 'refs/gitops'))) truncateSync(join(gitDir, 'refs/gitops', name))
    },
    'has a ref to a commit that is not there': (gitDir) => {
      for (const name of readdirSync(join(gitDir, 'refs/gitops'))) writeFileSync(join(gitDir, 'refs/gitops', name), `${'1'.repeat(40)}\n`)
    },
    'has cut-off objects': (gitDir) => each(join(gitDir, 'objects'), (path) => truncateSync(path, 5)),
    'has empty objects': (gitDir) => each(join(gitDir, 'objects'), (path) => truncateSync(path)),
    'is a file': (gitDir) => {
      rmSync(gitDir, { recursive: true })
      writeFileSync(gitDir, 'x')
    },
    'is an empty directory': (gitDir) => {
      rmSync(gitDir, { recursive: true })
      execFileSync('mkdir', [gitDir])
    },
  }
  for (const [what, harm] of Object.entries(harms)) {
    test(`a clone that ${what} is made anew`, async ({ sandbox }) => {
      sandbox.commit(text('one'))
      configure(sandbox, 'main')
      await brings(sandbox, 'one')
      harm(clone(sandbox))
      await brings(sandbox, 'one')
      harm(clone(sandbox))
      sandbox.commit(text('two'))
      await brings(sandbox, 'two')
      harm(clone(sandbox))
      sandbox.write(sandbox.home, text('drift'))
      await brings(sandbox, 'two')
    })
  }

  test('a clone that lost one file of the revision is mended by the next run at the latest', async ({ sandbox }) => {
    sandbox.commit(text('one'))
    configure(sandbox, 'main')
    await brings(sandbox, 'one')
    sandbox.commit(text('two'))
    await sandbox.gitops(['status', '--fetch'])
    const lost = sandbox.git(sandbox.work, 'rev-parse', 'HEAD:.claude/settings.json')
    const packs = join(clone(sandbox), 'objects/pack')
    renameSync(packs, join(sandbox.root, 'packs'))
    for (const name of readdirSync(join(sandbox.root, 'packs')).filter((each) => each.endsWith('.pack')))
      execFileSync('git', ['unpack-objects', '-q'], { cwd: clone(sandbox), input: readFileSync(join(sandbox.root, 'packs', name)) })
    rmSync(join(clone(sandbox), 'objects', lost.slice(0, 2), lost.slice(2)))
    const first = await sandbox.gitops(['reconcile'])
    if (first.code !== 0) {
      expect(first.code).toBe(1)
      expect(version(sandbox)).toBe('one')
    }
    await brings(sandbox, 'two')
  })

  test('lock files that a killed Git left behind do not stop anything', async ({ sandbox }) => {
    sandbox.commit(text('one'))
    configure(sandbox, 'main')
    await brings(sandbox, 'one')
    const gitDir = clone(sandbox)
    const stale = ['HEAD.lock', 'config.lock', 'packed-refs.lock', 'shallow.lock', 'gc.pid.lock', 'objects/info/commit-graph.lock']
    const refs = readdirSync(join(gitDir, 'refs/gitops')).map((name) => `refs/gitops/${name}.lock`)
    for (const name of [...stale, ...refs, 'refs/gitops/applied.lock']) sandbox.write(gitDir, { [name]: '' })
    sandbox.commit(text('two'))
    await brings(sandbox, 'two')
    expect(Object.keys(sandbox.tree(gitDir)).filter((path) => path.endsWith('.lock'))).toEqual([])
  })

  test('it is readable by nobody else', async ({ sandbox }) => {
    sandbox.commit(text('one'))
    configure(sandbox, 'main')
    await brings(sandbox, 'one')
    for (const path of [sandbox.state, join(sandbox.state, 'sources')]) expect(statSync(path).mode & 0o077).toBe(0)
  })
})

describe('a source that means harm', () => {
  test('neither hooks nor fsmonitor nor a configured command of a local source is run', async ({ sandbox }) => {
    sandbox.commit(text('one'))
    const witness = join(sandbox.root, 'witness')
    const trap = `#!/bin/sh\ntouch '${witness}'\n`
    const hooks = [
      'post-checkout',
      'post-merge',
      'pre-auto-gc',
      'reference-transaction',
      'post-index-change',
      'pre-push',
      'update',
      'fsmonitor-watchman',
    ]
    for (const name of hooks) sandbox.write(sandbox.work, { [`.git/hooks/${name}`]: { text: trap, mode: 0o755 } })
    sandbox.write(sandbox.root, { trap: { text: trap, mode: 0o755 } })
    const command = join(sandbox.root, 'trap')
    for (const key of [
      'core.fsmonitor',
      'core.sshCommand',
      'core.pager',
      'diff.external',
      'core.alternateRefsCommand',
      'uploadpack.packObjectsHook',
      'core.gitProxy',
      'credential.helper',
    ])
      sandbox.git(sandbox.work, 'config', key, command)
    sandbox.write(sandbox.work, { '.gitattributes': '* filter=trap diff=trap\n', '.git/info/attributes': '* filter=trap\n' })
    for (const key of ['filter.trap.smudge', 'filter.trap.clean', 'filter.trap.process', 'diff.trap.textconv', 'diff.trap.command'])
      sandbox.git(sandbox.work, 'config', key, command)
    rmSync(witness, { force: true })
    configure(sandbox, 'main', sandbox.work)
    await brings(sandbox, 'one')
    sandbox.write(sandbox.home, text('drift'))
    await brings(sandbox, 'one')
    await sandbox.gitops(['status', '--fetch'])
    await sandbox.gitops(['diff'])
    expect(existsSync(witness)).toBe(false)
  })

  /** The revision is refused by name with exit 5, nothing is written, and the next good one is applied. */
  async function refuses(sandbox: Sandbox, ...says: string[]): Promise<void> {
    configure(sandbox, 'main')
    const { code, said } = await sandbox.gitops(['reconcile'])
    for (const words of says) expect(said).toContain(words)
    expect(code).toBe(5)
    expect(existsSync(join(sandbox.home, '.claude'))).toBe(false)
    sandbox.git(sandbox.work, 'checkout', '--quiet', '--orphan', 'good')
    sandbox.git(sandbox.work, 'rm', '--quiet', '-rf', '--cached', '.')
    rmSync(join(sandbox.work, '.claude'), { recursive: true, force: true })
    sandbox.write(sandbox.work, text('good'))
    sandbox.git(sandbox.work, 'add', '.claude')
    sandbox.git(sandbox.work, 'commit', '--quiet', '-m', 'good')
    sandbox.git(sandbox.work, 'push', '--quiet', '--force', 'origin', 'HEAD:main')
    await brings(sandbox, 'good')
  }

  test('a submodule is refused', async ({ sandbox }) => {
    const commit = sandbox.commit(text('one'))
    sandbox.git(sandbox.work, 'update-index', '--add', '--cacheinfo', `160000,${commit},.claude/plugins/sub`)
    sandbox.git(sandbox.work, 'commit', '--quiet', '-m', 'submodule')
    sandbox.git(sandbox.work, 'push', '--quiet', 'origin', 'main')
    await refuses(sandbox, '"plugins/sub" is a submodule')
  })

  test('a Git LFS pointer is refused', async ({ sandbox }) => {
    sandbox.commit({
      ...text('one'),
      '.claude/big.bin': `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 12345\n`,
    })
    await refuses(sandbox, '"big.bin" is a Git LFS pointer')
  })

  for (const [what, links, named] of [
    ['to an absolute path', { out: '/etc/passwd' }, '"out" -> "/etc/passwd"'],
    ['upward out of the tree', { 'a/out': '../../x' }, '"a/out" -> "../../x"'],
    ['through another link', { 'a/b/deep': '../..', hop: 'a/b/deep/..' }, '"hop" -> "a/b/deep/.."'],
    ['in a circle', { one: 'two', two: 'one' }, 'goes round in a circle'],
  ] as const) {
    test(`a link ${what} is refused`, async ({ sandbox }) => {
      sandbox.commit({ ...text('one'), ...Object.fromEntries(Object.entries(links).map(([path, link]) => [`.claude/${path}`, { link }])) })
      await refuses(sandbox, named)
    })
  }

  for (const name of ['.git', '.GIT', '.Git', 'git~1', '.g\u200cit', '..', '.']) {
    test(`a file named ${JSON.stringify(name)} is refused, by Git's own check and by ours`, async ({ sandbox }) => {
      sandbox.commit(text('one'))
      plumb(sandbox, `100644 blob ${blob(sandbox, 'x')}\t${name}\n`)
      configure(sandbox, 'main')
      const strict = await sandbox.gitops(['reconcile'])
      expect(strict.code).toBe(5)
      expect(strict.said).toMatch(/hasDot|dot/i)
      configure(sandbox, 'main', sandbox.remote, 'fsck: false')
      const lax = await sandbox.gitops(['reconcile'])
      expect(lax.code).toBe(5)
      expect(lax.said).toContain('the path')
      expect(existsSync(join(sandbox.home, '.claude'))).toBe(false)
    })
  }

  test('a name with a slash in it, or that is not UTF-8, is refused', async ({ sandbox }) => {
    sandbox.commit(text('one'))
    const id = blob(sandbox, 'x')
    const tree = execFileSync('git', ['mktree', '-z'], {
      cwd: sandbox.remote,
      env: sandbox.env,
      input: Buffer.concat([Buffer.from(`100644 blob ${id}\tcaf`), Buffer.from([0xe9, 0])]),
      encoding: 'utf8',
    }).trim()
    const top = execFileSync('git', ['mktree'], {
      cwd: sandbox.remote,
      env: sandbox.env,
      input: `040000 tree ${tree}\t.claude\n`,
      encoding: 'utf8',
    }).trim()
    sandbox.git(sandbox.remote, 'update-ref', 'refs/heads/main', sandbox.git(sandbox.remote, 'commit-tree', '-m', 'x', top))
    configure(sandbox, 'main')
    const { code, said } = await sandbox.gitops(['reconcile'])
    expect(said).toContain('is not UTF-8')
    expect(code).toBe(5)
  })
})

describe('the user is who reaches a source', () => {
  test('insteadOf, sshCommand and included files of the user are honoured, from either place that Git knows', async ({ sandbox }) => {
    sandbox.commit(text('one'))
    configure(sandbox, 'main', 'team:config.git')
    sandbox.write(sandbox.home, {
      '.gitconfig': '[include]\n\tpath = .git-team\n',
      '.git-team': `[url "ssh://git@host${sandbox.root}/remote.git?"]\n\tinsteadOf = nothing:\n[core]\n\tsshCommand = ${ssh(sandbox)}\n`,
      '.config/git/config': `[url "ssh://git@host${sandbox.root}/"]\n\tinsteadOf = team:\n`,
    })
    renameSync(sandbox.remote, join(sandbox.root, 'config.git'))
    await brings(sandbox, 'one')
    expect(readFileSync(join(sandbox.root, 'ssh.log'), 'utf8')).toContain('git@host')
  })

  test('a repository of another owner is read, as the config names it', async ({ sandbox, skip }) => {
    skip(process.getuid?.() !== 0, 'only root can give a repository to another user')
    sandbox.commit(text('one'))
    sandbox.write(sandbox.home, { '.gitconfig': '[user]\n\tname = Somebody\n' })
    for (const directory of [sandbox.remote, sandbox.work]) {
      execFileSync('chown', ['-R', '12345:12345', directory])
      configure(sandbox, 'main', directory)
      await brings(sandbox, 'one')
    }
    const link = join(sandbox.root, 'link')
    symlinkSync(sandbox.remote, link)
    configure(sandbox, 'main', link)
    await brings(sandbox, 'one')
    expect(readFileSync(join(sandbox.home, '.gitconfig'), 'utf8')).not.toContain('safe')
  })

  test('no prompt is ever waited for', async ({ sandbox }) => {
    const server = createServer((socket) =>
      socket.once('data', () =>
        socket.end('HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'),
      ),
    ).listen(0, '127.0.0.1')
    try {
      await new Promise((done) => server.once('listening', done))
      configure(sandbox, 'main', `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.git`)
      const started = Date.now()
      const { code, said } = await sandbox.gitops(['reconcile'])
      expect(Date.now() - started).toBeLessThan(10_000)
      expect(code).toBe(1)
      expect(said).toContain('could not be fetched')
    } finally {
      server.close()
    }
  })

  test.skipIf(process.platform !== 'linux')(
    'a token that is the user name of a URL opens the source, and stands in no process’s arguments',
    async ({ sandbox }) => {
      sandbox.commit(text('one'))
      sandbox.git(sandbox.remote, 'update-server-info')
      const commands = new Set<string>()
      const server = createHttpServer((request, response) => {
        for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
          const command = existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : ''
          if (command.includes(`127.0.0.1:${port()}`)) commands.add(command)
        }
        const name = Buffer.from((request.headers.authorization ?? '').slice('Basic '.length), 'base64').toString()
        const file = join(sandbox.remote, new URL(request.url ?? '', 'http://x').pathname.replace('/x.git/', ''))
        if (name !== 'token/of-mine:') response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
        else if (existsSync(file)) response.end(readFileSync(file))
        else response.writeHead(404).end()
      }).listen(0, '127.0.0.1')
      const port = (): number => (server.address() as AddressInfo).port
      try {
        await new Promise((done) => server.once('listening', done))
        configure(sandbox, 'main', `http://token%2Fof-mine:@127.0.0.1:${port()}/x.git`)
        const { said } = await brings(sandbox, 'one')
        expect([...commands].join(' ')).toContain('remote-http')
        expect([...commands, said].join(' ')).not.toContain('of-mine')
      } finally {
        server.close()
      }
    },
  )

  test('a run inside a hook of some other repository is not confused by what Git sets for hooks', async ({ sandbox }) => {
    sandbox.commit(text('one'))
    configure(sandbox, 'main')
    const other = join(sandbox.root, 'other')
    const log = join(sandbox.root, 'hook.log')
    const hook = `#!/bin/sh\ncd '${sandbox.site}' && '${process.execPath}' '${CLI}' reconcile > '${log}' 2>&1\n`
    sandbox.git(sandbox.root, 'init', '--quiet', '--initial-branch=main', other)
    sandbox.write(other, { file: '1', '.git/hooks/pre-commit': { text: hook, mode: 0o755 } })
    sandbox.git(other, 'add', 'file')
    sandbox.git(other, '-c', 'core.abbrev=9', 'commit', '--quiet', '-m', 'one')
    expect(readFileSync(log, 'utf8')).toContain('Applied: team')
    expect(version(sandbox)).toBe('one')
    expect(sandbox.git(other, 'status', '--porcelain')).toBe('')

    // A receiving repository keeps what comes in a quarantine, where no ref may be written.
    sandbox.commit(text('two'))
    sandbox.git(sandbox.root, 'init', '--quiet', '--bare', 'receiver.git')
    sandbox.write(join(sandbox.root, 'receiver.git'), { 'hooks/pre-receive': { text: hook, mode: 0o755 } })
    sandbox.git(other, 'push', '--quiet', join(sandbox.root, 'receiver.git'), 'main')
    expect(readFileSync(log, 'utf8')).toContain('Applied: team')
    expect(version(sandbox)).toBe('two')
  })

  test('no GIT_ variable makes it look at another repository or at another format', async ({ sandbox }) => {
    sandbox.commit(text('one'))
    configure(sandbox, 'main')
    await brings(sandbox, 'one', {
      GIT_DIR: '/nowhere',
      GIT_WORK_TREE: '/nowhere',
      GIT_INDEX_FILE: '/nowhere/index',
      GIT_OBJECT_DIRECTORY: '/nowhere/objects',
      GIT_COMMON_DIR: '/nowhere',
      GIT_NAMESPACE: 'elsewhere',
      GIT_QUARANTINE_PATH: '/nowhere',
      GIT_DEFAULT_HASH: 'sha256',
      GIT_LITERAL_PATHSPECS: '1',
      GIT_CEILING_DIRECTORIES: '/',
      GIT_SHALLOW_FILE: '/nowhere/shallow',
      GIT_EXTERNAL_DIFF: '/nowhere/diff',
      GIT_PAGER: '/nowhere/pager',
      GIT_EDITOR: '/nowhere/editor',
    })
  })
})

function each(directory: string, harm: (path: string) => void): void {
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isFile()) continue
    chmodSync(path, 0o600)
    harm(path)
  }
}

test('what lies in the state is readable by its owner alone, the clones of sources too, whatever the umask', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a.md': 'a' })
  sandbox.config()
  const before = process.umask(0o022)
  try {
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
    sandbox.commit({ '.claude/a.md': 'b' })
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  } finally {
    process.umask(before)
  }
  const open = execFileSync('find', [sandbox.state, '-perm', '/077', '-not', '-type', 'l'], { encoding: 'utf8' })
  expect(open).toBe('')
  expect(execFileSync('find', [sandbox.state, '-path', '*/objects/*', '-type', 'f'], { encoding: 'utf8' })).not.toBe('')
})
