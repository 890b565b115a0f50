import type { ImageConfig } from '../image-config.ts'
import type { Inspection } from '../inspection.ts'
import { imageConfigValue, inspectionValue } from './image-values.ts'
import { renderReport, type Report } from './report.ts'

/** What `inspect --format` prints. Throws USAGE for a template that cannot be parsed. */
export function formatInspection(format: string, inspection: Inspection): Report {
  return renderReport(format, inspectionValue(inspection))
}

/** What `inspect --config --format` prints. Throws USAGE for a template that cannot be parsed. */
export function formatImageConfig(format: string, config: ImageConfig): Report {
  return renderReport(format, imageConfigValue(config))
}
