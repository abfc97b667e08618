const INSPECT = Symbol.for('nodejs.util.inspect.custom')

/**
 * Plaintext that must not be seen by accident. Printing, inspecting or serialising one gives `[secret]`;
 * only `bytes()` and `text()` give it away, so every place that does is easy to find.
 */
export class Secret {
  readonly #bytes: Buffer

  /** Keeps a copy: the caller may wipe what it has handed over. */
  constructor(plaintext: Uint8Array | string) {
    this.#bytes = typeof plaintext === 'string' ? Buffer.from(plaintext, 'utf8') : Buffer.from(plaintext)
  }

  /** The plaintext itself, not a copy. Never log it, never put it into a message. */
  bytes(): Buffer {
    return this.#bytes
  }

  /** The plaintext as UTF-8 text. */
  text(): string {
    return this.#bytes.toString('utf8')
  }

  /** Overwrites the plaintext; the secret is empty of meaning afterwards. */
  wipe(): void {
    this.#bytes.fill(0)
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [INSPECT](): string {
    return '[secret]'
  }
}
