/** Rows of the acceptance catalogue: what a user of skopeo can observe. */
const rows = 315

/** IDs of rows at the start of a test's name, or of a block of tests: `CPY-32, CPY-33: a layout`. */
const leadingIds = /^[A-Z]{3}-\d{2}(?:, [A-Z]{3}-\d{2})*(?=:|$)/

/** How many rows have tests that pass, and none that does not, by vitest's JSON `reports`. */
export function acceptanceLine(reports) {
  const covered = new Set()
  const failed = new Set()
  for (const test of reports.flatMap((report) => report.testResults).flatMap((file) => file.assertionResults)) {
    const ids = [...test.ancestorTitles, test.title].flatMap((title) => leadingIds.exec(title)?.[0].split(', ') ?? [])
    for (const id of ids) (test.status === 'passed' ? covered : failed).add(id)
  }
  const passed = [...covered].filter((id) => !failed.has(id))
  return `acceptance: ${passed.length} of ${rows} rows covered`
}
