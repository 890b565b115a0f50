/**
 * Sums up the `.results/KIND.json` files that the packages' test scripts write:
 * `node tools/bootstrap/summary.mjs KIND…` prints how many rows of the acceptance catalogue they cover, and closes with
 * `N passed, N failed`, and `, N skipped` if there are any.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

import { acceptanceLine } from './acceptance.mjs'

export function printSummary(root, kinds) {
  const reports = resultFiles(root, kinds).map((file) => JSON.parse(readFileSync(file, 'utf8')))
  const total = (key) => reports.reduce((sum, report) => sum + report[key], 0)
  // a file that does not load fails without counting a single test
  const brokenFiles = reports
    .flatMap((report) => report.testResults)
    .filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length
  const failed = total('numFailedTests') + brokenFiles
  const skipped = total('numPendingTests') + total('numTodoTests')
  console.log(acceptanceLine(reports))
  console.log(`${total('numPassedTests')} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
}

/** Before a run, so that a package whose tests do not even start is not counted by its last results. */
export function removeResults(root, kinds) {
  for (const file of resultFiles(root, kinds)) rmSync(file)
}

function resultFiles(root, kinds) {
  return ['packages', 'apps', 'tools']
    .flatMap((group) => readdirSync(join(root, group)).map((name) => join(root, group, name, '.results')))
    .flatMap((folder) => kinds.map((kind) => join(folder, `${kind}.json`)))
    .filter((file) => existsSync(file))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  printSummary(resolve(dirname(fileURLToPath(import.meta.url)), '../..'), process.argv.slice(2))
}
