import { encodeGoString } from '../../repository/go-json.ts'
import type { SideStatistics } from './diff-statistics.ts'
import type { DiffChange, DiffReport } from './diff-trees.ts'

/** One line of `restic diff --json`. */
export function diffChangeJson({ path, modifier }: DiffChange): string {
  return `{"message_type":"change","path":${encodeGoString(path)},"modifier":"${modifier}"}`
}

/** The last line of `restic diff --json`; `before` and `after` as the user wrote them. */
export function diffReportJson(report: DiffReport, before: string, after: string): string {
  return (
    `{"message_type":"statistics","source_snapshot":${encodeGoString(before)},"target_snapshot":${encodeGoString(after)}` +
    `,"changed_files":${report.changedFiles},"added":${sideJson(report.added)},"removed":${sideJson(report.removed)}}`
  )
}

function sideJson(side: SideStatistics): string {
  const { files, dirs, others, dataBlobs, treeBlobs, bytes } = side
  return JSON.stringify({ files, dirs, others, data_blobs: dataBlobs, tree_blobs: treeBlobs, bytes })
}
