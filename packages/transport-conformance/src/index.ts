export * from './checks.ts'
export * from './describe-transport.ts'
export * from './run-check.ts'
export * from './subject.ts'
