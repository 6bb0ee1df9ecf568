# Reads a pipe from the process that tests; at its end, also when that process was killed, cleans up after it.
# $1: folder of the private server, or empty. $2: psql. $3: address of a server that is not ours, or empty.
# Lines on the pipe name the databases that were made.
folder=$1 psql=$2 address=$3
made=
while read -r name; do
  case $name in
    -*) made=$(printf '%s' "$made" | sed "s/ ${name#-} / /g") ;;
    *) made="$made $name " ;;
  esac
done
if [ -n "$address" ]; then
  for name in $made; do
    "$psql" --no-psqlrc --quiet --dbname "$address" --command "DROP DATABASE IF EXISTS $name WITH (FORCE)"
  done
fi
[ -n "$folder" ] || exit 0
pid_file=$folder/data/postmaster.pid
if [ -f "$pid_file" ]; then
  pid=$(sed -n 1p "$pid_file")
  # The number may belong to another process by now.
  runs() { [ "$(readlink "/proc/$pid/cwd")" = "$folder/data" ]; }
  if runs; then
    # Immediate shutdown: no checkpoint, but its shared memory is given back.
    kill -QUIT "$pid"
    tries=0
    while runs && [ "$tries" -lt 50 ]; do
      sleep 0.1
      tries=$((tries + 1))
    done
    if runs; then kill -KILL "$pid"; fi
  fi
  # What a killed server left of System V's shared memory: key and id stand in line 7.
  if [ -f "$pid_file" ]; then
    segment=$(sed -n 7p "$pid_file" | awk '{ print $2 }')
    [ -z "$segment" ] || ipcrm --shmem-id "$segment"
  fi
fi
rm -rf "$folder"
