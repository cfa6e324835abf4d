#!/bin/sh
# A CGI that writes down what the server told it of a request: its variables, each with a NUL behind it, one
# more NUL, then the body. The name of the file is new in each request of a run: a process that
# has the number of an earlier one is asked by another request.
{
  env -0
  printf '\0'
  cat
} >"$FUZZ_RECORDS/$$-$HTTP_X_FUZZ_ID.part"
mv "$FUZZ_RECORDS/$$-$HTTP_X_FUZZ_ID.part" "$FUZZ_RECORDS/$$-$HTTP_X_FUZZ_ID.request"
printf 'Content-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n'
