import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lacking, type AgeIdentity, type KeySource } from '../secrets/age.ts'
import { readIdentityFile } from '../secrets/identity-file.ts'
import { askNobody, once, type Ask } from '../secrets/passphrase.ts'
import { Secret } from '../secrets/secret.ts'
import type { Machine } from './machine.ts'

/** For so many recipients a command is run at most. */
const MOST_RUNS = 100

/** What is known of the place, and whether anybody may be asked for a passphrase; nobody unless it is said. */
type Surroundings = Pick<Machine, 'env' | 'platform' | 'home'>

interface Looking {
  readonly env: Surroundings['env']
  readonly ask: Ask
}

type Parse = (bytes: Buffer, origin: string, looking: Looking) => Promise<readonly AgeIdentity[]>

/**
 * Every age identity of this machine: where sops looks, and in `files`. SSH keys are read, commands run and passphrases asked
 * only when a file needs them. A place without a key, or with one that cannot be used, is in the list too, so that the
 * sentence about a file that does not open can name it; nothing is thrown here.
 */
export async function findIdentities(
  { env, platform, home }: Surroundings,
  options: { readonly files?: readonly string[]; readonly ask?: Ask } = {},
): Promise<readonly AgeIdentity[]> {
  const looking = { env, ask: options.ask ?? askNobody }
  const named = async (name: string, found: (value: string) => Promise<readonly AgeIdentity[]>): Promise<readonly AgeIdentity[]> => {
    const value = env[name]
    return value === undefined || value === '' ? [lacking(name)] : found(value)
  }
  const all = [
    named('SOPS_AGE_KEY', (text) => readIdentityFile(Buffer.from(text), 'SOPS_AGE_KEY', { ...looking, separator: 'space' })),
    named('SOPS_AGE_KEY_FILE', (path) => fromFile(path, `SOPS_AGE_KEY_FILE (${path})`, 'named', ageKeys, looking)),
    ...[...(options.files ?? []), ...defaultFiles(env, platform, home)].map((path) => fromFile(path, path, 'usual', ageKeys, looking)),
    named('SOPS_AGE_SSH_PRIVATE_KEY_FILE', (path) => sshFile(path, `SOPS_AGE_SSH_PRIVATE_KEY_FILE (${path})`, 'named', looking)),
    ...['id_ed25519', 'id_rsa'].map((name) => join(home, '.ssh', name)).map((path) => sshFile(path, path, 'usual', looking)),
    named('SOPS_AGE_KEY_CMD', () => fromCommand('SOPS_AGE_KEY_CMD', ageKeys, looking)),
    named('SOPS_AGE_SSH_PRIVATE_KEY_CMD', () => fromCommand('SOPS_AGE_SSH_PRIVATE_KEY_CMD', sshKey, looking)),
  ]
  return (await Promise.all(all)).flat()
}

/** Where sops keeps a user's keys. */
function defaultFiles(env: Surroundings['env'], platform: string, home: string): string[] {
  const directory = platform === 'win32' ? env['APPDATA'] : env['XDG_CONFIG_HOME'] || undefined
  const usual = platform === 'win32' ? undefined : join(home, platform === 'darwin' ? 'Library/Application Support' : '.config')
  const base = directory ?? usual
  return base === undefined ? [] : [join(base, 'sops', 'age', 'keys.txt')]
}

const ageKeys: Parse = (bytes, origin, { ask }) => readIdentityFile(bytes, origin, { ask })

const sshKey: Parse = (bytes, origin, looking) => sshIdentity(bytes, origin, null, looking)

async function sshIdentity(bytes: Buffer, origin: string, publicLine: string | null, { ask }: Looking): Promise<readonly AgeIdentity[]> {
  const { readSshIdentity } = await import('../secrets/ssh-identity.ts')
  return [await readSshIdentity({ text: new Secret(bytes), origin, publicLine, ask })]
}

/** A file that a variable names must be there; any other place may be empty. */
async function fromFile(
  path: string,
  origin: string,
  kind: 'named' | 'usual',
  parse: Parse,
  looking: Looking,
): Promise<readonly AgeIdentity[]> {
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && kind === 'usual') return [lacking(origin)]
    return [lacking(origin, `${origin} cannot be read: ${code ?? 'error'}`)]
  }
  return parse(bytes, origin, looking)
}

/** Most files need no SSH key, and most SSH keys are for something else. */
function sshFile(path: string, origin: string, kind: 'named' | 'usual', looking: Looking): Promise<readonly AgeIdentity[]> {
  const parse: Parse = async (bytes) => sshIdentity(bytes, origin, await readFile(`${path}.pub`, 'utf8').catch(() => null), looking)
  return Promise.resolve([later('file', origin, () => fromFile(path, origin, kind, parse, looking))])
}

/** Run again for each recipient, which it hears in `SOPS_AGE_RECIPIENT`: it may give one key for each. */
function fromCommand(origin: string, parse: Parse, looking: Looking): Promise<readonly AgeIdentity[]> {
  const answers = new Map<string, () => Promise<readonly AgeIdentity[]>>()
  const fetch: KeySource['fetch'] = ({ recipient }) => {
    // The file names them, and nothing vouches for it.
    if (answers.size >= MOST_RUNS && !answers.has(recipient))
      return Promise.resolve([lacking(origin, `${origin} is run ${MOST_RUNS} times at most`)])
    const answer = answers.get(recipient) ?? once(() => run(origin, recipient, parse, looking))
    answers.set(recipient, answer)
    return answer()
  }
  return Promise.resolve([{ name: '', origin, key: { effort: 'command', fetch } }])
}

async function run(origin: string, recipient: string, parse: Parse, looking: Looking): Promise<readonly AgeIdentity[]> {
  const { keyCommand } = await import('./key-command.ts')
  const output = await keyCommand(origin, looking.env, { SOPS_AGE_RECIPIENT: recipient })
  return typeof output === 'string' ? [lacking(origin, output)] : parse(output, origin, looking)
}

function later(effort: KeySource['effort'], origin: string, fetch: () => Promise<readonly AgeIdentity[]>): AgeIdentity {
  return { name: '', origin, key: { effort, fetch: once(fetch) } }
}
