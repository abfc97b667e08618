import { scrypt } from 'node:crypto'
import type { Identity } from 'age-encryption'
import { strictBase64Unpadded } from '../base64.ts'
import type { Secret } from '../secret.ts'
import { openFileKey } from './box.ts'

const LABEL = 'age-encryption.org/v1/scrypt'
const BLOCK = 8
/** A gigabyte, and some seconds. `age` itself writes 18. */
const MOST_WORK = 20

/** Opens what was encrypted with a passphrase. Throws for a stanza that is malformed, or wants more memory than is sane. */
export function scryptIdentity(passphrase: Secret): Identity {
  return {
    async unwrapFileKey(stanzas) {
      const stanza = stanzas.find(({ args }) => args[0] === 'scrypt')
      if (stanza === undefined) return null
      const [, salt, work, ...more] = stanza.args
      const bytes = strictBase64Unpadded(salt ?? '')
      if (stanzas.length !== 1 || more.length > 0 || bytes?.length !== 16 || !/^[1-9][0-9]*$/.test(work ?? ''))
        throw new Error('a malformed scrypt stanza')
      if (Number(work) > MOST_WORK) throw new Error('the work factor of its passphrase is too high')
      const key = await derive(passphrase.bytes(), Buffer.concat([Buffer.from(LABEL), bytes]), 2 ** Number(work))
      return openFileKey(key, stanza.body)
    },
  }
}

function derive(passphrase: Buffer, salt: Buffer, cost: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // Not in pure JavaScript, which takes three times as long; and not on this thread.
    scrypt(passphrase, salt, 32, { N: cost, r: BLOCK, p: 1, maxmem: 128 * BLOCK * (cost + 32) }, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}
