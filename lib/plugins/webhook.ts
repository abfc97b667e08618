import type { AlertEvent, NotifierContext } from './contract.ts'

/** Where a webhook goes. */
export interface WebhookOptions {
  readonly url: string
  /** Further HTTP headers, for example an authorization. */
  readonly headers?: Readonly<Record<string, string>>
  readonly on?: AlertEvent['event'][]
}

/** A notifier that posts each event as JSON. It fails unless the answer is 2xx. */
export function webhook({ url, headers = {}, on }: WebhookOptions): {
  name: string
  on?: AlertEvent['event'][]
  send: (event: AlertEvent, context: NotifierContext) => Promise<void>
} {
  return {
    name: `webhook ${new URL(url).host}`,
    ...(on !== undefined && { on }),
    async send(event, { signal }) {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(event),
        signal,
        redirect: 'error',
      }).catch((error: unknown) => {
        throw new Error(reason(error), { cause: error })
      })
      if (!answer.ok) throw new Error(`it answered ${answer.status}`)
    },
  }
}

/** Why a request failed: `fetch` itself only says that it did. */
function reason(error: unknown): string {
  const { message, cause } = error as { message: string; cause?: { message?: string; code?: string } }
  return cause?.message || cause?.code || message
}
