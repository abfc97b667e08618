import { gitText } from '../lib/host/git.ts'
import type { Generation } from '../lib/model/state.ts'
import type { Run, Unit } from './run.ts'

/** Who Git says has written and signed the commit of a unit. What cannot be told is null: nothing depends on it. */
export async function whoCommitted(run: Run, unit: Unit): Promise<Pick<Generation, 'author' | 'signer'>> {
  const nobody = { author: null, signer: null }
  if (unit.pulled === null || unit.commit === null || run.signal.aborted) return nobody
  const { gitDir, config } = unit.pulled.repository
  const show = (format: string, asUser: boolean): Promise<string> =>
    gitText(['log', '-1', `--format=${format}`, unit.commit ?? '', '--'], { gitDir, config, asUser, pins: VERIFIERS, signal: run.signal })
  try {
    const author = await show('%an <%ae>', false)
    // Git asks gpg or ssh-keygen only about a commit that is signed; whom they trust is the user's affair.
    return { author, signer: signerOf(await show('%G?%n%GS%n%GK', true).catch(() => 'N')) }
  } catch {
    return nobody
  }
}

/** A repository does not choose what is run to look at its signatures. */
const VERIFIERS = ['gpg.program=gpg', 'gpg.openpgp.program=gpg', 'gpg.x509.program=gpgsm', 'gpg.ssh.program=ssh-keygen']

/** Git's letter for a signature, with whose it is as far as that is known. */
function signerOf(text: string): string | null {
  const [letter = 'N', name = '', key = ''] = text.split('\n')
  const who = name || key || 'an unknown key'
  if (letter === 'G') return who
  if (letter === 'N') return null
  return `${who} (${SIGNATURES[letter] ?? 'not verified'})`
}

const SIGNATURES: Readonly<Record<string, string>> = {
  U: 'not a trusted key',
  X: 'expired',
  Y: 'by an expired key',
  R: 'by a revoked key',
  B: 'bad signature',
}
