import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { newIdentity, type Recipient } from '../../lib/secrets/age.ts'
import { encryptSops, type EncryptOptions } from '../../lib/secrets/sops/encrypt.ts'
import type { Sandbox } from './sandbox.ts'

/** A member of a team: a private key, and the public one that files are encrypted to. */
export interface Member {
  readonly identity: string
  readonly recipient: Recipient
}

/** A new member. */
export async function member(): Promise<Member> {
  const { identity, recipient } = await newIdentity()
  return { identity: identity.text(), recipient }
}

/** Where sops looks for the keys of the sandbox's user. */
const keysOf = (sandbox: Sandbox): string => join(sandbox.home, '.config/sops/age/keys.txt')

/** Puts a member's key where sops looks. */
export function trust(sandbox: Sandbox, { identity }: Member): void {
  sandbox.write(sandbox.home, { '.config/sops/age/keys.txt': { text: `# a key\n${identity}\n`, mode: 0o600 } })
}

/** Takes the user's key away. */
export function forget(sandbox: Sandbox): void {
  rmSync(keysOf(sandbox), { force: true })
}

/** A SOPS file for some members. An object becomes a JSON file that keeps its structure; a text needs its format said. */
export async function sops(to: Member | readonly Member[], plain: object | string, options: Partial<EncryptOptions> = {}): Promise<string> {
  const text = typeof plain === 'string' ? plain : `${JSON.stringify(plain, null, 2)}\n`
  const recipients = [to].flat().map((each) => each.recipient)
  const { bytes } = await encryptSops(Buffer.from(text), { format: 'json', recipients, now: new Date(), ...options })
  return bytes.toString()
}
