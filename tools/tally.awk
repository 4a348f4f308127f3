# Adds up one TAP log, ours or cmocka's: prints "PASSED FAILED SKIPPED", then one line per failure, each
# followed by what the log says about it.
#   awk -f tools/tally.awk -v name=SUITE -v status=EXIT_STATUS LOG
#
# A run counts as failed, whatever it printed, when it ended by a signal, ended badly without saying which test
# failed, ran fewer tests than it planned (cmocka plans first, busted last), or ran none.

function fail(text) { failed++; report = report name ": " text "\n" why; why = ""; telling = 1 }

/^(not )?ok / { latest = $0 }
/^ERROR: / { why = why "    " $0 "\n" } # cmocka's fail_msg prints it before the name of the test
/^ok / { why = "" }
/^1\.\.[0-9]+$/ { planned += substr($0, 4); plans++; telling = 0; next }
/^(not )?ok .*# SKIP/ { skipped++; telling = 0; why = ""; next }
/^not ok 0 / { fail(substr($0, 10)); broken = 1; next }
/^not ok / { sub(/^not ok [0-9]+ /, ""); sub(/^- /, ""); fail($0); next }
/^ok / { passed++; telling = 0; next }
telling && /^#/ { report = report "    " $0 "\n" }
{ last = last $0 "\n"; if (length(last) > 4000) last = substr(last, length(last) - 3000) }

END {
    telling = 0
    ran = passed + failed + skipped
    if (status == 124) die("timed out")
    else if (status > 128) die("ended by signal " status - 128)
    else if (status != 0 && !failed) die("exit status " status)
    else if (!plans || !ran) die("ran no test")
    else if (ran != planned && !broken) die("stopped after " ran " of " planned " tests")
    printf "%d %d %d\n%s", passed, failed, skipped, report
}

# A run that did not end as it should: what it said last may tell why.
function die(text) {
    fail(latest ? text ", after: " latest : text)
    report = report "    last words:\n" indent(last)
}

function indent(text) { gsub(/\n/, "\n    ", text); sub(/ +$/, "", text); return "    " text }
