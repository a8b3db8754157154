#!/bin/sh
# Records the shipped traces anew, into the current folder. Needs valgrind, sqlite3, gcc 12 and an installed `reclaim`;
# takes about half an hour, since valgrind's lackey runs programs some two thousand times slower than by themselves.
set -eu
inputs=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
export LC_ALL=C

python3 "$inputs/make_database.py" db.sqlite queries.sql
reclaim trace record -o database.rtrace.zst --name database --level 19 -- sqlite3 db.sqlite < queries.sql > /dev/null

python3 "$inputs/make_source.py" source.c
gcc -E source.c -o source.i
reclaim trace record -o compiler.rtrace.zst --name compiler --level 19 -- \
    "$(gcc -print-prog-name=cc1)" -quiet -O1 -fpreprocessed source.i -o source.s

python3 "$inputs/make_lines.py" lines.txt
mkdir -p runs
reclaim trace record -o sort.rtrace.zst --name sort --level 19 -- \
    sort -S 1M -T runs --parallel=1 --batch-size=8 -o sorted.txt lines.txt

cp "$inputs/interpreter.py" .
reclaim trace record -o interpreter.rtrace.zst --name interpreter --level 19 -- /usr/bin/python3 interpreter.py
