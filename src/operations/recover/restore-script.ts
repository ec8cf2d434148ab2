/**
 * The script of a restore_command that asks another process for files of the log, in a folder of both: by an empty file
 * "want-<name>", unless "have-<name>" waits there already. It ends with what restore_command wants: 0, 1 for a file that
 * is not there ("none-<name>"), and more than 128 to stop the recovery: for "fail-<name>", where the process is gone, and
 * where the folder is.
 *
 * The server may not see whether the process lives where those of others are hidden (hidepid), not even the first one: then only the
 * folder tells, which is removed when the process is killed.
 *
 * ":" in the place of "true" would end the shell with 2 where the file can not be made, whatever stands behind it: to the
 * server that is a log that ends there.
 *
 * "want-<name>" goes before "have-<name>": who saw the one without the other would fetch the file again, for nobody to take.
 *
 * Each program that it starts costs the server's replay milliseconds, a segment: what waits is handed over by one.
 */
export function restoreScript(folder: string, processId: number): string {
  return `cd ${quoted(folder)} || exit 200
here=$OLDPWD
case $2 in /*) target=$2 ;; *) target=$here/$2 ;; esac
[ -f "have-$1" ] || true >"want-$1" || exit 200
while :; do
  if [ -f "have-$1" ]; then
    [ -f "want-$1" ] && rm -f "want-$1"
    mv -f "have-$1" "$target" || exit 200
    exit 0
  fi
  if [ -f "none-$1" ]; then
    rm -f "want-$1" "none-$1"
    exit 1
  fi
  [ -f "fail-$1" ] && exit 200
  [ -f fetch ] || exit 200
  if [ ! -d /proc/${processId} ] && [ -d /proc/1 ]; then
    case $1 in *.history) exit 1 ;; *) exit 200 ;; esac
  fi
  sleep 0.02
done
`
}

/** As one word of a shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
