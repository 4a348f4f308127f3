-- `itrigger batch FILE`: one call for each line of a file of JSON objects, many at once. A journal beside the file says
-- what was started and what came of it, so that --resume repeats no line that succeeded, and none that may have been
-- executed.

local core = require "itrigger.core"
local json = require "itrigger.json"
local terminal = require "itrigger.cli.terminal"

local clock, digest, floor = core.monotonic_s, core.digest, math.floor
local batch = {}

-- ---- the journal: "started N DIGEST" before line N is sent, then "ok N", "failed N" (not executed) or "unknown N" ----

local function read_journal(path, head)
  local file = io.open(path, "rb")
  if file == nil then
    return nil, ("--resume: %s does not exist; nothing was begun, leave --resume out"):format(path)
  end
  local first = file:read "*l"
  if first ~= head then
    file:close()
    return nil, ("--resume: %s belongs to another run (it says %s, not %s)"):format(path,
      tostring(first), head)
  end
  local state, digests = {}, {}
  for line in file:lines() do
    local word, number, hash = line:match "^(%a+) (%d+) ?(%x*)$"
    number = tonumber(number)
    if word == "started" then
      digests[number] = hash
    end
    if word then
      state[number] = word
    end
  end
  file:close()
  return state, digests
end

local function open_journal(path, head, resume)
  local state, digests = {}, nil
  if resume then
    state, digests = read_journal(path, head)
    if state == nil then
      return nil, digests
    end
  else
    local file = io.open(path, "rb")
    if file then
      file:close()
      return nil, path .. " exists: an earlier run did not finish; continue it with --resume, or remove it to send every line"
        .. " again"
    end
  end
  local file, err = io.open(path, "ab")
  if file == nil then
    return nil, err
  end
  if not resume then
    file:write(head, "\n")
  end
  return { file = file, state = state, digests = digests, path = path }
end

local function note(journal, word, number, hash)
  if journal then
    journal.file:write(word, " ", number, hash and " " or "", hash or "", "\n")
  end
end

-- ---- progress ----

local function duration(seconds)
  if seconds >= 3600 then
    return ("%.0f:%02.0f:%02.0f"):format(floor(seconds / 3600), floor(seconds / 60 % 60), floor(seconds % 60))
  end
  return ("%.0f:%02.0f"):format(floor(seconds / 60), floor(seconds % 60))
end

local function summary(counts, began)
  local seconds = math.max(clock() - began, 0.001)
  local done = counts.ok + counts.failed + counts.unknown
  return ("%d done: %d ok, %d failed, %d unknown, %d skipped; %.0f/s, %s"):format(done, counts.ok, counts.failed,
    counts.unknown, counts.skipped, done / seconds, duration(seconds))
end

-- Shows progress on standard error: a bar on a terminal, a line each minute elsewhere.
local function progress(counts, total)
  local began, last, tty = clock(), clock(), terminal.is_tty(2)
  local calls = 0
  return function(final)
    calls = calls + 1
    if not final and calls % 16 ~= 0 and tty == false then
      return
    end
    local now = clock()
    if not final and now - last < (tty and 0.1 or 60) then
      return
    end
    last = now
    if final or not tty then
      io.stderr:write(tty and "\r\27[K" or "", "itrigger batch: ", summary(counts, began), "\n")
      return
    end
    local done = counts.ok + counts.failed + counts.unknown + counts.skipped
    local share = total > 0 and done / total or 0
    local bar = ("#"):rep(floor(share * 24)) .. ("."):rep(24 - floor(share * 24))
    local rate = done / math.max(now - began, 0.001)
    io.stderr:write(("\r\27[K[%s] %d/%s  %.0f/s  %d failed  left %s"):format(bar, done, total > 0 and total or "?", rate,
      counts.failed + counts.unknown, rate > 0 and total > 0 and duration((total - done) / rate) or "?"))
  end
end

-- ---- lines ----

local function count_lines(path)
  local file = io.open(path, "rb")
  local n = 0
  if file then
    for _ in file:lines() do
      n = n + 1
    end
    file:close()
  end
  return n
end

-- What was not executed may be sent again; of what may have been, only somebody who looks can say.
local function word_of(result)
  if result.response then
    return "ok"
  end
  local err = result.error
  local executed = not (err.retryable or err.kind == "usage" or err.kind == "api" or err.kind == "config"
    or err.kind == "token" or err.kind == "quota" or err.kind == "store")
  return executed and "unknown" or "failed"
end

-- Run a batch. o: client, input (path or "-"), request(params) → a request of client:batch, name of the endpoint,
-- concurrency, failed (path or nil), resume, journal (path or nil). Returns counts | nil, what is wrong. Raises what
-- interrupts it, after everything was written.
function batch.run(o)
  local file, err, journal
  local standard = o.input == "-"
  if standard then
    file = io.stdin
    if o.resume and not o.journal then
      return nil, "--resume with standard input wants --journal FILE"
    end
  else
    file, err = io.open(o.input, "rb")
    if file == nil then
      return nil, err
    end
  end
  local path = o.journal or not standard and o.input .. ".journal"
  if path then
    local head = ("itrigger batch %s %s"):format(o.name, o.input)
    journal, err = open_journal(path, head, o.resume)
    if journal == nil then
      return nil, err
    end
  end
  local failed
  if o.failed then
    failed, err = io.open(o.failed, o.resume and "ab" or "wb")
    if failed == nil then
      return nil, err
    end
  end

  local counts = { ok = 0, failed = 0, unknown = 0, skipped = 0 }
  local show = progress(counts, standard and 0 or count_lines(o.input))
  local number, lines = 0, {} -- of lines in flight: number → text

  local function tell(line_number, text, word, why)
    counts[word] = counts[word] + 1
    note(journal, word, line_number)
    if word ~= "ok" then
      local report = { line = line_number, outcome = word, error = why, request = text }
      local value = json.decode(text)
      if type(value) == "table" then
        report.request = value
      end
      (failed or io.stderr):write(json.encode(report) or text, "\n")
    end
    show()
  end

  -- The next line that is to be sent, as a request.
  local function pull()
    for line in file:lines() do
      number = number + 1
      local before = journal and journal.state[number]
      if before and before ~= "failed" and journal.digests[number] ~= digest(line) then
        error(("line %.0f of %s is not the line that was sent as number %.0f: lines were added or removed before it"):format(
          number, o.input, number), 0)
      elseif before == "ok" or before == "unknown" or line:find "^%s*$" then
        counts.skipped = counts.skipped + 1
      elseif before == "started" then
        tell(number, line, "unknown", "an earlier run ended while this line was in flight")
      else
        local params, wrong = json.decode(line, { null = "keep" })
        if type(params) ~= "table" then
          tell(number, line, "failed", wrong and wrong.message or "not a JSON object")
        else
          local request = o.request(params)
          request.tag, lines[number] = number, line
          if journal then
            note(journal, "started", number, digest(line))
            journal.file:flush()
          end
          return request
        end
      end
    end
  end

  local running = o.client:batch(pull, { concurrency = o.concurrency })
  local ok, wrong = xpcall(function()
    for result in running do
      local text = lines[result.tag]
      lines[result.tag] = nil
      tell(result.tag, text, word_of(result), result.error and tostring(result.error))
    end
  end, function(message)
    return message
  end)
  for _, left in ipairs(running:close() or {}) do
    tell(left.tag, lines[left.tag] or "", "unknown", "interrupted while in flight")
    lines[left.tag] = nil
  end
  show(true)
  if failed then
    failed:close()
  end
  if journal then
    journal.file:close()
    if ok and counts.failed == 0 and counts.unknown == 0 then
      os.remove(journal.path)
    else
      io.stderr:write("itrigger batch: what came of each line is in ", journal.path, "; continue with --resume\n")
    end
  end
  if not ok then
    error(wrong, 0)
  end
  return counts
end

return batch
