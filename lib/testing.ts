export { candidate, type CandidateHost, type CandidateView } from './cli/candidate.ts'
export { permission, type Permission } from './plugins/claude-code/permission.ts'
export type { CandidateFile } from '../tasks/candidate.ts'
