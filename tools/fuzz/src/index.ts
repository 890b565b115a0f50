export { fc } from './fast-check.ts'
export { anyText, bytesLike, jsonLike, textLike } from './mutation.ts'
export { laterOutcome, outcome, type Outcome } from './outcome.ts'
