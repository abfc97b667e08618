/** Characters that look drawn, always the same ones. */
function drawn(length: number, alphabet = 'aB3dE7gH1jK5mN9pQ2sT4vW6xY8z'): string {
  return Array.from({ length }, (_, index) => alphabet[(index * 11 + Math.floor(index / alphabet.length)) % alphabet.length]).join('')
}

/** A made-up token of each kind, put together here so that this file holds none. */
export function tokens() {
  return {
    age: `AGE-SECRET-KEY-1${drawn(58, 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L')}`,
    anthropic: `sk-ant-api03-${drawn(93)}AA`,
    aws: `AWS_SECRET_ACCESS_KEY=${drawn(40)}`,
    basicauth: `https://deploy:${drawn(14)}@git.example.com/`,
    database: `postgres://app:${drawn(14)}@db.internal.net:5432/app`,
    docker: `dckr_pat_${drawn(27)}`,
    github: `ghp_${drawn(36)}`,
    'github-fine': `github_pat_${drawn(82)}`,
    gitlab: `glpat-${drawn(20)}`,
    grafana: `glsa_${drawn(32)}_${drawn(8, '0123456789abcdef')}`,
    groq: `gsk_${drawn(52)}`,
    hashicorp: `hvs.${drawn(95)}`,
    huggingface: `hf_${drawn(34, 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM')}`,
    npm: `npm_${drawn(36)}`,
    openai: `sk-${drawn(20)}T3BlbkFJ${drawn(20)}`,
    privatekey: `-----BEGIN PRIVATE KEY-----\nMI${drawn(62)}\n${drawn(64)}\n-----END PRIVATE KEY-----`,
    sendgrid: `SG.${drawn(22)}.${drawn(43)}`,
    shopify: `shpat_${drawn(32)}`,
    slack: `xoxb-${drawn(12, '0123456789')}-${drawn(24)}`,
    stripe: `sk_live_${drawn(24)}`,
  }
}
